//! The CPU reference: DenseNet as the paper draws it, written to be obviously right, not fast.
//!
//! Nothing is fused and nothing is shared with the plan or the kernels: every batch norm is computed where it stands,
//! padding is a real border, a concatenation is a copy. Values are f64 from the input to the last layer and are
//! rounded to f32 once, where they are handed out. Threads (rayon) only ever split independent outputs, so results
//! do not depend on their number.

use rayon::prelude::*;

use crate::architecture::{Architecture, InputSize, Padding};
use crate::error::{Error, Result};
use crate::maps::{CLASS_MAPS, FeatureMaps};
use crate::weights::{Tensor, Weights};

/// What a forward pass yields: outputs by name, in execution order.
#[derive(Clone, Debug)]
pub struct Outputs {
    values: Vec<(String, FeatureMaps)>,
}

impl Outputs {
    /// The output of the layer or tap `name`, if it was kept.
    pub fn get(&self, name: &str) -> Option<&FeatureMaps> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Names and values in execution order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FeatureMaps)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// `[N, classes]`, or the pooled features `[N, channels]` of a network without a classifier.
    pub fn logits(&self) -> &[f32] {
        self.values.last().map_or(&[], |(_, value)| &value.data)
    }
}

/// Runs the network on `input` (NCHW, `batch` images of `size`) and keeps every layer's output: those of
/// [`Architecture::walk`] by their names, and the taps, which are
///
/// | name | what |
/// |---|---|
/// | `features.denseblock1.denselayer1` | the layer's new channels only |
/// | `features.denseblock1` | the whole block: what it began with and all new channels |
/// | `features.transition1.pooled` | the average pool of ReLU(norm(x)): the transition with its pooling first |
/// | `features.transition1` | the transition's output |
///
/// and, being layers too, `features.relu0` (or `features.conv0`), `features.pool0`, each
/// `features.denseblock1.denselayer1.relu2`, `features.pool5`, `classifier` and `cam` ([`CLASS_MAPS`]). Kept as f32 they take about 200 MB
/// for one image of 224x224 and DenseNet-121; [`forward_keeping`] keeps less.
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
    let mut network = Network { weights, keep, values: Vec::new() };
    let mut x = network.stem(image)?;
    for (number, &layers) in (1..).zip(&architecture.layers) {
        let block = format!("features.denseblock{number}");
        for layer in 1..=layers {
            x = network.dense_layer(x, &format!("{block}.denselayer{layer}"))?;
        }
        network.keep(&block, &x);
        if number < architecture.layers.len() {
            x = network.transition(x, &format!("features.transition{number}"))?;
        }
    }
    network.head(x)?;
    let outputs = Outputs { values: network.values };
    match outputs.logits().iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::overflow(at / architecture.output_channels())),
        None => Ok(outputs),
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

/// Feature maps of a batch, NCHW.
#[derive(Clone, Debug, PartialEq)]
struct Maps {
    images: usize,
    channels: usize,
    height: usize,
    width: usize,
    data: Vec<f64>,
}

impl Maps {
    /// New maps of which every plane is computed on its own: `fill(image, channel, plane)`, from zeros.
    fn build([images, channels, height, width]: [usize; 4], fill: impl Fn(usize, usize, &mut [f64]) + Sync) -> Maps {
        let mut data = vec![0.0; images * channels * height * width];
        data.par_chunks_mut(height * width).enumerate().for_each(|(i, plane)| {
            fill(i / channels, i % channels, plane);
        });
        Maps { images, channels, height, width, data }
    }

    fn shape(&self) -> [usize; 4] {
        [self.images, self.channels, self.height, self.width]
    }

    fn plane(&self, image: usize, channel: usize) -> &[f64] {
        let pixels = self.height * self.width;
        &self.data[(image * self.channels + channel) * pixels..][..pixels]
    }

    fn to_value(&self) -> FeatureMaps {
        let data = self.data.iter().map(|&x| x as f32).collect();
        FeatureMaps { channels: self.channels, height: self.height, width: self.width, data }
    }
}

/// The network as it runs: its layers, one method for each part of the paper's figure 2.
struct Network<'a, K> {
    weights: &'a Weights,
    keep: K,
    values: Vec<(String, FeatureMaps)>,
}

impl<K: Fn(&str) -> bool> Network<'_, K> {
    fn keep(&mut self, name: &str, x: &Maps) {
        if (self.keep)(name) {
            self.values.push((name.to_string(), x.to_value()));
        }
    }

    fn stem(&mut self, image: Maps) -> Result<Maps> {
        let stem = self.weights.architecture().stem;
        let mut x = self.convolution(&image, "features.conv0", stem.stride, stem.padding)?;
        if stem.norm {
            x = self.norm_relu(&x, "features.norm0", "features.relu0")?;
        }
        if let Some(pool) = stem.pool {
            x = max_pool(&x, pool.kernel, pool.stride, pool.padding);
            self.keep("features.pool0", &x);
        }
        Ok(x)
    }

    /// BN-ReLU-1x1-BN-ReLU-3x3, or BN-ReLU-3x3 without a bottleneck; then what was there with the new behind it.
    fn dense_layer(&mut self, before: Maps, name: &str) -> Result<Maps> {
        let mut x = self.norm_relu(&before, &format!("{name}.norm1"), &format!("{name}.relu1"))?;
        let mut last = format!("{name}.conv1");
        if self.weights.architecture().bottleneck.is_some() {
            x = self.convolution(&x, &last, 1, Padding::all(0))?;
            x = self.norm_relu(&x, &format!("{name}.norm2"), &format!("{name}.relu2"))?;
            last = format!("{name}.conv2");
        }
        let new = self.convolution(&x, &last, 1, Padding::all(1))?;
        self.keep(name, &new);
        let all = concatenate(&before, &new);
        self.keep(&format!("{name}.concat"), &all);
        Ok(all)
    }

    fn transition(&mut self, x: Maps, name: &str) -> Result<Maps> {
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

    fn head(&mut self, x: Maps) -> Result<()> {
        let x = self.norm_relu(&x, "features.norm5", "features.relu5")?;
        let pooled = global_average_pool(&x);
        if self.weights.architecture().classes.is_none() {
            self.values.push(("features.pool5".to_string(), pooled.to_value()));
            return Ok(());
        }
        self.keep("features.pool5", &pooled);
        let weight = self.weights.tensor("classifier.weight")?;
        if (self.keep)(CLASS_MAPS) {
            self.keep(CLASS_MAPS, &class_maps(&x, weight));
        }
        let bias = self.weights.tensor("classifier.bias")?;
        self.values.push(("classifier".to_string(), linear(&pooled, weight, bias).to_value()));
        Ok(())
    }

    fn convolution(&mut self, x: &Maps, name: &str, stride: usize, padding: Padding) -> Result<Maps> {
        let output = convolution(x, self.weights.tensor(&format!("{name}.weight"))?, stride, padding);
        self.keep(name, &output);
        Ok(output)
    }

    fn norm_relu(&mut self, x: &Maps, norm: &str, relu: &str) -> Result<Maps> {
        let part = |part: &str| Ok::<_, Error>(&self.weights.tensor(&format!("{norm}.{part}"))?.data);
        let (weight, bias, mean, var) = (part("weight")?, part("bias")?, part("running_mean")?, part("running_var")?);
        let eps = self.weights.architecture().eps;
        let normed = Maps::build(x.shape(), |image, c, plane| {
            let (weight, bias) = (f64::from(weight[c]), f64::from(bias[c]));
            let (mean, deviation) = (f64::from(mean[c]), (f64::from(var[c]) + eps).sqrt());
            for (y, &x) in plane.iter_mut().zip(x.plane(image, c)) {
                *y = (x - mean) / deviation * weight + bias;
            }
        });
        self.keep(norm, &normed);
        let output = Maps { data: normed.data.iter().map(|&x| x.max(0.0)).collect(), ..normed };
        self.keep(relu, &output);
        Ok(output)
    }
}

/// A copy of `x` with a border of `fill`, and the number of windows that fit down and across.
fn pad(x: &Maps, kernel: usize, stride: usize, padding: Padding, fill: f64) -> (Maps, usize, usize) {
    let [[top, bottom], [left, right]] = padding.resolve(kernel, stride, x.height, x.width);
    let (height, width) = (top + x.height + bottom, left + x.width + right);
    let padded = Maps::build([x.images, x.channels, height, width], |image, channel, plane| {
        plane.fill(fill);
        for (y, row) in x.plane(image, channel).chunks(x.width).enumerate() {
            plane[(top + y) * width + left..][..x.width].copy_from_slice(row);
        }
    });
    (padded, (height - kernel) / stride + 1, (width - kernel) / stride + 1)
}

/// `y[o][r][c] = sum over i, ky, kx of weight[o][i][ky][kx] * padded x[i][r * stride + ky][c * stride + kx]`.
fn convolution(x: &Maps, weight: &Tensor, stride: usize, padding: Padding) -> Maps {
    let (outputs, kernel) = (weight.shape[0], weight.shape[2]);
    let (padded, height, width) = pad(x, kernel, stride, padding, 0.0);
    Maps::build([x.images, outputs, height, width], |image, output, plane| {
        for input in 0..x.channels {
            let source = padded.plane(image, input);
            for ky in 0..kernel {
                for kx in 0..kernel {
                    let w = f64::from(weight.data[((output * x.channels + input) * kernel + ky) * kernel + kx]);
                    for (r, row) in plane.chunks_mut(width).enumerate() {
                        let shifted = &source[(r * stride + ky) * padded.width + kx..];
                        add_scaled(row, w, shifted, stride);
                    }
                }
            }
        }
    })
}

/// `row[c] += w * source[c * stride]`. The compiler vectorises the case of stride 1 only where it sees the 1.
fn add_scaled(row: &mut [f64], w: f64, source: &[f64], stride: usize) {
    if stride == 1 {
        row.iter_mut().zip(source).for_each(|(y, &x)| *y += w * x);
    } else {
        row.iter_mut().zip(source.iter().step_by(stride)).for_each(|(y, &x)| *y += w * x);
    }
}

fn max_pool(x: &Maps, kernel: usize, stride: usize, padding: Padding) -> Maps {
    let (padded, height, width) = pad(x, kernel, stride, padding, f64::NEG_INFINITY);
    Maps::build([x.images, x.channels, height, width], |image, channel, plane| {
        let source = padded.plane(image, channel);
        for r in 0..height {
            for c in 0..width {
                let window =
                    (0..kernel).flat_map(|ky| &source[(r * stride + ky) * padded.width + c * stride..][..kernel]);
                plane[r * width + c] = window.copied().fold(f64::NEG_INFINITY, f64::max);
            }
        }
    })
}

/// 2x2 with stride 2; an odd last row or column is dropped.
fn average_pool(x: &Maps) -> Maps {
    let (height, width) = (x.height / 2, x.width / 2);
    Maps::build([x.images, x.channels, height, width], |image, channel, plane| {
        let source = x.plane(image, channel);
        let at = |r: usize, c: usize| source[r * x.width + c];
        for r in 0..height {
            for c in 0..width {
                let sum = at(2 * r, 2 * c) + at(2 * r, 2 * c + 1) + at(2 * r + 1, 2 * c) + at(2 * r + 1, 2 * c + 1);
                plane[r * width + c] = sum / 4.0;
            }
        }
    })
}

/// Channels of `first`, then those of `second`.
fn concatenate(first: &Maps, second: &Maps) -> Maps {
    let [images, _, height, width] = first.shape();
    Maps::build([images, first.channels + second.channels, height, width], |image, channel, plane| {
        plane.copy_from_slice(match channel.checked_sub(first.channels) {
            None => first.plane(image, channel),
            Some(channel) => second.plane(image, channel),
        });
    })
}

fn global_average_pool(x: &Maps) -> Maps {
    Maps::build([x.images, x.channels, 1, 1], |image, channel, mean| {
        let plane = x.plane(image, channel);
        mean[0] = plane.iter().sum::<f64>() / plane.len() as f64;
    })
}

/// `y[o][r][c] = sum over i of weight[o][i] * x[i][r][c]`: the classifier at every pixel, without its bias.
fn class_maps(x: &Maps, weight: &Tensor) -> Maps {
    Maps::build([x.images, weight.shape[0], x.height, x.width], |image, output, plane| {
        for input in 0..x.channels {
            let w = f64::from(weight.data[output * x.channels + input]);
            plane.iter_mut().zip(x.plane(image, input)).for_each(|(y, &x)| *y += w * x);
        }
    })
}

/// `y[o] = bias[o] + sum over i of weight[o][i] * x[i]`.
fn linear(x: &Maps, weight: &Tensor, bias: &Tensor) -> Maps {
    Maps::build([x.images, bias.data.len(), 1, 1], |image, output, y| {
        let weights = &weight.data[output * x.channels..][..x.channels];
        let products = weights.iter().enumerate().map(|(i, &w)| f64::from(w) * x.plane(image, i)[0]);
        y[0] = f64::from(bias.data[output]) + products.sum::<f64>();
    })
}

#[cfg(test)]
mod tests;
