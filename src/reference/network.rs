//! The network as it runs: its parts in order, each as in the paper's figure 2.

use super::layers;
use super::maps::Maps;
use super::outputs::Outputs;
use super::rounding::Rounding;
use crate::architecture::{Architecture, DenseLayer, Head, InputSize, Padding, Part, StemPart, Transition};
use crate::error::{Error, Result};
use crate::maps::CLASS_MAPS;
use crate::weights::Weights;

/// Runs the network on `input` (NCHW, `batch` images of `size`) and keeps every layer's output: those of
/// [`Architecture::walk`] by their names, and the taps, which are
///
/// | name | what |
/// |---|---|
/// | `features.denseblock1.denselayer1` | the layer's new channels only |
/// | `features.denseblock1` | the whole block: its input and all new channels |
/// | `features.transition1.pooled` | the average pool of ReLU(norm(x)): the transition with its pooling first |
/// | `features.transition1` | the transition's output |
/// | `cam` ([`CLASS_MAPS`]) | the classifier at every pixel, without its bias |
///
/// and, being layers too, `features.relu0` (or `features.conv0`), `features.pool0`, each
/// `features.denseblock1.denselayer1.relu2`, `features.pool5` and `classifier`. Kept as f32 they take about 200 MB for one
/// image of 224x224 and DenseNet-121; [`forward_keeping`] keeps less.
///
/// # Errors
/// [`Error::Input`] where `input` has another length, holds a NaN or an infinity, or `size` is too small for the
/// network; [`Error::Weights`] for a missing tensor, or where the result is not finite.
pub fn forward(weights: &Weights, input: &[f32], batch: usize, size: InputSize) -> Result<Outputs> {
    forward_keeping(weights, input, batch, size, |_| true)
}

/// As [`forward`], but keeps only the outputs whose name `keep` accepts, and always the last one (the logits).
///
/// # Errors
/// As [`forward`].
pub fn forward_keeping(
    weights: &Weights,
    input: &[f32],
    batch: usize,
    size: InputSize,
    keep: impl Fn(&str) -> bool,
) -> Result<Outputs> {
    let architecture = weights.architecture();
    architecture.walk(size)?; // refuses sizes that the network does not admit
    let image = check_input(architecture, input, batch, size)?;
    let rounding = Rounding::none(&image);
    let mut x = Values { maps: image, rounding };
    let mut network = Network { weights, keep, outputs: Outputs::new() };
    for part in architecture.parts() {
        x = match part {
            Part::Stem(stem) => network.stem(x, &stem)?,
            Part::DenseLayer(layer) => network.dense_layer(x, &layer)?,
            Part::BlockEnd(end) => {
                network.keep(&end.name, &x);
                x
            }
            Part::Transition(transition) => network.transition(x, &transition)?,
            Part::Head(head) => network.head(x, &head)?,
        };
    }
    match network.outputs.logits().iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::overflow(at / architecture.output_channels())),
        None => Ok(network.outputs),
    }
}

fn check_input(architecture: &Architecture, input: &[f32], batch: usize, size: InputSize) -> Result<Maps> {
    let (channels, InputSize { height, width }) = (architecture.input_channels, size);
    let elements = [channels, height, width].iter().try_fold(batch, |n, &side| n.checked_mul(side));
    if batch == 0 || elements != Some(input.len()) {
        return Err(Error::Input(format!(
            "{} numbers are not {batch} images of {channels}x{height}x{width} (channels, rows, columns): give batch x \
             channels x rows x columns of them, at least one image",
            input.len()
        )));
    }
    if let Some(at) = input.iter().position(|x| !x.is_finite()) {
        return Err(Error::Input(format!("element {at} is {}: every element must be finite", input[at])));
    }
    Ok(Maps { images: batch, channels, height, width, data: input.iter().map(|&x| f64::from(x)).collect() })
}

/// Feature maps, and how far f32 arithmetic may be from them.
struct Values {
    maps: Maps,
    rounding: Rounding,
}

struct Network<'a, K> {
    weights: &'a Weights,
    keep: K,
    outputs: Outputs,
}

impl<K: Fn(&str) -> bool> Network<'_, K> {
    fn keep(&mut self, name: &str, x: &Values) {
        if (self.keep)(name) {
            self.outputs.push(name, x.maps.to_value(), x.rounding.clone());
        }
    }

    fn stem(&mut self, image: Values, part: &StemPart) -> Result<Values> {
        let stem = self.weights.architecture().stem;
        let mut x = self.convolution(&image, part.conv, stem.stride, stem.padding)?;
        if let Some([norm, relu]) = part.norm_relu {
            x = self.norm_relu(&x, norm, relu)?;
        }
        if let (Some(name), Some(pool)) = (part.pool, stem.pool) {
            x.maps = layers::max_pool(&x.maps, pool.kernel, pool.stride, pool.padding);
            self.keep(name, &x);
        }
        Ok(x)
    }

    /// BN-ReLU-1x1-BN-ReLU-3x3, or BN-ReLU-3x3 without a bottleneck; then the input with the new channels behind it.
    fn dense_layer(&mut self, before: Values, layer: &DenseLayer) -> Result<Values> {
        let name = &layer.name;
        let mut x = self.norm_relu(&before, &format!("{name}.norm1"), &format!("{name}.relu1"))?;
        if layer.bottleneck.is_some() {
            x = self.convolution(&x, &format!("{name}.conv1"), 1, Padding::all(0))?;
            x = self.norm_relu(&x, &format!("{name}.norm2"), &format!("{name}.relu2"))?;
        }
        let new = self.convolution(&x, &layer.last_convolution(), 1, Padding::all(1))?;
        self.keep(name, &new);
        let maps = layers::concatenate(&before.maps, &new.maps);
        let all = Values { maps, rounding: before.rounding.concatenate(&new.rounding) };
        self.keep(&format!("{name}.concat"), &all);
        Ok(all)
    }

    fn transition(&mut self, x: Values, part: &Transition) -> Result<Values> {
        let name = &part.name;
        let x = self.norm_relu(&x, &format!("{name}.norm"), &format!("{name}.relu"))?;
        let pooled = format!("{name}.pooled");
        if (self.keep)(&pooled) {
            self.keep(&pooled, &average_pool(&x));
        }
        let x = self.convolution(&x, &format!("{name}.conv"), 1, Padding::all(0))?;
        let x = average_pool(&x);
        self.keep(&format!("{name}.pool"), &x);
        self.keep(name, &x);
        Ok(x)
    }

    /// Returns what it keeps last: the logits, or the pooled features.
    fn head(&mut self, x: Values, head: &Head) -> Result<Values> {
        let [norm, relu] = head.norm_relu;
        let x = self.norm_relu(&x, norm, relu)?;
        let maps = layers::global_average_pool(&x.maps);
        let pooled = Values { maps, rounding: x.rounding.of_global_pool(&x.maps) };
        let Some((name, _)) = head.classifier else {
            self.outputs.push(head.pool, pooled.maps.to_value(), pooled.rounding.clone());
            return Ok(pooled);
        };
        self.keep(head.pool, &pooled);
        let weight = self.weights.tensor(&format!("{name}.weight"))?;
        if (self.keep)(CLASS_MAPS) {
            let maps = layers::class_maps(&x.maps, weight);
            let rounding = x.rounding.of_sums(&x.maps, weight, None);
            self.keep(CLASS_MAPS, &Values { maps, rounding });
        }
        let bias = self.weights.tensor(&format!("{name}.bias"))?;
        let maps = layers::linear(&pooled.maps, weight, bias);
        let logits = Values { maps, rounding: pooled.rounding.of_sums(&pooled.maps, weight, Some(bias)) };
        self.outputs.push(name, logits.maps.to_value(), logits.rounding.clone());
        Ok(logits)
    }

    fn convolution(&mut self, x: &Values, name: &str, stride: usize, padding: Padding) -> Result<Values> {
        let weight = self.weights.tensor(&format!("{name}.weight"))?;
        let maps = layers::convolution(&x.maps, weight, stride, padding);
        let output = Values { maps, rounding: x.rounding.of_sums(&x.maps, weight, None) };
        self.keep(name, &output);
        Ok(output)
    }

    fn norm_relu(&mut self, x: &Values, norm: &str, relu: &str) -> Result<Values> {
        let part = |part: &str| Ok::<_, Error>(&self.weights.tensor(&format!("{norm}.{part}"))?.data);
        let (weight, bias, mean, var) = (part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?);
        let eps = self.weights.architecture().eps;
        let maps = Maps::build(x.maps.shape(), |image, c, plane| {
            let (weight, bias) = (f64::from(weight[c]), f64::from(bias[c]));
            let (mean, deviation) = (f64::from(mean[c]), (f64::from(var[c]) + eps).sqrt());
            for (y, &x) in plane.iter_mut().zip(x.maps.plane(image, c)) {
                *y = (x - mean) / deviation * weight + bias;
            }
        });
        let scale = |c: usize| f64::from(weight[c]) / (f64::from(var[c]) + eps).sqrt();
        let shift = |c: usize| f64::from(bias[c]) - f64::from(mean[c]) * scale(c);
        let rounding = x.rounding.of_affine(&x.maps, scale, shift);
        let normed = Values { maps, rounding };
        self.keep(norm, &normed);
        let data = normed.maps.data.iter().map(|&x| x.max(0.0)).collect();
        let output = Values { maps: Maps { data, ..normed.maps }, rounding: normed.rounding };
        self.keep(relu, &output);
        Ok(output)
    }
}

fn average_pool(x: &Values) -> Values {
    Values { maps: layers::average_pool(&x.maps), rounding: x.rounding.of_average_pool(&x.maps) }
}
