//! What tensor shapes tell about an architecture, and defaults for what they do not.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Scheme;
use super::statements::Statements;
use super::tensor::Shapes;
use crate::architecture::{Activation, Architecture, Head, PRESETS, Padding, Stem, dense_layer_name, transition_name};
use crate::nearest::nearest;

/// What shapes tell, with defaults for the rest. Where tensors contradict each other the majority counts: the check
/// against the result then names the tensor that is wrong.
pub(super) fn from_shapes(shapes: &Shapes, scheme: Scheme) -> Result<Architecture, String> {
    let first = |name: &str| shapes.get(name).and_then(|shape| shape.first().copied());
    let conv0 = "features.conv0.weight";
    let (channels, input_channels, kernel) = match shapes.get(conv0) {
        Some(&&[o, i, h, w]) if h == w => (o, i, h),
        Some(shape) => return Err(format!("tensor '{conv0}' has shape {shape:?}, expected [out, in, k, k]")),
        None => return Err(missing(shapes, conv0, "[out, in, k, k]")),
    };
    let layers = layers(shapes)?;
    let (growth_rate, bottleneck) = widths(shapes, &layers)?;
    let transition_channels = (0..layers.len() - 1)
        .map(|block| {
            let name = format!("{}.conv.weight", transition_name(block));
            first(&name).ok_or_else(|| missing(shapes, &name, "[out, in, 1, 1]"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let norm = shapes.keys().any(|name| name.starts_with("features.norm0."));
    let mut architecture = Architecture {
        name: String::new(),
        input_channels,
        input: None,
        stem: default_stem(channels, kernel, norm),
        growth_rate,
        layers,
        bottleneck,
        transition_channels,
        eps: scheme.eps(),
        dropout: 0.0,
        head: Head::linear(first("classifier.weight").or_else(|| first("classifier.bias"))),
        activation: Activation::default(),
    };
    architecture.name = name(&architecture);
    Ok(architecture)
}

/// The defaults of [`from_shapes`] as statements.
pub(super) fn defaults(inferred: &Architecture) -> [Statements; 2] {
    let all = Statements::of(inferred, &format!("default for a {0}x{0} stem", inferred.stem.kernel));
    let activation = Statements { activation: all.activation, ..Statements::from("default") };
    [Statements { eps: None, activation: None, ..all }, activation]
}

fn missing(shapes: &Shapes, name: &str, shape: &str) -> String {
    let near = nearest(name, shapes.keys().copied()).unwrap_or_default();
    format!("tensor '{name}' of shape {shape} is missing; the nearest there is '{near}'")
}

/// Growth rate and bottleneck.
fn widths(shapes: &Shapes, layers: &[usize]) -> Result<(usize, Option<usize>), String> {
    let (mut growths, mut bottlenecks) = (Vec::new(), Vec::new());
    for (block, &count) in layers.iter().enumerate() {
        for layer in 0..count {
            let name = dense_layer_name(block, layer);
            let outputs = |convolution: &str| Some(*shapes.get(&*format!("{name}.{convolution}.weight"))?.first()?);
            match outputs("conv2") {
                Some(growth) => {
                    growths.push(growth);
                    bottlenecks.extend(outputs("conv1"));
                }
                None => growths.extend(outputs("conv1")),
            }
        }
    }
    let growth_rate = most_frequent(&growths).ok_or("its dense layers hold no convolutions")?;
    Ok((growth_rate, most_frequent(&bottlenecks)))
}

/// Layers of each block, which must be numbered from 1 without a gap.
fn layers(shapes: &Shapes) -> Result<Vec<usize>, String> {
    let mut blocks: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for name in shapes.keys() {
        let number = |segment: Option<&str>, word: &str| segment?.strip_prefix(word)?.parse::<usize>().ok();
        let mut segments = name.split('.').skip(1);
        let block = number(segments.next(), "denseblock");
        if let (Some(block), Some(layer)) = (block, number(segments.next(), "denselayer")) {
            blocks.entry(block).or_default().insert(layer);
        }
    }
    for (at, (block, layers)) in (1..).zip(&blocks) {
        if at != *block {
            return Err(format!("it has a features.denseblock{block} but no features.denseblock{at}"));
        }
        if let Some((at, layer)) = (1..).zip(layers).find(|(at, layer)| at != *layer) {
            return Err(format!("features.denseblock{block} has a denselayer{layer} but no denselayer{at}"));
        }
    }
    if blocks.is_empty() {
        return Err("it has no dense layers (features.denseblock1.denselayer1)".into());
    }
    Ok(blocks.values().map(BTreeSet::len).collect())
}

fn most_frequent(values: &[usize]) -> Option<usize> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    for &value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(_, count)| count).map(|(value, _)| value)
}

/// A 7x7 convolution is the ImageNet stem; any other keeps the resolution.
fn default_stem(channels: usize, kernel: usize, norm: bool) -> Stem {
    if kernel == 7 {
        return Stem { norm, ..Stem::imagenet(channels) };
    }
    Stem { kernel, norm, padding: Padding::all(kernel / 2), ..Stem::cifar(channels) }
}

/// The published network of these shapes, whatever its classes, input channels and eps, or else a description.
fn name(a: &Architecture) -> String {
    let published = PRESETS.iter().find(|name| {
        let preset = Architecture::preset(name).expect("listed");
        let own = Architecture { name: a.name.clone(), head: a.head.clone(), eps: a.eps, ..preset };
        Architecture { input_channels: a.input_channels, input: a.input.clone(), ..own } == *a
    });
    published.map_or_else(
        || {
            let layers: Vec<String> = a.layers.iter().map(usize::to_string).collect();
            format!("densenet-k{}-{}", a.growth_rate, layers.join("-"))
        },
        |name| name.to_string(),
    )
}
