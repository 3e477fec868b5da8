//! Class maps of any head: each feature map weighted by the gradient of the class, through the head, at the pooled features.
//!
//! Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", ICCV 2017.
//! At the last dense block it needs no gradient of a convolution. Its weight of a feature map is the mean of the gradient
//! over the pixels; here it is the sum, so that a head of average pooling and one linear layer has the maps that it always
//! had: that layer at every pixel (Zhou et al. 2016). Sums in f64, on the host: heads are small.

use crate::architecture::{Architecture, HeadLayer, HeadPart, NamedLayer, Part, Pooling};
use crate::error::Result;
use crate::maps::FeatureMaps;
use crate::threads;
use crate::weights::Weights;

/// A head with its parameters.
pub(super) struct HeadGradient {
    pooling: Pooling,
    shared: Vec<Layer>,
    branches: Vec<Vec<Layer>>,
}

enum Layer {
    /// `[outputs, inputs]`, and the bias.
    Linear {
        weight: Vec<f64>,
        bias: Vec<f64>,
    },
    /// A batch norm.
    Affine {
        scale: Vec<f64>,
        shift: Vec<f64>,
    },
    Activation(HeadLayer),
}

impl HeadGradient {
    /// Takes the parameters of a network's head.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) where one is missing.
    pub(super) fn new(weights: &Weights) -> Result<HeadGradient> {
        let architecture = weights.architecture();
        let part = head_part(architecture);
        let layers = |layers: &[NamedLayer]| -> Result<Vec<Layer>> {
            layers.iter().map(|layer| Layer::new(weights, layer)).collect()
        };
        Ok(HeadGradient {
            pooling: architecture.head.pooling,
            shared: layers(&part.layers)?,
            branches: part.branches.iter().map(|(_, own)| layers(own)).collect::<Result<_>>()?,
        })
    }

    /// The maps of all outputs, `[classes, rows, columns]`, from what the head pools.
    pub(super) fn class_maps(&self, pooled: &FeatureMaps) -> FeatureMaps {
        let pixels = pooled.height * pooled.width;
        let gradients = self.at_features(&self.features(pooled));
        let maps = threads::map(gradients.iter().collect(), |gradient: &Vec<f64>| {
            let mut map = vec![0.0; pixels];
            for (channel, plane) in pooled.data.chunks_exact(pixels).enumerate() {
                let weight = self.weight_of_map(gradient, channel, pooled.channels, pixels);
                map.iter_mut().zip(plane).for_each(|(sum, x)| *sum += weight * f64::from(*x));
            }
            map.into_iter().map(|x| x as f32).collect::<Vec<_>>()
        });
        FeatureMaps { channels: gradients.len(), height: pooled.height, width: pooled.width, data: maps.concat() }
    }

    /// The sum over all pixels of the gradient at one feature map. Of a maximum, only its pixel has any.
    fn weight_of_map(&self, gradient: &[f64], channel: usize, channels: usize, pixels: usize) -> f64 {
        match self.pooling {
            Pooling::Average | Pooling::Maximum => gradient[channel],
            Pooling::AverageMaximum | Pooling::MaximumAverage => gradient[channel] + gradient[channels + channel],
            Pooling::Flatten { .. } => gradient[channel * pixels..][..pixels].iter().sum(),
        }
    }

    fn features(&self, pooled: &FeatureMaps) -> Vec<f64> {
        let planes = || pooled.data.chunks_exact(pooled.height * pooled.width);
        let mean = |plane: &[f32]| plane.iter().map(|x| f64::from(*x)).sum::<f64>() / plane.len() as f64;
        let max = |plane: &[f32]| plane.iter().fold(f64::NEG_INFINITY, |most, x| most.max(f64::from(*x)));
        match self.pooling {
            Pooling::Average => planes().map(mean).collect(),
            Pooling::Maximum => planes().map(max).collect(),
            Pooling::AverageMaximum => planes().map(mean).chain(planes().map(max)).collect(),
            Pooling::MaximumAverage => planes().map(max).chain(planes().map(mean)).collect(),
            Pooling::Flatten { .. } => pooled.data.iter().map(|x| f64::from(*x)).collect(),
        }
    }

    /// The gradient of each output at the pooled features.
    fn at_features(&self, features: &[f64]) -> Vec<Vec<f64>> {
        let shared = forward(&self.shared, features);
        let end = shared.last().map_or(features, |(_, y)| y);
        let through_shared = |gradient: Vec<f64>| backward(&self.shared, &shared, gradient);
        if self.branches.is_empty() {
            return threads::map((0..end.len()).collect(), |k| through_shared(unit(end.len(), k)));
        }
        let mut gradients = Vec::new();
        for branch in &self.branches {
            let values = forward(branch, end);
            let outputs = values.last().map_or(0, |(_, y)| y.len());
            let own = |k| through_shared(backward(branch, &values, unit(outputs, k)));
            gradients.extend(threads::map((0..outputs).collect(), own));
        }
        gradients
    }
}

fn head_part(architecture: &Architecture) -> HeadPart {
    let head = architecture.parts().find_map(|part| match part {
        Part::Head(head) => Some(head),
        _ => None,
    });
    head.expect("a network ends with its head")
}

fn unit(length: usize, at: usize) -> Vec<f64> {
    let mut unit = vec![0.0; length];
    unit[at] = 1.0;
    unit
}

/// What each layer reads and yields.
fn forward(layers: &[Layer], features: &[f64]) -> Vec<(Vec<f64>, Vec<f64>)> {
    let mut values: Vec<(Vec<f64>, Vec<f64>)> = Vec::with_capacity(layers.len());
    for layer in layers {
        let x = values.last().map_or_else(|| features.to_vec(), |(_, y)| y.clone());
        let y = layer.forward(&x);
        values.push((x, y));
    }
    values
}

/// From the gradient at the end of some layers to that at their beginning.
fn backward(layers: &[Layer], values: &[(Vec<f64>, Vec<f64>)], gradient: Vec<f64>) -> Vec<f64> {
    layers.iter().zip(values).rev().fold(gradient, |gradient, (layer, (x, y))| layer.backward(x, y, gradient))
}

impl Layer {
    fn new(weights: &Weights, layer: &NamedLayer) -> Result<Layer> {
        let name = &layer.name;
        let wide = |part: &str| -> Result<Vec<f64>> {
            Ok(weights.tensor(&format!("{name}.{part}"))?.data.iter().map(|x| f64::from(*x)).collect())
        };
        Ok(match layer.layer {
            HeadLayer::Linear { .. } => Layer::Linear { weight: wide("weight")?, bias: wide("bias")? },
            HeadLayer::BatchNorm { .. } => {
                let (scale, shift) = weights.affine_f64(name)?;
                Layer::Affine { scale, shift }
            }
            activation => Layer::Activation(activation),
        })
    }

    fn forward(&self, x: &[f64]) -> Vec<f64> {
        match self {
            Layer::Linear { weight, bias } => {
                let rows = weight.chunks_exact(x.len()).zip(bias);
                rows.map(|(row, bias)| bias + row.iter().zip(x).map(|(w, x)| w * x).sum::<f64>()).collect()
            }
            Layer::Affine { scale, shift } => {
                x.iter().zip(scale.iter().zip(shift)).map(|(x, (scale, shift))| x * scale + shift).collect()
            }
            Layer::Activation(layer) => match layer {
                HeadLayer::Softmax | HeadLayer::LogSoftmax => {
                    let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum = x.iter().map(|x| (x - top).exp()).sum::<f64>();
                    let log = x.iter().map(|x| x - top - sum.ln());
                    if *layer == HeadLayer::LogSoftmax { log.collect() } else { log.map(f64::exp).collect() }
                }
                layer => x.iter().map(|&x| value_and_slope(*layer, x).0).collect(),
            },
        }
    }

    fn backward(&self, x: &[f64], y: &[f64], gradient: Vec<f64>) -> Vec<f64> {
        match self {
            Layer::Linear { weight, .. } => {
                let mut passed = vec![0.0; x.len()];
                for (row, gradient) in weight.chunks_exact(x.len()).zip(gradient).filter(|(_, g)| *g != 0.0) {
                    passed.iter_mut().zip(row).for_each(|(sum, w)| *sum += gradient * w);
                }
                passed
            }
            Layer::Affine { scale, .. } => {
                gradient.iter().zip(scale).map(|(gradient, scale)| gradient * scale).collect()
            }
            Layer::Activation(HeadLayer::Softmax) => {
                let mean: f64 = gradient.iter().zip(y).map(|(gradient, y)| gradient * y).sum();
                gradient.iter().zip(y).map(|(gradient, y)| y * (gradient - mean)).collect()
            }
            Layer::Activation(HeadLayer::LogSoftmax) => {
                let sum: f64 = gradient.iter().sum();
                gradient.iter().zip(y).map(|(gradient, y)| gradient - y.exp() * sum).collect()
            }
            Layer::Activation(layer) => {
                gradient.iter().zip(x).map(|(gradient, &x)| gradient * value_and_slope(*layer, x).1).collect()
            }
        }
    }
}

/// An activation of one value, and its derivative.
fn value_and_slope(layer: HeadLayer, x: f64) -> (f64, f64) {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match layer {
        HeadLayer::Relu => (x.max(0.0), f64::from(u8::from(x > 0.0))),
        HeadLayer::LeakyRelu { slope } => {
            if x > 0.0 {
                (x, 1.0)
            } else {
                (slope * x, slope)
            }
        }
        HeadLayer::Gelu => {
            // The distribution by its density's integral: the sum converges fast where it matters.
            let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
            let distribution = normal_distribution(x, density);
            (x * distribution, distribution + x * density)
        }
        HeadLayer::GeluTanh => {
            let (a, b) = ((2.0 / std::f64::consts::PI).sqrt(), 0.044715);
            let tanh = (a * (x + b * x.powi(3))).tanh();
            let slope = (1.0 + tanh) / 2.0 + x / 2.0 * (1.0 - tanh * tanh) * a * (1.0 + 3.0 * b * x * x);
            (x / 2.0 * (1.0 + tanh), slope)
        }
        HeadLayer::Silu => {
            let s = sigmoid(x);
            (x * s, s * (1.0 + x * (1.0 - s)))
        }
        HeadLayer::Tanh => (x.tanh(), 1.0 - x.tanh() * x.tanh()),
        HeadLayer::Sigmoid => (sigmoid(x), sigmoid(x) * (1.0 - sigmoid(x))),
        HeadLayer::Linear { .. } | HeadLayer::BatchNorm { .. } | HeadLayer::Softmax | HeadLayer::LogSoftmax => (x, 1.0),
    }
}

/// `1/2 + density(x) * sum of x^(2n+1) / (1 * 3 * .. * (2n+1))`; beyond 8 it is 0 or 1 to all digits.
fn normal_distribution(x: f64, density: f64) -> f64 {
    if x.abs() > 8.0 {
        return f64::from(u8::from(x > 0.0));
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= x * x / f64::from(2 * n + 1);
        sum += term;
    }
    0.5 + density * sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::InputSize;
    use crate::architecture::{Activation, Branch, Head, Recipe};
    use crate::maps::POOLED_MAPS;
    use crate::reference;

    fn network(pooling: Pooling, layers: Vec<HeadLayer>, branches: Vec<Branch>) -> Architecture {
        let head = Head { relu: false, pooling, layers, branches };
        Architecture { head, ..Recipe::imagenet(4, &[1, 2]).build("headed") }
    }

    fn cases() -> Vec<Architecture> {
        let linear = |outputs| HeadLayer::Linear { outputs };
        let branch =
            |name: &str, layers: Vec<HeadLayer>| Branch { name: name.into(), layers, activation: Activation::None };
        let of = |activation| vec![HeadLayer::BatchNorm { eps: 1e-3 }, linear(6), activation, linear(3)];
        let smooth = [HeadLayer::Gelu, HeadLayer::GeluTanh, HeadLayer::Silu, HeadLayer::Tanh, HeadLayer::Sigmoid];
        let mixed = [HeadLayer::Softmax, HeadLayer::LogSoftmax, HeadLayer::Relu, HeadLayer::LeakyRelu { slope: 0.1 }];
        let mut cases: Vec<Architecture> =
            smooth.into_iter().chain(mixed).map(|layer| network(Pooling::MaximumAverage, of(layer), vec![])).collect();
        cases.push(network(Pooling::Flatten { height: 2, width: 3 }, of(HeadLayer::Tanh), vec![]));
        let own = vec![branch("a", vec![linear(5), HeadLayer::Silu, linear(1)]), branch("b", vec![linear(2)])];
        cases.push(network(Pooling::AverageMaximum, vec![linear(7), HeadLayer::Gelu], own));
        cases
    }

    /// The outputs that the gradients are of, from the features on.
    fn outputs(head: &HeadGradient, features: &[f64]) -> Vec<f64> {
        let end = |layers: &[Layer], x: &[f64]| forward(layers, x).pop().map_or_else(|| x.to_vec(), |(_, y)| y);
        let shared = end(&head.shared, features);
        match &head.branches[..] {
            [] => shared,
            branches => branches.iter().flat_map(|branch| end(branch, &shared)).collect(),
        }
    }

    #[test]
    fn outputs_are_those_of_the_reference_and_gradients_those_of_small_steps() {
        for architecture in cases() {
            let weights = Weights::random(&architecture, 3).unwrap();
            let size = InputSize { height: 16, width: 24 };
            let input = crate::weights::random::input(4, 3 * size.height * size.width);
            let reference = reference::forward(&weights, &input, 1, size).unwrap();
            let head = HeadGradient::new(&weights).unwrap();
            let mut features = head.features(reference.get(POOLED_MAPS).unwrap());
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * (1.0 + b.abs());
            for (got, want) in outputs(&head, &features).iter().zip(reference.logits()) {
                assert!(near(*got, f64::from(*want)), "{}: {got}, not {want}", architecture.head);
            }
            let gradients = head.at_features(&features);
            assert_eq!(gradients.len(), architecture.output_channels());
            let step = 1e-6;
            for c in 0..features.len() {
                let at = features[c];
                features[c] = at + step;
                let above = outputs(&head, &features);
                features[c] = at - step;
                let below = outputs(&head, &features);
                features[c] = at;
                for k in 0..gradients.len() {
                    let slope = (above[k] - below[k]) / (2.0 * step);
                    assert!(near(gradients[k][c], slope), "{}: {k} by {c}: {slope}", architecture.head);
                }
            }
        }
    }

    #[test]
    fn a_plain_heads_maps_are_its_layer_at_every_pixel() {
        let architecture = Recipe { classes: Some(3), ..Recipe::imagenet(4, &[1, 2]) }.build("plain");
        let weights = Weights::random(&architecture, 3).unwrap();
        let size = InputSize::square(48);
        let input = crate::weights::random::input(4, 3 * 48 * 48);
        let reference = reference::forward(&weights, &input, 1, size).unwrap();
        let maps = HeadGradient::new(&weights).unwrap().class_maps(reference.get(POOLED_MAPS).unwrap());
        let want = reference.get(crate::CLASS_MAPS).unwrap();
        assert_eq!(maps.shape(), want.shape());
        assert!(maps.data.iter().zip(&want.data).all(|(got, want)| (got - want).abs() < 1e-4));
    }
}
