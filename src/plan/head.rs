//! The steps behind the last dense block.

use super::builder::Builder;
use super::chain::{Link, links};
use super::step::Operation;
use super::tensor::{TensorId, TensorKind, View};
use crate::architecture::{HeadPart, NamedLayer, Pooling, Shape};
use crate::maps::{CLASS_MAPS, POOLED_MAPS};

pub(super) fn build(builder: &mut Builder<'_>, block: TensorId, part: &HeadPart) {
    let maps = builder.class_maps.then(|| maps_tensor(builder, block, part));
    let features = pool(builder, block, part);
    let Some(outputs) = part.outputs else { return };
    if part.branches.is_empty() {
        run(builder, features, &links(&part.layers), Some(End { name: outputs, slot: None }));
    } else {
        let shared = run(builder, features, &links(&part.layers), None);
        let widths: Vec<usize> = part.branches.iter().filter_map(|(_, own)| Some(own.last()?.outputs)).collect();
        let logits = builder.vector(outputs, TensorKind::Output, &widths);
        for (slot, (name, own)) in part.branches.iter().enumerate() {
            let slot = View { tensor: logits, slots: slot..slot + 1 };
            run(builder, shared.clone(), &links(own), Some(End { name, slot: Some(slot) }));
        }
        let all = builder.whole(logits);
        builder.tap(outputs, all);
    }
    if let Some(maps) = maps {
        add_maps(builder, block, part, maps);
    }
}

/// Norm, ReLU and pooling. The pooled vector keeps the block's slots, twice where it is pooled twice: the weights of what
/// reads it are packed for them, the host maps channels.
fn pool(builder: &mut Builder<'_>, block: TensorId, part: &HeadPart) -> View {
    let whole = builder.whole(block);
    let kind = if part.outputs.is_some() { TensorKind::Internal } else { TensorKind::Output };
    let (norm, relu) = (part.norm.to_string(), part.relu.is_some());
    let maxima: &[bool] = match builder.architecture.head.pooling {
        Pooling::Average => &[false],
        Pooling::Maximum => &[true],
        Pooling::AverageMaximum => &[false, true],
        Pooling::MaximumAverage => &[true, false],
        Pooling::Flatten { .. } => {
            let features = like(builder, part.pool, kind, block);
            builder.step(part.pool, Operation::Flatten { norm, relu }, whole, features.clone());
            builder.tap(part.pool, features.clone());
            return features;
        }
    };
    let slots: Vec<usize> = builder.tensors[block.0].slots.iter().map(|slot| slot.channels).collect();
    let tensor = builder.vector(part.pool, kind, &slots.repeat(maxima.len()));
    for (at, &maximum) in maxima.iter().enumerate() {
        let own = View { tensor, slots: at * slots.len()..(at + 1) * slots.len() };
        let name = match (maxima.len(), maximum) {
            (1, _) => part.pool.to_string(),
            (_, false) => format!("{}.avg", part.pool),
            (_, true) => format!("{}.max", part.pool),
        };
        builder.step(&name, Operation::GlobalPool { norm: norm.clone(), relu, maximum }, whole.clone(), own);
    }
    let features = builder.whole(tensor);
    builder.tap(part.pool, features.clone());
    features
}

/// A vector with the slots and the pixels of another tensor.
fn like(builder: &mut Builder<'_>, name: &str, kind: TensorKind, other: TensorId) -> View {
    let other = &builder.tensors[other.0];
    let shape = Shape { channels: 0, height: other.height, width: other.width };
    let slots: Vec<usize> = other.slots.iter().map(|slot| slot.channels).collect();
    let tensor = builder.tensor(name, kind, &slots, shape);
    builder.tensors[tensor.0].is_vector = true;
    builder.whole(tensor)
}

/// Where the last of some steps yields an output of the network.
struct End<'a> {
    /// What the output is called.
    name: &'a str,
    /// Its place, unless it has a tensor of its own.
    slot: Option<View>,
}

/// Adds steps, each into a tensor of its own but for the last, and returns what it yields.
fn run(builder: &mut Builder<'_>, source: View, links: &[Link], end: Option<End<'_>>) -> View {
    let mut source = source;
    for (at, link) in links.iter().enumerate() {
        let end = end.as_ref().filter(|_| at + 1 == links.len());
        let kind = if end.is_some() { TensorKind::Output } else { TensorKind::Internal };
        let name = end.map_or(link.name.as_str(), |end| end.name);
        let output = match end.and_then(|end| end.slot.clone()) {
            Some(slot) => slot,
            None if link.is_linear() => {
                let tensor = builder.vector(name, kind, &[link.outputs]);
                builder.whole(tensor)
            }
            None => like(builder, name, kind, source.tensor),
        };
        builder.step(&link.name, link.operation.clone(), source, output.clone());
        builder.tap(name, output.clone());
        source = output;
    }
    source
}

/// The only layer of a plain head.
fn only_linear<'a>(builder: &Builder<'_>, part: &'a HeadPart) -> Option<&'a NamedLayer> {
    part.layers.first().filter(|_| builder.architecture.head.is_plain())
}

/// The tensor of the class maps, or of what they are made of.
fn maps_tensor(builder: &mut Builder<'_>, block: TensorId, part: &HeadPart) -> View {
    let Some(only) = only_linear(builder, part) else {
        return like(builder, POOLED_MAPS, TensorKind::Internal, block);
    };
    let (height, width) = (builder.tensors[block.0].height, builder.tensors[block.0].width);
    let shape = Shape { channels: only.outputs, height, width };
    let tensor = builder.tensor(CLASS_MAPS, TensorKind::Internal, &[only.outputs], shape);
    View { tensor, slots: 0..1 }
}

/// The maps' step comes last, so that the weights of the other steps keep their numbers.
fn add_maps(builder: &mut Builder<'_>, block: TensorId, part: &HeadPart, maps: View) {
    let norm = part.norm.to_string();
    let (name, operation) = match only_linear(builder, part) {
        // Without its bias; the network itself pools first.
        Some(only) => {
            let weight = format!("{}.weight", only.name);
            (CLASS_MAPS, Operation::Pointwise { weight, norm: Some(norm), folded: None })
        }
        None => (POOLED_MAPS, Operation::Flatten { norm, relu: part.relu.is_some() }),
    };
    let whole = builder.whole(block);
    builder.step(name, operation, whole, maps.clone());
    builder.tap(name, maps);
}
