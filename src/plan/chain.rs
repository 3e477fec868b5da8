//! Layers of a head gathered into steps: batch norms fold into a linear layer before or behind them, and an activation is
//! applied as a result is stored.

use super::step::{Elementwise, Operation};
use crate::architecture::{HeadLayer, NamedLayer};

/// Layers that become one step.
pub(super) struct Link {
    pub(super) operation: Operation,
    /// The last of them, whose output the step yields.
    pub(super) name: String,
    /// Length of that output.
    pub(super) outputs: usize,
}

impl Link {
    /// Whether the output has another length than the input; otherwise it keeps the input's slots.
    pub(super) fn is_linear(&self) -> bool {
        matches!(self.operation, Operation::Linear { .. })
    }
}

/// The steps of some layers, in order.
pub(super) fn links(layers: &[NamedLayer]) -> Vec<Link> {
    let mut rest = layers;
    let mut links = Vec::new();
    while !rest.is_empty() {
        let operation = take_step(&mut rest);
        let last = &layers[layers.len() - rest.len() - 1];
        links.push(Link { operation, name: last.name.clone(), outputs: last.outputs });
    }
    links
}

/// Takes at least one layer.
fn take_step(rest: &mut &[NamedLayer]) -> Operation {
    let log = match rest[0].layer {
        HeadLayer::Softmax => Some(false),
        HeadLayer::LogSoftmax => Some(true),
        _ => None,
    };
    if let Some(log) = log {
        *rest = &rest[1..];
        return Operation::Softmax { log };
    }
    let norms = take_norms(rest);
    let Some(linear) = rest.first().filter(|layer| matches!(layer.layer, HeadLayer::Linear { .. })) else {
        return Operation::Vector { norms, activation: take_activation(rest) };
    };
    let (weight, bias) = (format!("{}.weight", linear.name), format!("{}.bias", linear.name));
    *rest = &rest[1..];
    let behind = take_norms(rest);
    Operation::Linear { weight, bias, before: norms, behind, activation: take_activation(rest) }
}

fn take_norms(rest: &mut &[NamedLayer]) -> Vec<String> {
    let count = rest.iter().take_while(|layer| matches!(layer.layer, HeadLayer::BatchNorm { .. })).count();
    let (norms, others) = rest.split_at(count);
    *rest = others;
    norms.iter().map(|layer| layer.name.clone()).collect()
}

fn take_activation(rest: &mut &[NamedLayer]) -> Elementwise {
    let activation = rest.first().and_then(|layer| Elementwise::of(layer.layer));
    if activation.is_some() {
        *rest = &rest[1..];
    }
    activation.unwrap_or(Elementwise::Identity)
}
