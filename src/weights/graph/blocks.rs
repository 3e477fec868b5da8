//! The parts of a DenseNet that were found in a graph, sorted into dense blocks and named.

use std::rc::Rc;

use super::super::order::ChannelOrder;
use super::node::Words;
use crate::architecture::{dense_layer_name, transition_name};

/// The channels of a feature map, as indices of [`Found::parts`].
pub(super) type Parts = Rc<[usize]>;

/// A module with parameters, by its number among those of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Module {
    Convolution(usize),
    Norm(usize),
}

/// A 1x1 convolution after a batch norm: a bottleneck or a transition.
#[derive(Clone, Debug)]
pub(super) struct Narrow {
    pub(super) input: Parts,
    pub(super) norm: usize,
    pub(super) convolution: usize,
}

/// Where channels come from.
pub(super) enum Part {
    /// The stem or a transition.
    Start,
    /// A dense layer, and its modules.
    Layer { input: Parts, modules: Vec<(&'static str, Module)> },
}

/// What the graph was found to have. Numbers are those of norms and convolutions, and of parts.
#[derive(Default)]
pub(super) struct Found {
    pub(super) parts: Vec<Part>,
    pub(super) stem: Option<usize>,
    /// The stem's batch norm, and the part that its ReLU yields.
    pub(super) stem_norm: Option<(usize, usize)>,
    /// Each transition, and the part that it yields.
    pub(super) transitions: Vec<(Rc<Narrow>, usize)>,
    /// What the last batch norm reads, and that norm.
    pub(super) end: Option<(Parts, usize)>,
}

/// The canonical name of each module, in execution order, and where new channels are in concatenations.
pub(super) type Sorted = (Vec<(String, Module)>, Option<ChannelOrder>);

impl Found {
    /// Sorts the layers into blocks: the canonical name of each module, in execution order, and where new channels are in
    /// concatenations. `name` says what a module is called in the file.
    pub(super) fn modules(mut self, words: &Words, name: impl Fn(Module) -> String) -> Result<Sorted, String> {
        let (from, node) = (&words.place, words.node);
        let (stem, (end, last_norm)) = match (self.stem, self.end.take()) {
            (Some(stem), Some(end)) => (stem, end),
            _ => return Err(format!("its {from} has no stem, dense blocks and end of a DenseNet")),
        };
        let mut modules = vec![("features.conv0".to_string(), Module::Convolution(stem))];
        modules.extend(self.stem_norm.map(|(norm, _)| ("features.norm0".into(), Module::Norm(norm))));
        let mut block_starts: Vec<usize> = self.transitions.iter().map(|(_, start)| *start).collect();
        let first = self
            .parts
            .iter()
            .enumerate()
            .rev()
            .find(|(i, part)| matches!(part, Part::Start) && !block_starts.contains(i));
        block_starts.insert(0, first.map_or(0, |(i, _)| i));
        let mut order = None;
        for (block, &start) in block_starts.iter().enumerate() {
            let mut layers: Vec<(usize, &Parts, &Vec<_>)> = Vec::new();
            for (i, part) in self.parts.iter().enumerate() {
                if let Part::Layer { input, modules } = part
                    && input.contains(&start)
                {
                    layers.push((i, input, modules));
                }
            }
            if layers.is_empty() {
                return Err(format!("its {from} has no dense layer in block {}", block + 1));
            }
            layers.sort_by_key(|(_, input, _)| input.len());
            let channels: Vec<usize> = layers.iter().map(|(i, ..)| *i).collect();
            for (layer, (_, input, parts)) in layers.iter().enumerate() {
                let reads = name(parts[0].1);
                order =
                    ordered(order, start, &channels[..layer], input).map_err(|e| format!("{node} '{reads}' {e}"))?;
                let place = dense_layer_name(block, layer);
                modules.extend(parts.iter().map(|(part, module)| (format!("{place}.{part}"), *module)));
            }
            let (read, norm) = match self.transitions.get(block) {
                Some((narrow, _)) => {
                    let place = transition_name(block);
                    modules.push((format!("{place}.norm"), Module::Norm(narrow.norm)));
                    modules.push((format!("{place}.conv"), Module::Convolution(narrow.convolution)));
                    (&narrow.input, narrow.norm)
                }
                None => {
                    modules.push(("features.norm5".into(), Module::Norm(last_norm)));
                    (&end, last_norm)
                }
            };
            order = ordered(order, start, &channels, read)
                .map_err(|e| format!("{node} '{}' {e}", name(Module::Norm(norm))))?;
        }
        Ok((modules, order))
    }
}

/// Checks that `read` is the start of a block and its layers, in the order known from elsewhere or else in either.
fn ordered(
    known: Option<ChannelOrder>,
    start: usize,
    layers: &[usize],
    read: &Parts,
) -> Result<Option<ChannelOrder>, String> {
    if layers.is_empty() && **read == [start] {
        return Ok(known);
    }
    let new_last = read.split_first() == Some((&start, layers));
    let new_first = read.split_last().is_some_and(|(last, rest)| *last == start && rest.iter().rev().eq(layers));
    match (new_last, new_first, known) {
        (true, _, None | Some(ChannelOrder::NewLast)) => Ok(Some(ChannelOrder::NewLast)),
        (_, true, None | Some(ChannelOrder::NewFirst)) => Ok(Some(ChannelOrder::NewFirst)),
        (false, false, _) => {
            Err("does not read all layers of its dense block before it, each once and in their order".into())
        }
        _ => Err("reads new channels first where others read them last, or the reverse".into()),
    }
}
