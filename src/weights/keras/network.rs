//! A model's graph read as a DenseNet: which layer is which, and what its configuration says.
//!
//! The graph is evaluated layer by layer on symbols, which tell what a value is and, for feature maps, which channels it
//! has. A layer that has no place in a DenseNet is refused by name.

use std::collections::BTreeMap;

use super::super::statements::Statements;
use super::blocks::{Found, Narrow, Part, Parts};
use super::graph::{Graph, Node};
use super::settings::{Window, activation_of, output_activation, pair, zero_padding};
use crate::architecture::{Padding, StemPool};

/// Published networks have up to 98 layers in a block.
const MAX_PARTS: usize = 1000;

/// The network that a graph is.
pub(super) struct Network {
    /// The canonical module, such as `features.conv0`, of each layer with weights, by its node.
    pub(super) modules: BTreeMap<usize, String>,
    /// The batch norm that each Scale layer follows.
    pub(super) scales: BTreeMap<usize, usize>,
    pub(super) stated: Statements,
}

/// What a layer yields. Numbers are indices of nodes, except in [`Parts`].
#[derive(Clone, Debug)]
enum Symbol {
    /// The output does not depend on it.
    Unused,
    Image,
    Features(Parts),
    Normed(Parts, usize),
    /// After the batch norm's ReLU.
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

#[derive(Default)]
struct Walk {
    found: Found,
    stem_pooled: bool,
    scales: BTreeMap<usize, usize>,
    stated: Statements,
}

impl Network {
    /// `from` is what people call the place of the configuration.
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
            Symbol::Active(parts, norm) => walk.found.end = Some((parts.clone(), *norm)),
            Symbol::Pooled | Symbol::Logits | Symbol::Scores => {}
            _ => {
                let end = &graph.nodes[graph.output].name;
                return Err(format!(
                    "its {from} ends with layer '{end}': a DenseNet ends with batch norm and ReLU, global average pooling \
                     or a dense layer"
                ));
            }
        }
        let Walk { found, scales, mut stated, .. } = walk;
        let (modules, order) = found.modules(graph, from)?;
        stated.channel_order = order;
        stated.stem_pool = stated.stem_pool.or(Some(None));
        stated.from = from.into();
        Ok(Network { modules, scales, stated })
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
                _ => Err("a Scale layer belongs after a batch norm".into()),
            },
            "Activation" | "ReLU" | "Softmax" => self.activation(node, input),
            "MaxPooling2D" => self.max_pool(node, input),
            "AveragePooling2D" => self.average_pool(node, input),
            "GlobalAveragePooling2D" => match input {
                Symbol::Active(parts, norm) => {
                    self.found.end = Some((parts.clone(), *norm));
                    Ok(Symbol::Pooled)
                }
                _ => Err("global pooling belongs after the last batch norm and its ReLU".into()),
            },
            "Flatten" if matches!(input, Symbol::Pooled) => Ok(Symbol::Pooled),
            "Dense" => self.dense(i, node, input),
            "GlobalMaxPooling2D" => Err("global maximum pooling is not supported: average pooling is expected".into()),
            "Rescaling" | "Normalization" => {
                Err("the model changes pixels itself; remove this layer, and state with --preset what it did".into())
            }
            _ => Err("a DenseNet has no such layer".into()),
        }
    }

    /// The channels of a feature map that may be concatenated or normalised. After its batch norm and ReLU the stem's
    /// output is one.
    fn settled(&mut self, symbol: &Symbol) -> Result<Parts, String> {
        match symbol {
            Symbol::Features(parts) => Ok(parts.clone()),
            Symbol::Active(parts, norm) if *parts == [0] => match self.found.stem_norm {
                None => {
                    self.found.parts.push(Part::Start);
                    self.found.stem_norm = Some((*norm, self.found.parts.len() - 1));
                    Ok(vec![self.found.parts.len() - 1])
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
            // Each layer of a block is there once. The limit bounds the memory that copies of this list take.
            if parts.len() > self.found.parts.len().min(MAX_PARTS) {
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
            this.found.parts.push(Part::Layer { input, modules });
            Ok(Symbol::Features(vec![this.found.parts.len() - 1]))
        };
        let is = |kernel: usize| window.kernel == kernel && window.stride == 1 && padding == Padding::all(kernel / 2);
        match input {
            Symbol::Image if self.found.stem.is_none() => {
                self.found.stem = Some(i);
                self.stated.stem_stride = Some(window.stride);
                self.stated.stem_padding = Some(padding);
                self.found.parts.push(Part::Start);
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
            _ => Err("batch norm and ReLU are expected before it".into()),
        }
    }

    fn norm(&mut self, i: usize, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let axis = node.config["axis"].as_i64().or_else(|| node.config["axis"][0].as_i64());
        if axis.is_some_and(|axis| !matches!(axis, 1 | 3 | -1)) || node.config["mode"].as_i64() == Some(1) {
            return Err("it does not normalise channels".into());
        }
        // Keras' default, where none is written.
        let eps = node.config["epsilon"].as_f64().unwrap_or(1e-3);
        match self.stated.eps {
            None => self.stated.eps = Some(eps),
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
                Err(format!("'{kind}' after a batch norm, expected relu"))
            }
            _ => Err(format!("'{kind}' where a DenseNet has no activation")),
        }
    }

    fn max_pool(&mut self, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let (inner, zeros) = match input {
            Symbol::Padded(inner, zeros) => (&**inner, *zeros),
            other => (other, [0; 4]),
        };
        // Explicit zeros can win a maximum, unless no value is below zero.
        if zeros != [0; 4] && !matches!(inner, Symbol::Active(..)) {
            return Err("zeros are padded before a maximum of values that may be negative".into());
        }
        let parts = self.settled(inner)?;
        let in_block = self.found.parts.iter().any(|part| matches!(part, Part::Layer { .. }));
        if self.stem_pooled || parts.len() != 1 || in_block {
            return Err("maximum pooling outside the stem".into());
        }
        let window = Window::pool(&node.config)?;
        let padding = window.padding(zeros)?;
        self.stem_pooled = true;
        self.stated.stem_pool = Some(Some(StemPool { kernel: window.kernel, stride: window.stride, padding }));
        self.found.parts.push(Part::Start);
        Ok(Symbol::Features(vec![self.found.parts.len() - 1]))
    }

    fn average_pool(&mut self, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        let Symbol::Narrow(narrow) = input else {
            return Err(
                "average pooling belongs after a transition's 1x1 convolution; at the end of the network it must be \
                 global, for any size of picture"
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
        self.found.parts.push(Part::Start);
        let start = self.found.parts.len() - 1;
        self.found.transitions.push((narrow.clone(), start));
        Ok(Symbol::Features(vec![start]))
    }

    fn dense(&mut self, i: usize, node: &Node, input: &Symbol) -> Result<Symbol, String> {
        if !matches!(input, Symbol::Pooled) || self.found.classifier.is_some() {
            return Err(
                "one dense layer, after global average pooling, is expected: other heads are not supported".into()
            );
        }
        self.found.classifier = Some(i);
        let kind = activation_of(&node.config);
        self.stated.activation = Some(output_activation(kind)?);
        Ok(if kind == "linear" { Symbol::Logits } else { Symbol::Scores })
    }
}
