//! What is stated about a head, compared with the layers that the file has.

use super::between::Defaults;
use super::pieces::{Arrangement, Kind, Module, Track};
use super::spec::{HeadSpec, LayerSpec, PoolingSpec};
use crate::architecture::{Branch, Head, HeadLayer, Pooling};

/// PyTorch's leaky ReLU, unless told otherwise.
const SLOPE: f64 = 0.01;

/// A head, and the modules of those of its layers that have parameters, in its order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fitted {
    pub(super) head: Head,
    pub(super) modules: Vec<usize>,
}

/// The head stated, with the numbers that it leaves out. None where the layers are others, or in another order.
pub(super) fn fit(
    spec: &HeadSpec,
    arrangement: &Arrangement,
    modules: &[Module],
    channels: usize,
    defaults: Defaults,
) -> Option<Fitted> {
    let inputs = arrangement.first(modules).and_then(|item| modules[item.module].inputs());
    let pooling = pooling(spec.pooling, inputs, channels)?;
    if spec.branches.len() != arrangement.branches.len() {
        return None;
    }
    let mut used = Vec::new();
    let layers = track(&spec.layers, &arrangement.shared, modules, defaults, &mut used)?;
    let mut branches = Vec::new();
    for branch in &spec.branches {
        let (_, own) = arrangement.branches.iter().find(|(name, _)| *name == branch.name)?;
        let layers = track(&branch.layers, own, modules, defaults, &mut used)?;
        branches.push(Branch {
            name: branch.name.clone(),
            activation: branch.activation.unwrap_or_else(|| usual(&layers)),
            layers,
        });
    }
    // Every output of the file's is one that was stated.
    let own = arrangement.modules().filter(|&module| modules[module].is_placed()).count();
    (used.len() == own).then_some(Fitted { head: Head { relu: spec.relu, pooling, layers, branches }, modules: used })
}

/// What turns the logits of an output into scores, where nobody says: one number alone is a measurement.
pub(super) fn usual(layers: &[HeadLayer]) -> crate::architecture::Activation {
    let last = layers.iter().rev().find_map(|layer| match layer {
        HeadLayer::Linear { outputs } => Some(*outputs),
        _ => None,
    });
    if last == Some(1) { crate::architecture::Activation::None } else { crate::architecture::Activation::default() }
}

/// The pooling, if the first layer reads what it makes.
fn pooling(spec: PoolingSpec, inputs: Option<usize>, channels: usize) -> Option<Pooling> {
    let fits = |pooling: &Pooling| inputs.is_none_or(|inputs| pooling.outputs(channels) == inputs);
    match spec {
        PoolingSpec::Stated(pooling) => Some(pooling).filter(fits),
        PoolingSpec::Flatten => {
            let side = (inputs? / channels.max(1)).isqrt();
            Some(Pooling::Flatten { height: side, width: side }).filter(fits)
        }
    }
}

fn track(
    spec: &[LayerSpec],
    track: &Track,
    modules: &[Module],
    defaults: Defaults,
    used: &mut Vec<usize>,
) -> Option<Vec<HeadLayer>> {
    // What the file names without parameters is for whoever states the head to say again, or otherwise.
    let items = track.iter().map(|item| item.module);
    let mut items = items.filter(|&module| modules[module].has_parameters()).peekable();
    let mut layers = Vec::new();
    for layer in spec {
        layers.push(match *layer {
            LayerSpec::Linear(stated) => match modules[items.next()?] {
                Module { kind: Kind::Linear { outputs, .. }, .. } if stated.is_none_or(|n| n == outputs) => {
                    HeadLayer::Linear { outputs }
                }
                _ => return None,
            },
            LayerSpec::BatchNorm(eps) => match modules[items.next()?].kind {
                Kind::Norm { .. } => HeadLayer::BatchNorm { eps: eps.unwrap_or(defaults.eps) },
                _ => return None,
            },
            LayerSpec::LeakyRelu(slope) => match items.peek().map(|&module| modules[module].kind) {
                Some(Kind::Slope { value }) if slope.is_none_or(|slope| (slope - value).abs() <= 1e-6) => {
                    items.next();
                    HeadLayer::LeakyRelu { slope: value }
                }
                Some(Kind::Slope { .. }) => return None,
                _ => HeadLayer::LeakyRelu { slope: slope.unwrap_or(SLOPE) },
            },
            LayerSpec::Other(layer) => layer,
        });
    }
    if items.next().is_some() {
        return None;
    }
    used.extend(track.iter().map(|item| item.module).filter(|&module| modules[module].is_placed()));
    Some(layers)
}

impl HeadSpec {
    /// Whether this is the head that a file describes itself.
    pub(in crate::weights) fn agrees(&self, head: &Head) -> bool {
        let same = |spec: &[LayerSpec], layers: &[HeadLayer]| {
            spec.len() == layers.len() && spec.iter().zip(layers).all(|(spec, layer)| covers(*spec, *layer))
        };
        let pooling = match (self.pooling, head.pooling) {
            (PoolingSpec::Stated(stated), pooling) => stated == pooling,
            (PoolingSpec::Flatten, pooling) => matches!(pooling, Pooling::Flatten { .. }),
        };
        let branches = self.branches.iter().zip(&head.branches);
        self.relu == head.relu
            && pooling
            && same(&self.layers, &head.layers)
            && self.branches.len() == head.branches.len()
            && branches.into_iter().all(|(spec, own)| spec.name == own.name && same(&spec.layers, &own.layers))
    }
}

fn covers(spec: LayerSpec, layer: HeadLayer) -> bool {
    match (spec, layer) {
        (LayerSpec::Linear(None), HeadLayer::Linear { .. })
        | (LayerSpec::BatchNorm(None), HeadLayer::BatchNorm { .. })
        | (LayerSpec::LeakyRelu(None), HeadLayer::LeakyRelu { .. }) => true,
        (spec, layer) => spec == LayerSpec::from(layer),
    }
}
