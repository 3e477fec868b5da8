//! A model's graph read as a DenseNet: which layer is which, and what its configuration says.
//!
//! The graph is evaluated layer by layer on symbols: what a value is and, for feature maps, which channels it
//! consists of. What no DenseNet does is refused where it stands.

use std::collections::BTreeMap;

use super::super::order::ChannelOrder;
use super::super::source::Stated;
use super::graph::{Graph, Node};
use super::window::{Window, activation_of, pair, zero_padding};
use crate::architecture::{Activation, Padding, StemPool, dense_layer_name, transition_name};

/// Published networks have up to 98 layers in a block.
const MAX_PARTS: usize = 1000;

/// The network that a graph is.
pub(super) struct Network {
    /// The canonical module, such as `features.conv0`, of each layer with weights, by its node.
    pub(super) modules: BTreeMap<usize, String>,
    /// The batch norm that each Scale layer follows.
    pub(super) scales: BTreeMap<usize, usize>,
    pub(super) order: Option<ChannelOrder>,
    pub(super) stated: Stated,
}

/// What a layer yields. Numbers are of nodes, but those of [`Parts`].
#[derive(Clone, Debug)]
enum Symbol {
    /// Nothing that the output needs.
    Unused,
    Image,
    Features(Parts),
    Normed(Parts, usize),
    /// Behind the batch norm's ReLU.
    Active(Parts, usize),
    /// A 1x1 convolution of that: a bottleneck or a transition.
    Narrow(Narrow),
    NarrowNormed(Narrow, usize),
    NarrowActive(Narrow, usize),
    Padded(Box<Symbol>, [usize; 4]),
    Pooled,
    Logits,
    Scores,
}

/// The channels of a feature map, as indices of [`Walk::parts`].
type Parts = Vec<usize>;

#[derive(Clone, Debug)]
struct Narrow {
    input: Parts,
    norm: usize,
    convolution: usize,
}

/// Where channels come from.
enum Part {
    /// The stem or a transition.
    Start,
    Layer {
        input: Parts,
        modules: Vec<(&'static str, usize)>,
    },
}

#[derive(Default)]
struct Walk {
    parts: Vec<Part>,
    stem: Option<usize>,
    /// The stem's batch norm, and the part that its ReLU yields.
    stem_norm: Option<(usize, usize)>,
    stem_pooled: bool,
    transitions: Vec<(Narrow, usize)>,
    end: Option<(Parts, usize)>,
    classifier: Option<usize>,
    scales: BTreeMap<usize, usize>,
    eps: Option<f64>,
    stated: Stated,
}

impl Network {
    /// `from` is what people call the place where the configuration stands.
    pub(super) fn read(graph: &Graph, from: &str) -> Result<Network, String> {
        let mut walk = Walk::default();
        let mut symbols: Vec<Symbol> = Vec::with_capacity(graph.nodes.len());
        for (i, (node, needed)) in graph.nodes.iter().zip(needed(graph)).enumerate() {
            if !needed {
                symbols.push(Symbol::Unused);
                continue;
            }
            let inputs: Vec<&Symbol> = node.inputs.iter().map(|&input| &symbols[input]).collect();
            let symbol = walk
                .layer(i, node, &inputs)
                .map_err(|reason| format!("layer '{}' ({}) of its {from}: {reason}", node.name, node.class))?;
            symbols.push(symbol);
        }
        match &symbols[graph.output] {
            Symbol::Active(parts, norm) => walk.end = Some((parts.clone(), *norm)),
            Symbol::Pooled | Symbol::Logits | Symbol::Scores => {}
            _ => {
                let end = &graph.nodes[graph.output].name;
                return Err(format!(
                    "its {from} ends with layer '{end}': a DenseNet ends with batch norm and ReLU, global average pooling \
                     or a dense layer"
                ));
            }
        }
        walk.finish(graph, from)
    }
}

/// Which layers the output depends on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    needed[graph.output] = true;
    for (i, node) in graph.nodes.iter().enumerate().rev() {
        if needed[i] {
            node.inputs.iter().for_each(|&input| needed[input] = true);
        }
    }
    needed
}

impl Walk {
    fn layer(&mut self, i: usize, node: &Node, inputs: &[&Symbol]) -> Result<Symbol, String> {
        let class = node.class.as_str();
        if matches!(class, "Concatenate" | "Merge") {
            return self.concatenate(node, inputs);
        }
        if class == "InputLayer" {
            return Ok(Symbol::Image);
        }
        let &[input] = inputs else {
            return Err(format!(
                "it reads {} layers; in a DenseNet only a concatenation reads more than one",
                inputs.len()
            ));
        };
        match class {
            // Identities at inference.
            "Dropout"
            | "SpatialDropout2D"
            | "AlphaDropout"
            | "GaussianDropout"
            | "GaussianNoise"
            | "Identity"
            | "ActivityRegularization"
            | "RandomFlip"
            | "RandomRotation"
            | "RandomZoom"
            | "RandomTranslation"
            | "RandomContrast"
            | "RandomBrightness" => Ok(input.clone()),
            "ZeroPadding2D" if matches!(input, Symbol::Padded(..)) => Err("zeros are padded twice".into()),
            "ZeroPadding2D" => Ok(Symbol::Padded(Box::new(input.clone()), zero_padding(&node.config)?)),
            "Conv2D" | "Convolution2D" => self.convolution(i, node, input),
            "BatchNormalization" => self.norm(i, node, input),
            "Scale" => match input {
                Symbol::Normed(_, norm) | Symbol::NarrowNormed(_, norm) => {
                    self.scales.insert(i, *norm);
                    Ok(input.clone())
                }
                _ => Err("a Scale layer belongs behind a batch norm".into()),
            },
            "Activation" | "ReLU" | "Softmax" => self.activation(node, input),
            "MaxPooling2D" => self.max_pool(node, input),
            "AveragePooling2D" => self.average_pool(node, input),
            "GlobalAveragePooling2D" => match input {
                Symbol::Active(parts, norm) => {
                    self.end = Some((parts.clone(), *norm));
                    Ok(Symbol::Pooled)
                }
                _ => Err("global pooling belongs behind the last batch norm and its ReLU".into()),
            },
            "Flatten" if matches!(input, Symbol::Pooled) => Ok(Symbol::Pooled),
            "Dense" => self.dense(i, node, input),
            "GlobalMaxPooling2D" => Err("global maximum pooling is not done here: average pooling is expected".into()),
            "Rescaling" | "Normalization" => {
                Err("the model changes pixels itself; take this layer out of it, and say with \
                                                  --preset what it did"
                    .into())
            }
            _ => Err("no layer of a DenseNet as it is computed here".into()),
        }
    }

    /// Channels that may become part of a concatenation or be normed again: the stem's batch norm and ReLU end it.
    fn settled(&mut self, symbol: &Symbol) -> Result<Parts, String> {
        match symbol {
            Symbol::Features(parts) => Ok(parts.clone()),
            Symbol::Active(parts, norm) if *parts == [0] => match self.stem_norm {
                None => {
                    self.parts.push(Part::Start);
                    self.stem_norm = Some((*norm, self.parts.len() - 1));
                    Ok(vec![self.parts.len() - 1])
                }
                Some((known, part)) if known == *norm => Ok(vec![part]),
                Some(_) => Err("a second batch norm of the stem".into()),
            },
            _ => Err("it reads what is no feature map of a dense block".into()),
        }
    }

    fn concatenate(&mut self, node: &Node, inputs: &[&Symbol]) -> Result<Symbol, String> {
        let mode = node.config["mode"].as_str().unwrap_or("concat");
        if mode != "concat" {
            return Err(format!("it merges by '{mode}'; a DenseNet concatenates"));
        }
        let axis = ["axis", "concat_axis"].iter().find_map(|key| node.config[*key].as_i64());
        if axis.is_some_and(|axis| !matches!(axis, 1 | 3 | -1)) {
            return Err(format!("it concatenates along axis {}, expected the channels", axis.unwrap_or_default()));
        }
        let mut parts = Vec::new();
        for input in inputs {
            parts.append(&mut self.settled(input)?);
            // Each layer of a block has its own channels, once. Blocks that are too large would take too much memory.
            if parts.len() > self.parts.len().min(MAX_PARTS) {
                return Err(format!("it has the same channels twice, or those of more than {MAX_PARTS} layers"));
            }
        }
        Ok(Symbol::Features(parts))
    }

    fn convolution(&mut self, i: usize, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let (input, zeros) = match input {
            Symbol::Padded(inner, zeros) => (&**inner, *zeros),
            other => (other, [0; 4]),
        };
        let window = Window::convolution(&node.config)?;
        for (key, plain) in [("dilation_rate", [1, 1]), ("groups", [1, 1])] {
            if pair(&node.config[key]).is_some_and(|value| value != plain) {
                return Err(format!("its {key} is not 1"));
            }
        }
        let activation = activation_of(&node.config);
        if activation != "linear" {
            return Err(format!("its activation is '{activation}'; in a DenseNet batch norm and ReLU stand before it"));
        }
        let padding = window.padding(zeros)?;
        let layer = |this: &mut Self, input: Parts, modules| {
            this.parts.push(Part::Layer { input, modules });
            Ok(Symbol::Features(vec![this.parts.len() - 1]))
        };
        let is = |kernel: usize| window.kernel == kernel && window.stride == 1 && padding == Padding::all(kernel / 2);
        match input {
            Symbol::Image if self.stem.is_none() => {
                self.stem = Some(i);
                self.stated.stem_stride = Some(window.stride);
                self.stated.stem_padding = Some(padding);
                self.parts.push(Part::Start);
                Ok(Symbol::Features(vec![0]))
            }
            Symbol::Active(parts, norm) if is(1) => {
                Ok(Symbol::Narrow(Narrow { input: parts.clone(), norm: *norm, convolution: i }))
            }
            Symbol::Active(parts, norm) if is(3) => layer(self, parts.clone(), vec![("norm1", *norm), ("conv1", i)]),
            Symbol::NarrowActive(narrow, norm) if is(3) => {
                let modules =
                    vec![("norm1", narrow.norm), ("conv1", narrow.convolution), ("norm2", *norm), ("conv2", i)];
                layer(self, narrow.input.clone(), modules)
            }
            Symbol::Active(..) | Symbol::NarrowActive(..) => Err(format!(
                "a {0}x{0} convolution of stride {1}; a dense block has 1x1 and padded 3x3 convolutions of stride 1",
                window.kernel, window.stride
            )),
            Symbol::Image => Err("a second convolution of the image".into()),
            _ => Err("no batch norm and ReLU stand before it".into()),
        }
    }

    fn norm(&mut self, i: usize, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let axis = node.config["axis"].as_i64().or_else(|| node.config["axis"][0].as_i64());
        if axis.is_some_and(|axis| !matches!(axis, 1 | 3 | -1)) || node.config["mode"].as_i64() == Some(1) {
            return Err("it does not norm channels".into());
        }
        // Keras' default.
        let eps = node.config["epsilon"].as_f64().unwrap_or(1e-3);
        match self.eps {
            None => self.eps = Some(eps),
            Some(other) if other != eps => {
                return Err(format!(
                    "its epsilon is {eps:e}, others have {other:e}: one for all batch norms is expected"
                ));
            }
            Some(_) => {}
        }
        match input {
            Symbol::Narrow(narrow) => Ok(Symbol::NarrowNormed(narrow.clone(), i)),
            _ => Ok(Symbol::Normed(self.settled(input)?, i)),
        }
    }

    fn activation(&mut self, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let kind = match node.class.as_str() {
            "ReLU" => {
                let off = |key: &str| node.config[key].as_f64().is_none_or(|x| x == 0.0);
                let plain = node.config["max_value"].is_null() && off("negative_slope") && off("threshold");
                if plain { "relu" } else { "a changed ReLU" }
            }
            "Softmax" => "softmax",
            _ => activation_of(&node.config),
        };
        match (input, kind) {
            (_, "linear") => Ok(input.clone()),
            (Symbol::Normed(parts, norm), "relu") => Ok(Symbol::Active(parts.clone(), *norm)),
            (Symbol::NarrowNormed(narrow, norm), "relu") => Ok(Symbol::NarrowActive(narrow.clone(), *norm)),
            (Symbol::Logits, _) => {
                self.stated.activation = Some(output_activation(kind)?);
                Ok(Symbol::Scores)
            }
            (Symbol::Normed(..) | Symbol::NarrowNormed(..), _) => {
                Err(format!("'{kind}' behind a batch norm, expected relu"))
            }
            _ => Err(format!("'{kind}' stands where a DenseNet has no activation")),
        }
    }

    fn max_pool(&mut self, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let (inner, zeros) = match input {
            Symbol::Padded(inner, zeros) => (&**inner, *zeros),
            other => (other, [0; 4]),
        };
        // Explicit zeros can win a maximum, unless nothing is below them.
        if zeros != [0; 4] && !matches!(inner, Symbol::Active(..)) {
            return Err("zeros are padded before a maximum of values that no ReLU went over".into());
        }
        let parts = self.settled(inner)?;
        if self.stem_pooled || parts.len() != 1 || self.parts.iter().any(|part| matches!(part, Part::Layer { .. })) {
            return Err("maximum pooling stands outside of the stem".into());
        }
        let window = Window::pool(&node.config)?;
        let padding = window.padding(zeros)?;
        self.stem_pooled = true;
        self.stated.stem_pool = Some(Some(StemPool { kernel: window.kernel, stride: window.stride, padding }));
        self.parts.push(Part::Start);
        Ok(Symbol::Features(vec![self.parts.len() - 1]))
    }

    fn average_pool(&mut self, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let Symbol::Narrow(narrow) = input else {
            return Err(
                "average pooling belongs behind a transition's 1x1 convolution; at the end of the network it must \
                        be global, for any size of picture"
                    .into(),
            );
        };
        let window = Window::pool(&node.config)?;
        if (window.kernel, window.stride, window.same) != (2, 2, false) {
            return Err(format!(
                "it pools {0}x{0} with stride {1}{2}; a transition pools 2x2 with stride 2 and padding 'valid'",
                window.kernel,
                window.stride,
                if window.same { " and padding 'same'" } else { "" }
            ));
        }
        self.parts.push(Part::Start);
        let start = self.parts.len() - 1;
        self.transitions.push((narrow.clone(), start));
        Ok(Symbol::Features(vec![start]))
    }

    fn dense(&mut self, i: usize, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        if !matches!(input, Symbol::Pooled) || self.classifier.is_some() {
            return Err("one dense layer, behind global average pooling, is expected: this is a head of its own".into());
        }
        self.classifier = Some(i);
        let kind = activation_of(&node.config);
        self.stated.activation = Some(output_activation(kind)?);
        Ok(if kind == "linear" { Symbol::Logits } else { Symbol::Scores })
    }

    /// Sorts the layers into blocks and names them.
    fn finish(mut self, graph: &Graph, from: &str) -> Result<Network, String> {
        let name = |node: usize| &graph.nodes[node].name;
        let (stem, (end, last_norm)) = match (self.stem, self.end.take()) {
            (Some(stem), Some(end)) => (stem, end),
            _ => return Err(format!("its {from} has no stem, dense blocks and end of a DenseNet")),
        };
        let mut modules = BTreeMap::from([(stem, "features.conv0".to_string())]);
        modules.extend(self.stem_norm.map(|(norm, _)| (norm, "features.norm0".into())));
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
                order = ordered(order, start, &channels[..layer], input).map_err(|e| format!("layer '{reads}' {e}"))?;
                let place = dense_layer_name(block, layer);
                modules.extend(parts.iter().map(|(module, node)| (*node, format!("{place}.{module}"))));
            }
            let (read, norm) = match self.transitions.get(block) {
                Some((narrow, _)) => {
                    let place = transition_name(block);
                    modules.insert(narrow.norm, format!("{place}.norm"));
                    modules.insert(narrow.convolution, format!("{place}.conv"));
                    (&narrow.input, narrow.norm)
                }
                None => {
                    modules.insert(last_norm, "features.norm5".into());
                    (&end, last_norm)
                }
            };
            order = ordered(order, start, &channels, read).map_err(|e| format!("layer '{}' {e}", name(norm)))?;
        }
        modules.extend(self.classifier.map(|node| (node, "classifier".into())));
        let mut stated = self.stated;
        stated.eps = self.eps;
        stated.stem_pool = stated.stem_pool.or(Some(None));
        stated.from = from.into();
        Ok(Network { modules, scales: self.scales, order, stated })
    }
}

/// Checks that `read` is the start of a block and its layers, in one of the two orders, and the same as elsewhere.
fn ordered(
    known: Option<ChannelOrder>,
    start: usize,
    layers: &[usize],
    read: &Parts,
) -> Result<Option<ChannelOrder>, String> {
    if layers.is_empty() && *read == [start] {
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

fn output_activation(kind: &str) -> Result<Activation, String> {
    match kind {
        "softmax" => Ok(Activation::Softmax),
        "sigmoid" => Ok(Activation::Sigmoid),
        "linear" => Ok(Activation::None),
        _ => Err(format!("the activation '{kind}' of the classes: softmax, sigmoid or linear is expected")),
    }
}
