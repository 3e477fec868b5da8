//! The network as it runs: its parts in order, each as in the paper's figure 2.

use super::layers;
use super::maps::Maps;
use super::outputs::Outputs;
use super::rounding::Rounding;
use crate::architecture::{
    Architecture, DenseLayer, HeadLayer, HeadPart, InputSize, NamedLayer, Padding, Part, Pooling, StemPart, Transition,
};
use crate::error::{Error, Result};
use crate::maps::{CLASS_MAPS, POOLED_MAPS};
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
/// | `features.pooled` ([`POOLED_MAPS`]) | what the head pools |
/// | `cam` ([`CLASS_MAPS`]) | the classifier at every pixel, without its bias; only with a head of average pooling and one linear layer |
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
    forward_while(weights, input, batch, size, keep, || Ok(()))
}

/// As [`forward_keeping`]; `proceed` is asked before each part of the network, and its error ends the run.
pub(crate) fn forward_while(
    weights: &Weights,
    input: &[f32],
    batch: usize,
    size: InputSize,
    keep: impl Fn(&str) -> bool,
    proceed: impl Fn() -> Result<()>,
) -> Result<Outputs> {
    let architecture = weights.architecture();
    architecture.walk(size)?; // refuses sizes that the network does not admit
    let image = check_input(architecture, input, batch, size)?;
    let rounding = Rounding::none(&image);
    let mut x = Values { maps: image, rounding };
    let mut network = Network { weights, keep, outputs: Outputs::new() };
    for part in architecture.parts() {
        proceed()?;
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
    let transformed = architecture.input.as_ref().map(|transform| transform.apply(input, height * width));
    let data = transformed.as_deref().unwrap_or(input).iter().map(|&x| f64::from(x)).collect();
    Ok(Maps { images: batch, channels: architecture.stem_input_channels(), height, width, data })
}

/// Feature maps, and how far f32 arithmetic may be from them.
#[derive(Clone)]
struct Values {
    maps: Maps,
    rounding: Rounding,
}

impl Values {
    /// The channels of `self`, then those of `new`.
    fn with(&self, new: &Values) -> Values {
        let maps = layers::concatenate(&self.maps, &new.maps);
        Values { maps, rounding: self.rounding.concatenate(&new.rounding) }
    }
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
        let all = before.with(&new);
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
    fn head(&mut self, x: Values, head: &HeadPart) -> Result<Values> {
        let mut x = self.norm(&x, head.norm, self.weights.architecture().eps)?;
        if let Some(relu) = head.relu {
            x = self.relu(x, relu);
        }
        self.keep(POOLED_MAPS, &x);
        let pooled = pool(&x, self.weights.architecture().head.pooling);
        let Some(outputs) = head.outputs else {
            self.outputs.push(head.pool, pooled.maps.to_value(), pooled.rounding.clone());
            return Ok(pooled);
        };
        self.keep(head.pool, &pooled);
        if (self.keep)(CLASS_MAPS)
            && let (true, [only]) = (self.weights.architecture().head.is_plain(), &head.layers[..])
        {
            let weight = self.weights.tensor(&format!("{}.weight", only.name))?;
            let maps = layers::class_maps(&x.maps, weight);
            let rounding = x.rounding.of_sums(&x.maps, weight, None);
            self.keep(CLASS_MAPS, &Values { maps, rounding });
        }
        let mut logits = self.vectors(pooled, &head.layers, head.branches.is_empty())?;
        if !head.branches.is_empty() {
            let shared = logits;
            let mut all: Option<Values> = None;
            for (name, layers) in &head.branches {
                let own = self.vectors(shared.clone(), layers, true)?;
                self.keep(name, &own);
                all = Some(match all {
                    None => own,
                    Some(before) => before.with(&own),
                });
            }
            logits = all.expect("a head with branches has one at least");
        }
        self.outputs.push(outputs, logits.maps.to_value(), logits.rounding.clone());
        Ok(logits)
    }

    /// Layers of the head, one after the other. `last`: what the last of them yields is kept under the name of the output.
    fn vectors(&mut self, x: Values, layers: &[NamedLayer], last: bool) -> Result<Values> {
        let mut x = x;
        for (at, NamedLayer { name, layer, .. }) in layers.iter().enumerate() {
            x = match *layer {
                HeadLayer::Linear { .. } => {
                    let weight = self.weights.tensor(&format!("{name}.weight"))?;
                    let bias = self.weights.tensor(&format!("{name}.bias"))?;
                    let maps = layers::linear(&x.maps, weight, bias);
                    Values { maps, rounding: x.rounding.of_sums(&x.maps, weight, Some(bias)) }
                }
                HeadLayer::BatchNorm { eps } => self.normed(&x, name, eps)?,
                activation => {
                    let maps = layers::activation(&x.maps, activation);
                    let rounding = x.rounding.of_activation(&x.maps, &maps, activation);
                    Values { maps, rounding }
                }
            };
            if !(last && at + 1 == layers.len()) {
                self.keep(name, &x);
            }
        }
        Ok(x)
    }

    fn convolution(&mut self, x: &Values, name: &str, stride: usize, padding: Padding) -> Result<Values> {
        let weight = self.weights.tensor(&format!("{name}.weight"))?;
        let maps = layers::convolution(&x.maps, weight, stride, padding);
        let output = Values { maps, rounding: x.rounding.of_sums(&x.maps, weight, None) };
        self.keep(name, &output);
        Ok(output)
    }

    fn norm_relu(&mut self, x: &Values, norm: &str, relu: &str) -> Result<Values> {
        let normed = self.norm(x, norm, self.weights.architecture().eps)?;
        Ok(self.relu(normed, relu))
    }

    fn relu(&mut self, x: Values, name: &str) -> Values {
        let data = x.maps.data.iter().map(|&x| x.max(0.0)).collect();
        let output = Values { maps: Maps { data, ..x.maps }, rounding: x.rounding };
        self.keep(name, &output);
        output
    }

    fn norm(&mut self, x: &Values, norm: &str, eps: f64) -> Result<Values> {
        let normed = self.normed(x, norm, eps)?;
        self.keep(norm, &normed);
        Ok(normed)
    }

    fn normed(&mut self, x: &Values, norm: &str, eps: f64) -> Result<Values> {
        let part = |part: &str| Ok::<_, Error>(&self.weights.tensor(&format!("{norm}.{part}"))?.data);
        let (weight, bias, mean, var) = (part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?);
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
        Ok(Values { maps, rounding })
    }
}

fn average_pool(x: &Values) -> Values {
    Values { maps: layers::average_pool(&x.maps), rounding: x.rounding.of_average_pool(&x.maps) }
}

/// From feature maps to a vector.
fn pool(x: &Values, pooling: Pooling) -> Values {
    let average =
        || Values { maps: layers::global_average_pool(&x.maps), rounding: x.rounding.of_global_pool(&x.maps) };
    let maximum = || Values { maps: layers::global_max_pool(&x.maps), rounding: x.rounding.clone() };
    match pooling {
        Pooling::Average => average(),
        Pooling::Maximum => maximum(),
        Pooling::AverageMaximum => average().with(&maximum()),
        Pooling::MaximumAverage => maximum().with(&average()),
        Pooling::Flatten { .. } => {
            let channels = x.maps.channels * x.maps.height * x.maps.width;
            let maps = Maps { channels, height: 1, width: 1, ..x.maps.clone() };
            Values { maps, rounding: x.rounding.flattened(x.maps.height * x.maps.width) }
        }
    }
}
