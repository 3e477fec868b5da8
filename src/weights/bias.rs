//! Convolutions with a bias. In a DenseNet only batch norms read what a convolution yields, and `norm(x + bias)` with a
//! running mean of `mean` is the same function as `norm(x)` with a mean of `mean - bias`.
//!
//! Pooling between the two changes nothing: maxima and averages shift with their input, since padding takes no part in
//! them. Zeros are padded only after a norm and its ReLU.

use std::collections::{BTreeMap, BTreeSet};

use super::tensor::{Shapes, Tensor};
use crate::architecture::{Architecture, Parameter, Part};

/// The canonical names of the convolutions' biases that a file has.
pub(super) fn of_convolutions(parameters: &[Parameter], found: &Shapes) -> BTreeSet<String> {
    let convolutions = parameters.iter().filter(|parameter| parameter.shape.len() == 4);
    let name = |convolution: &Parameter| Some(format!("{}.bias", convolution.name.strip_suffix(".weight")?));
    convolutions
        .filter_map(|convolution| Some((name(convolution)?, convolution.shape[0])))
        .filter(|(name, outputs)| found.get(name.as_str()).is_some_and(|shape| *shape == [*outputs]))
        .map(|(name, _)| name)
        .collect()
}

/// Removes the biases from `tensors`, whose new channels are last, and subtracts them from the running means they shift.
pub(super) fn fold(architecture: &Architecture, tensors: &mut BTreeMap<String, Tensor>) {
    // Of the dense block so far: each bias, and its first channel.
    let mut block: Vec<(usize, Vec<f32>)> = Vec::new();
    for part in architecture.parts() {
        if let Some(norm) = part.pre_activation_norm() {
            block.iter().for_each(|(channel, bias)| subtract(tensors, &norm, *channel, bias));
        }
        match part {
            Part::Stem(stem) => {
                let bias = take(tensors, stem.conv);
                match stem.norm_relu {
                    Some([norm, _]) => subtract(tensors, norm, 0, &bias),
                    None => block.push((0, bias)),
                }
            }
            Part::DenseLayer(layer) => {
                if layer.bottleneck.is_some() {
                    let bias = take(tensors, &format!("{}.conv1", layer.name));
                    subtract(tensors, &format!("{}.norm2", layer.name), 0, &bias);
                }
                block.push((layer.input_channels, take(tensors, &layer.last_convolution())));
            }
            Part::Transition(transition) => {
                block = vec![(0, take(tensors, &format!("{}.conv", transition.name)))];
            }
            Part::BlockEnd(_) | Part::Head(_) => {}
        }
    }
}

/// A convolution's bias; nothing where it has none.
fn take(tensors: &mut BTreeMap<String, Tensor>, convolution: &str) -> Vec<f32> {
    tensors.remove(&format!("{convolution}.bias")).map_or_else(Vec::new, |bias| bias.data)
}

/// Subtracts a bias from a norm's running means, from `channel` on.
fn subtract(tensors: &mut BTreeMap<String, Tensor>, norm: &str, channel: usize, bias: &[f32]) {
    if let Some(mean) = tensors.get_mut(&format!("{norm}.running_mean")) {
        mean.data[channel..].iter_mut().zip(bias).for_each(|(mean, bias)| *mean -= bias);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::{Recipe, Stem};
    use crate::weights::Weights;

    #[test]
    fn every_norm_loses_the_bias_of_what_it_reads() {
        for (stem, bottleneck_factor) in [(Stem::imagenet(6), Some(4)), (Stem::cifar(6), None)] {
            let recipe = Recipe { stem, bottleneck_factor, ..Recipe::imagenet(5, &[3, 1, 2]) };
            let network = recipe.build("x");
            let before = Weights::random(&network, 3).unwrap();
            let mut tensors = before.tensors().clone();
            let parameters = network.parameters().unwrap();
            // The bias of channel c of the n-th convolution is n + c / 100.
            let mut numbers = BTreeMap::new();
            for (n, p) in parameters.iter().filter(|p| p.shape.len() == 4).enumerate() {
                let name = p.name.replace(".weight", "");
                let data = (0..p.shape[0]).map(|c| n as f32 + c as f32 / 100.0).collect();
                tensors.insert(format!("{name}.bias"), Tensor { shape: vec![p.shape[0]], data });
                numbers.insert(name, n as f32);
            }
            let shapes: Shapes = tensors.iter().map(|(name, t)| (name.as_str(), t.shape.as_slice())).collect();
            assert_eq!(of_convolutions(&parameters, &shapes).len(), numbers.len());
            fold(&network, &mut tensors);
            assert_eq!(tensors.keys().collect::<Vec<_>>(), before.tensors().keys().collect::<Vec<_>>());
            // What each norm reads, as the network is walked: a list of convolutions and their widths.
            let mut reads: Vec<(String, usize)> = Vec::new();
            let mut last = (String::new(), 0);
            for layer in network.walk(crate::InputSize::square(64)).unwrap() {
                let module = layer.name.rsplit('.').next().unwrap().to_string();
                match module.as_str() {
                    "conv0" => reads = vec![(layer.name.clone(), layer.output.channels)],
                    "conv" => reads = vec![(layer.name.clone(), layer.output.channels)],
                    "conv1" | "conv2" => last = (layer.name.clone(), layer.output.channels),
                    "concat" => reads.push(last.clone()),
                    // The stem's norm ends its bias.
                    "relu0" => reads[0].0.clear(),
                    "norm0" | "norm1" | "norm2" | "norm5" | "norm" => {
                        let sources = if module == "norm2" { vec![last.clone()] } else { reads.clone() };
                        let biases = sources.iter().flat_map(|(name, width)| {
                            let n = numbers.get(name).copied();
                            (0..*width).map(move |c| n.map_or(0.0, |n| n + c as f32 / 100.0))
                        });
                        let name = format!("{}.running_mean", layer.name);
                        let expected: Vec<f32> =
                            before.tensors()[&name].data.iter().zip(biases).map(|(mean, bias)| mean - bias).collect();
                        assert_eq!(tensors[&name].data, expected, "{name}");
                    }
                    _ => {}
                }
            }
        }
    }
}
