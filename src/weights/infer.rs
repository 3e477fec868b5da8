//! The architecture of a file: from tensor shapes, and what they cannot tell from metadata, options or defaults.

use std::collections::{BTreeMap, BTreeSet};

use super::names::Scheme;
use super::source::Stated;
use super::{Fact, OpenOptions};
use crate::architecture::{Activation, Architecture, PRESETS, Padding, Stem, dense_layer_name, transition_name};
use crate::nearest::nearest;

/// Shapes by canonical name.
pub(super) type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

const SHAPES: &str = "tensor shapes";
const METADATA: &str = "metadata";
const GIVEN: &str = "the architecture given";

/// The architecture, and where each part of it came from. `metadata` is the file's; what it lacks `stated` may say;
/// `options` check and complete both.
pub(super) fn architecture(
    shapes: &Shapes,
    metadata: Option<Architecture>,
    stated: &Stated,
    scheme: Scheme,
    options: &OpenOptions,
) -> Result<(Architecture, Vec<Fact>), String> {
    let given = options.architecture.as_ref();
    let (mut architecture, mut from) = match (metadata, from_shapes(shapes, scheme), given) {
        (Some(metadata), _, _) => (metadata, Sources::all(METADATA)),
        (None, Ok(inferred), _) => {
            let stem = format!("default for a {0}x{0} stem", inferred.stem.kernel);
            let eps = format!("default of {scheme}");
            let stem = [stem.clone(), stem.clone(), stem];
            (inferred, Sources { shapes: SHAPES, stem, eps, activation: "default".into() })
        }
        // What is wrong shows best against what was expected.
        (None, Err(_), Some(given)) => (given.clone(), Sources::all(GIVEN)),
        (None, Err(reason), None) => return Err(reason),
    };
    if let Some(given) = given {
        agree(&shape_fields(&architecture), &shape_fields(given))?;
        if from.shapes == METADATA {
            agree(&stem_fields(&architecture), &stem_fields(given))?;
            if options.eps.is_none() {
                agree(&[eps_field(&architecture)], &[eps_field(given)])?;
            }
        } else {
            let shapes = from.shapes;
            architecture = given.clone();
            from = Sources { shapes, ..Sources::all(GIVEN) };
        }
    }
    if from.shapes != METADATA {
        apply(stated, &mut architecture, &mut from);
        if let Some(given) = given {
            agree(&stem_fields(&architecture), &stem_fields(given))?;
            if options.eps.is_none() {
                agree(&[eps_field(&architecture)], &[eps_field(given)])?;
            }
        }
    }
    if let Some(eps) = options.eps {
        architecture.eps = eps;
        from.eps = "option".into();
    }
    if let Some(activation) = options.activation {
        architecture.activation = activation;
        from.activation = "option".into();
    }
    architecture.validate().map_err(|e| e.to_string())?;
    let facts = facts(&architecture, &from);
    Ok((architecture, facts))
}

/// What comes with the file goes before defaults.
fn apply(stated: &Stated, architecture: &mut Architecture, from: &mut Sources) {
    fn set<T: Copy>(stated: Option<T>, field: &mut T) -> bool {
        stated.inspect(|value| *field = *value).is_some()
    }
    let stem = &mut architecture.stem;
    let [stride, padding, pool] = &mut from.stem;
    for (applied, source) in [
        (set(stated.stem_stride, &mut stem.stride), stride),
        (set(stated.stem_padding, &mut stem.padding), padding),
        (set(stated.stem_pool, &mut stem.pool), pool),
        (set(stated.eps, &mut architecture.eps), &mut from.eps),
        (set(stated.activation, &mut architecture.activation), &mut from.activation),
    ] {
        if applied {
            source.clone_from(&stated.from);
        }
    }
}

/// Where each group of fields came from.
struct Sources {
    shapes: &'static str,
    /// Of the stride, the padding and the pool.
    stem: [String; 3],
    eps: String,
    activation: String,
}

impl Sources {
    fn all(from: &'static str) -> Self {
        Sources { shapes: from, stem: [from; 3].map(String::from), eps: from.into(), activation: from.into() }
    }
}

type Field = (&'static str, String);

/// The fields that tensor shapes determine.
fn shape_fields(a: &Architecture) -> Vec<Field> {
    let or_none = |n: Option<usize>| n.map_or("none".to_string(), |n| n.to_string());
    vec![
        ("input channels", a.input_channels.to_string()),
        ("stem kernel", format!("{0}x{0}", a.stem.kernel)),
        ("stem channels", a.stem.channels.to_string()),
        ("stem norm", if a.stem.norm { "yes" } else { "no" }.to_string()),
        ("growth rate", a.growth_rate.to_string()),
        ("layers per block", format!("{:?}", a.layers)),
        ("bottleneck", or_none(a.bottleneck)),
        ("transition channels", format!("{:?}", a.transition_channels)),
        ("classes", or_none(a.classes)),
    ]
}

/// The fields of the stem that they do not.
fn stem_fields(a: &Architecture) -> Vec<Field> {
    let pool = a.stem.pool.map_or("none".to_string(), |pool| {
        format!("max {0}x{0}, stride {1}, padding {2}", pool.kernel, pool.stride, padding(pool.padding))
    });
    vec![("stem stride", a.stem.stride.to_string()), ("stem padding", padding(a.stem.padding)), ("stem pool", pool)]
}

fn eps_field(a: &Architecture) -> Field {
    ("eps", format!("{:e}", a.eps))
}

fn padding(padding: Padding) -> String {
    match padding {
        Padding::Same => "same".into(),
        Padding::Explicit { top, left, bottom, right } if [left, bottom, right] == [top; 3] => top.to_string(),
        Padding::Explicit { top, left, bottom, right } => {
            format!("{top}, {left}, {bottom}, {right} (top, left, bottom, right)")
        }
    }
}

fn agree(file: &[Field], given: &[Field]) -> Result<(), String> {
    match file.iter().zip(given).find(|(file, given)| file != given) {
        Some(((what, file), (_, given))) => {
            Err(format!("{what}: the file has {file}, the architecture given has {given}: give another or none"))
        }
        None => Ok(()),
    }
}

fn facts(a: &Architecture, from: &Sources) -> Vec<Fact> {
    let activation = match a.activation {
        Activation::Softmax => "softmax",
        Activation::Sigmoid => "sigmoid",
        Activation::None => "none",
    };
    let sources = std::iter::repeat_n(from.shapes, shape_fields(a).len());
    let shapes = shape_fields(a).into_iter().zip(sources);
    let stem = stem_fields(a).into_iter().zip(from.stem.iter().map(String::as_str));
    let rest = [(eps_field(a), from.eps.as_str()), (("activation", activation.into()), from.activation.as_str())];
    shapes
        .chain(stem)
        .chain(rest)
        .map(|((what, value), from)| Fact { what: what.into(), value, from: from.into() })
        .collect()
}

/// What shapes tell, with defaults for the rest. Where tensors contradict each other the majority counts: the check
/// against the result then names the tensor that is wrong.
pub(super) fn from_shapes(shapes: &Shapes, scheme: Scheme) -> Result<Architecture, String> {
    let first = |name: &str| shapes.get(name).and_then(|shape| shape.first().copied());
    let missing = |name: &str, shape: &str| {
        let near = nearest(name, shapes.keys().copied()).unwrap_or_default();
        format!("tensor '{name}' of shape {shape} is missing; the nearest there is '{near}'")
    };
    let conv0 = "features.conv0.weight";
    let (channels, input_channels, kernel) = match shapes.get(conv0) {
        Some(&&[o, i, h, w]) if h == w => (o, i, h),
        Some(shape) => return Err(format!("tensor '{conv0}' has shape {shape:?}, expected [out, in, k, k]")),
        None => return Err(missing(conv0, "[out, in, k, k]")),
    };
    let layers = layers(shapes)?;
    let (mut growths, mut bottlenecks) = (Vec::new(), Vec::new());
    for (block, &count) in layers.iter().enumerate() {
        for layer in 0..count {
            let name = dense_layer_name(block, layer);
            let conv1 = first(&format!("{name}.conv1.weight"));
            match first(&format!("{name}.conv2.weight")) {
                Some(growth) => {
                    growths.push(growth);
                    bottlenecks.extend(conv1);
                }
                None => growths.extend(conv1),
            }
        }
    }
    let transition_channels = (0..layers.len() - 1)
        .map(|block| {
            let name = format!("{}.conv.weight", transition_name(block));
            first(&name).ok_or_else(|| missing(&name, "[out, in, 1, 1]"))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let norm = shapes.keys().any(|name| name.starts_with("features.norm0."));
    let mut architecture = Architecture {
        name: String::new(),
        input_channels,
        stem: default_stem(channels, kernel, norm),
        growth_rate: most_frequent(&growths).ok_or("its dense layers hold no convolutions")?,
        layers,
        bottleneck: most_frequent(&bottlenecks),
        transition_channels,
        eps: scheme.eps(),
        dropout: 0.0,
        classes: first("classifier.weight").or_else(|| first("classifier.bias")),
        activation: Activation::default(),
    };
    architecture.name = name(&architecture);
    Ok(architecture)
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

/// The published network of these shapes, whatever its classes, input channels and eps, or a description.
fn name(a: &Architecture) -> String {
    let published = PRESETS.iter().find(|name| {
        let preset = Architecture::preset(name).expect("listed");
        let own = Architecture { name: a.name.clone(), classes: a.classes, eps: a.eps, ..preset };
        Architecture { input_channels: a.input_channels, ..own } == *a
    });
    published.map_or_else(
        || {
            let layers: Vec<String> = a.layers.iter().map(usize::to_string).collect();
            format!("densenet-k{}-{}", a.growth_rate, layers.join("-"))
        },
        |name| name.to_string(),
    )
}
