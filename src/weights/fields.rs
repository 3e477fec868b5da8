//! An architecture's properties as people read them: to compare two, and to say where each came from.

use super::origin::Fact;
use crate::architecture::{Activation, Architecture, Padding};

/// Where each group of an architecture's properties came from.
pub(super) struct Places {
    pub(super) shapes: &'static str,
    /// Of the stride, the padding and the pool.
    pub(super) stem: [String; 3],
    pub(super) eps: String,
    pub(super) activation: String,
    pub(super) head: String,
    /// What the network does to its input.
    pub(super) input: String,
}

/// A property's name and value.
pub(super) type Field = (&'static str, String);

/// The properties that tensor shapes determine.
pub(super) fn shape_fields(a: &Architecture) -> Vec<Field> {
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
        ("classes", or_none(a.classes())),
    ]
}

/// The properties of the stem that they do not.
pub(super) fn stem_fields(a: &Architecture) -> Vec<Field> {
    let pool = a.stem.pool.map_or("none".to_string(), |pool| {
        format!("max {0}x{0}, stride {1}, padding {2}", pool.kernel, pool.stride, padding(pool.padding))
    });
    vec![("stem stride", a.stem.stride.to_string()), ("stem padding", padding(a.stem.padding)), ("stem pool", pool)]
}

pub(super) fn eps_field(a: &Architecture) -> Field {
    ("eps", format!("{:e}", a.eps))
}

pub(super) fn head_field(a: &Architecture) -> Field {
    ("head", a.head.to_string())
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

/// Refuses an architecture given that differs from the file's.
pub(super) fn agree(file: &[Field], given: &[Field]) -> Result<(), String> {
    match file.iter().zip(given).find(|(file, given)| file != given) {
        Some(((what, file), (_, given))) => {
            Err(format!("{what}: the file has {file}, the architecture given has {given}: give another or none"))
        }
        None => Ok(()),
    }
}

/// Every property, with where it came from.
pub(super) fn facts(a: &Architecture, places: &Places) -> Vec<Fact> {
    let word = |activation| match activation {
        Activation::Softmax => "softmax",
        Activation::Sigmoid => "sigmoid",
        Activation::None => "none",
    };
    // Several outputs have their own, which come with the head.
    let own: Vec<String> =
        a.head.branches.iter().map(|branch| format!("{}: {}", branch.name, word(branch.activation))).collect();
    let (activation, activation_from) = match own.is_empty() {
        true => (word(a.activation).to_string(), places.activation.as_str()),
        false => (own.join("; "), places.head.as_str()),
    };
    let shapes = shape_fields(a).into_iter().map(|field| (field, places.shapes));
    let stem = stem_fields(a).into_iter().zip(places.stem.iter().map(String::as_str));
    let rest = [
        (eps_field(a), places.eps.as_str()),
        (head_field(a), places.head.as_str()),
        (("activation", activation), activation_from),
    ];
    let input = a.input.as_ref().map(|input| (("input", input.to_string()), places.input.as_str()));
    shapes.chain(stem).chain(rest).chain(input).map(|((what, value), from)| Fact::new(what, &value, from)).collect()
}
