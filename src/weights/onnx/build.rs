//! An ONNX graph in the words of no framework: constants are computed, shapes followed, and each other node becomes an operation.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::graph::{self as neutral, Axis, NodeId, Operation, TensorId, Words, layout};
use super::constant::Constant;
use super::external::Folder;
use super::fold::Budget;
use super::messages::{Graph, Model, Node, Value};
use super::shapes::{Extent, Shape};

/// The newest version of ONNX's operations that is known.
const NEWEST: i64 = 26;

/// What a name of the graph stands for.
#[derive(Clone)]
pub(super) enum Known<'a> {
    Constant(Rc<Constant<'a>>),
    Shape(Shape),
    /// What a node yields.
    Node(NodeId),
    /// What several nodes yield, in a list.
    List(Rc<[NodeId]>),
    /// What this does not follow: computed from a shape, or the second result of a node.
    Nothing(Rc<str>),
}

/// Builds the graph.
pub(super) struct Builder<'a> {
    pub(super) known: HashMap<&'a str, Known<'a>>,
    pub(super) graph: neutral::Graph<'a>,
    /// How many axes each node's result has, where that is known.
    pub(super) ranks: Vec<Option<usize>>,
    pub(super) folder: Folder,
    pub(super) budget: Budget,
    /// The version of ONNX's own operations.
    pub(super) opset: i64,
    functions: Vec<(&'a str, &'a str)>,
    /// How long lists may still be, all together.
    pub(super) list_budget: usize,
    /// The tensors that constants have become.
    tensors: HashMap<*const Constant<'a>, (TensorId, Rc<Constant<'a>>)>,
}

/// The graph of a model of so many bytes, which is at the folder's place.
pub(super) fn graph<'a>(
    model: Model<'a>,
    folder: Folder,
    bytes: usize,
    warnings: &mut Vec<String>,
) -> Result<neutral::Graph<'a>, String> {
    let Model { graph: Some(graph), opsets, functions, .. } = model else {
        return Err("an ONNX file without a graph".into());
    };
    let own = |domain: &&(&str, i64)| matches!(domain.0, "" | "ai.onnx");
    // Before IR version 3 none was written, and there was only the first.
    let opset = opsets.iter().find(own).map_or(1, |(_, version)| *version);
    if opset < 7 {
        return Err(format!("an ONNX model of opset {opset}: 7 and later are read; export it again"));
    }
    if opset > NEWEST {
        warnings.push(format!("it is of ONNX opset {opset}; what changed after {NEWEST} is not known here"));
    }
    let words = Words { place: "graph".into(), node: "node", scores_are_stated: false };
    let neutral = neutral::Graph { nodes: Vec::new(), tensors: Vec::new(), outputs: Vec::new(), words };
    let mut builder = Builder {
        known: HashMap::new(),
        graph: neutral,
        ranks: Vec::new(),
        folder,
        budget: Budget::of(bytes),
        opset,
        functions,
        list_budget: 1 << 20,
        tensors: HashMap::new(),
    };
    builder.all(graph)?;
    Ok(builder.graph)
}

impl<'a> Builder<'a> {
    fn all(&mut self, graph: Graph<'a>) -> Result<(), String> {
        let Graph { nodes, initializers, inputs, outputs } = graph;
        for tensor in &initializers {
            let constant = Constant::read(tensor, &mut self.folder)?;
            self.known.insert(tensor.name, Known::Constant(Rc::new(constant)));
        }
        drop(initializers);
        for input in &inputs {
            // Parameters are inputs too in old files.
            if !self.known.contains_key(input.name) {
                self.input(input);
            }
        }
        for node in &nodes {
            self.node(node)?;
        }
        self.name_axes();
        for output in &outputs {
            match self.known.get(output.name) {
                Some(Known::Node(node)) => self.graph.outputs.push((output.name.to_string(), *node)),
                Some(_) => return Err(format!("its output '{}' does not depend on its input", short(output.name))),
                None => return Err(format!("its output '{}' is yielded by no node", short(output.name))),
            }
        }
        Ok(())
    }

    fn input(&mut self, input: &Value<'a>) {
        let sides = input.sides.as_ref().filter(|sides| sides.len() == 4);
        let side = |at: usize| sides.and_then(|sides| usize::try_from(sides[at]?).ok());
        let operation = match (sides, input.kind) {
            (None, _) if input.sides.is_some() => {
                let rank = input.sides.as_ref().map_or(0, Vec::len);
                Operation::Unknown(Some(format!(
                    "an input with {rank} axes, expected images: [images, channels, rows, columns]"
                )))
            }
            // The axes get their names once all nodes are known. Where no convolution tells, few channels do.
            _ => {
                let few = |at: usize| side(at).is_some_and(|n| n <= 4);
                let axes = if few(3) && !few(1) { Axis::NHWC } else { Axis::NCHW };
                Operation::Input { axes, sides: [0, 1, 2, 3].map(side) }
            }
        };
        let node = self.add(input.name, "input", operation, Vec::new(), Some(4));
        self.known.insert(input.name, Known::Node(node));
    }

    /// Which axis of the input counts what, as the first convolution that reads it has it.
    fn name_axes(&mut self) {
        let all: Vec<NodeId> = (0..self.graph.nodes.len())
            .filter(|&at| matches!(self.graph.nodes[at].operation, Operation::Input { .. }))
            .take(8)
            .collect();
        for at in all {
            if let Some(found) = layout(&self.graph.nodes, at)
                && let Operation::Input { axes, .. } = &mut self.graph.nodes[at].operation
            {
                *axes = found;
            }
        }
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        kind: &str,
        operation: Operation,
        inputs: Vec<NodeId>,
        rank: Option<usize>,
    ) -> NodeId {
        self.graph.nodes.push(neutral::Node { name: short(name), kind: short(kind), operation, inputs });
        self.ranks.push(rank);
        self.graph.nodes.len() - 1
    }

    /// The constant as a tensor of the graph.
    pub(super) fn tensor(&mut self, constant: &Rc<Constant<'a>>) -> Result<TensorId, String> {
        let key = Rc::as_ptr(constant);
        if let Some((tensor, _)) = self.tensors.get(&key) {
            return Ok(*tensor);
        }
        self.graph.tensors.push(constant.entry()?);
        let tensor = self.graph.tensors.len() - 1;
        // The constant is kept, so that no other gets its address.
        self.tensors.insert(key, (tensor, Rc::clone(constant)));
        Ok(tensor)
    }

    fn node(&mut self, node: &Node<'a>) -> Result<(), String> {
        let name = if node.name.is_empty() { node.outputs.first().copied().unwrap_or("") } else { node.name };
        let refused =
            |reason: String| format!("node '{}' ({}) of its graph: {reason}", short(name), short(node.operation));
        let mut inputs = Vec::with_capacity(node.inputs.len());
        for input in &node.inputs {
            // An input that is left out has no name.
            inputs.push(match self.known.get(input) {
                _ if input.is_empty() => None,
                Some(known) => Some(known.clone()),
                None => {
                    return Err(refused(format!(
                        "it reads '{}', which no node before it yields: nodes stand in order, and without a circle",
                        short(input)
                    )));
                }
            });
        }
        let Some((&first, others)) = node.outputs.split_first() else { return Ok(()) };
        if node.outputs.iter().any(|output| !output.is_empty() && self.known.contains_key(output)) {
            return Err(refused(format!("it yields '{}', which is yielded already", short(first))));
        }
        let known = match node.domain {
            "" | "ai.onnx" => self.operation(node, name, &inputs),
            domain => Err(self.foreign(domain, node.operation)),
        };
        let known = known.unwrap_or_else(|reason| {
            // Refused only where an output depends on it.
            let reads = inputs.iter().flatten().filter_map(|known| match known {
                Known::Node(node) => Some(*node),
                _ => None,
            });
            let (reads, reason) = (reads.collect(), (!reason.is_empty()).then_some(reason));
            Known::Node(self.add(name, node.operation, Operation::Unknown(reason), reads, None))
        });
        self.known.insert(first, known);
        for other in others.iter().filter(|other| !other.is_empty()) {
            let what = format!("a further result of '{}' ({})", short(name), short(node.operation));
            self.known.insert(other, Known::Nothing(what.into()));
        }
        Ok(())
    }

    fn foreign(&self, domain: &str, operation: &str) -> String {
        if self.functions.iter().any(|(own, name)| *own == domain && *name == operation) {
            return "a function that the file itself defines: write them out with onnx.inliner.inline_local_functions"
                .into();
        }
        format!("an operation of '{}', not of ONNX: export the model without that optimization", short(domain))
    }

    /// A shape, from a constant or what was followed.
    pub(super) fn shape_of(&self, known: &Known) -> Option<Shape> {
        match known {
            Known::Constant(constant) => Some(Shape::ints(constant.as_ints()?, constant.shape.is_empty())),
            Known::Shape(shape) => Some(shape.clone()),
            _ => None,
        }
    }

    /// The sides of what a node yields.
    pub(super) fn sides_of(&self, node: NodeId) -> Option<Vec<Extent>> {
        Some((0..self.ranks[node]?).map(|axis| Extent::Of(node, axis)).collect())
    }
}

/// Names of a file are of any length.
fn short(name: &str) -> String {
    name.chars().take(120).collect()
}
