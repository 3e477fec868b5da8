//! What is known about a network once its graph has been read: its head, its input, and where each tensor belongs.

use super::super::pictures::Pictures;
use super::super::source::Entry;
use super::super::statements::Statements;
use super::emit::{EPS, Emitter};
use super::head::{Layer, Vector};
use super::maps::Trunk;
use super::node::{Axis, Graph, Operation};
use super::numbers::{only_selects, pixel_range};
use super::read::{Content, Walk};
use crate::architecture::{Activation, Branch, Head, HeadLayer, InputSize, InputTransform, Pooling};

/// More than any network has.
const MAX_OUTPUTS: usize = 64;
/// Of an output that is the pooled features themselves, beside others.
const MAX_IDENTITY: usize = 4096;

/// A graph, read.
pub(in crate::weights) struct Reading<'a> {
    /// The tensors of the network, and the canonical name of each.
    pub(in crate::weights) entries: Vec<Entry<'a>>,
    pub(in crate::weights) canonical: Vec<Option<String>>,
    /// Which of the graph's tensors are among them.
    pub(in crate::weights) used: Vec<bool>,
    pub(in crate::weights) stated: Statements,
    pub(in crate::weights) pictures: Pictures,
    pub(in crate::weights) warnings: Vec<String>,
}

/// An output: its name, the steps from the pooled features on, and what turns logits into scores.
struct Output {
    name: String,
    steps: Vec<usize>,
    activation: Option<Activation>,
}

/// A layer of the head: a step of the graph, or a layer that only puts a vector in order.
#[derive(Clone, Copy)]
enum Planned {
    Step(usize),
    Identity { of: usize },
}

impl<'a> Graph<'a> {
    /// Reads the graph as a DenseNet.
    pub(in crate::weights) fn read(self) -> Result<Reading<'a>, String> {
        let mut warnings = Vec::new();
        let mut walk = Walk::of(&self)?;
        let outputs = outputs(&self, &mut walk, &mut warnings)?;
        let (mut shared, mut branches) = parted(&walk, &outputs)?;
        let root = outputs[0].steps[0];
        let end = walk.tree.root.clone().ok_or("it has no end of a DenseNet")?;
        walk.trunk.found.end = Some((end.parts, end.norm));

        let found = std::mem::take(&mut walk.trunk.found);
        let trunk = &walk.trunk;
        let (modules, order) = found.modules(&self.words, |module| self.nodes[trunk.node_of(module)].name.clone())?;
        let eps = trunk.norms.eps().unwrap_or(EPS);
        let mut emitter = Emitter::new(&self.tensors, eps);
        for (name, module) in &modules {
            emitter.trunk(name, *module, trunk)?;
        }
        let layer = |planned: &Planned| layer(&walk, *planned);
        let mut head = Head {
            relu: end.relu,
            pooling: walk.tree.pooling(root).unwrap_or_default(),
            layers: shared.iter().map(layer).collect(),
            branches: Vec::new(),
        };
        let mut put = |module: String, planned: &Planned| match *planned {
            Planned::Step(step) => {
                let steps = &walk.tree.steps;
                let before = steps[step].before.unwrap_or(step);
                emitter.step(&module, &steps[step], &steps[before])
            }
            Planned::Identity { of } => emitter.identity(&module, &walk.tree.steps[of]),
        };
        let only = shared.len() == 1 && branches.is_empty();
        for (at, planned) in shared.drain(..).enumerate() {
            put(if only { "classifier".into() } else { format!("classifier.{at}") }, &planned)?;
        }
        let scores_are_stated = self.words.scores_are_stated;
        for (output, steps) in outputs.iter().zip(branches.drain(..)) {
            let layers: Vec<HeadLayer> = steps.iter().map(layer).collect();
            for (at, planned) in steps.iter().enumerate() {
                put(format!("classifier.{}.{at}", output.name), planned)?;
            }
            let width = walk.tree.steps[*output.steps.last().unwrap_or(&root)].width;
            let usual = if scores_are_stated || width == 1 { Activation::None } else { Activation::Softmax };
            let activation = output.activation.unwrap_or(usual);
            head.branches.push(Branch { name: output.name.clone(), layers, activation });
        }
        let stated_activation = match (&outputs[0].activation, scores_are_stated && !head.is_bare()) {
            _ if !head.branches.is_empty() => None,
            (Some(activation), _) => Some(*activation),
            (None, true) => Some(Activation::None),
            (None, false) => None,
        };
        let plan = emitter.plan();
        let (input, pictures) = input(&self, trunk)?;
        let stated = Statements {
            stem_stride: trunk.stem_stride,
            stem_padding: trunk.stem_padding,
            stem_pool: Some(trunk.stem_pool),
            eps: Some(eps),
            activation: stated_activation,
            head: Some(head),
            input: Some(input),
            channel_order: order,
            ..Statements::from(self.words.place.clone())
        };
        drop(walk);
        let (entries, canonical, used) = plan.entries(self.tensors);
        Ok(Reading { entries, canonical, used, stated, pictures, warnings })
    }
}

/// What the graph does to its input, and what that means for pictures.
fn input(graph: &Graph, trunk: &Trunk) -> Result<(Option<InputTransform>, Pictures), String> {
    let image = trunk.image.as_ref().ok_or("it has no stem")?;
    let stem = trunk.kernels.first().map(|kernel| graph.tensors[kernel.convolution.weight].shape.get(1));
    let channels = image.channels().or(stem.flatten().copied()).unwrap_or_default();
    let sides = graph.nodes.iter().find_map(|node| match &node.operation {
        Operation::Input { axes, sides } => {
            let side = |wanted| axes.iter().zip(sides).find(|(axis, _)| **axis == wanted).and_then(|(_, side)| *side);
            side(Axis::Row).zip(side(Axis::Column)).map(|(rows, columns)| [rows, columns])
        }
        _ => None,
    });
    let transform = match (image.transform(), image.size) {
        (transform, Some([height, width])) if !image.steps.is_empty() => {
            let whole = transform.unwrap_or_else(|| InputTransform::identity(channels.min(1 << 12)));
            Some(InputTransform { size: Some(InputSize { height, width }), ..whole })
        }
        (transform, _) => transform,
    };
    let own = image.transform().filter(|transform| !only_selects(transform));
    let pictures = Pictures {
        size: sides.map(|[height, width]| InputSize { height, width }),
        steps: image.steps.to_vec(),
        range: own.map(|transform| pixel_range(&transform)),
    };
    Ok((transform, pictures))
}

/// The outputs of the graph that are vectors behind the pooling, each with its steps.
fn outputs(graph: &Graph, walk: &mut Walk, warnings: &mut Vec<String>) -> Result<Vec<Output>, String> {
    if graph.outputs.len() > MAX_OUTPUTS {
        return Err(format!(
            "its {} has {} outputs: up to {MAX_OUTPUTS} are read",
            graph.words.place,
            graph.outputs.len()
        ));
    }
    let mut found: Vec<Output> = Vec::new();
    let mut maps = Vec::new();
    for (name, at) in &graph.outputs {
        match walk.output(*at)?.content {
            Content::Vector(vector) => found.push(output(walk, name, &vector)),
            Content::Maps(map) if map.end().is_ok() => maps.push((name, map)),
            _ => {
                let Graph { words, nodes, .. } = graph;
                return Err(format!(
                    "its {} ends with {} '{}': a DenseNet ends with batch norm and ReLU, pooling over all pixels, or \
                     layers behind that",
                    words.place, words.node, nodes[*at].name
                ));
            }
        }
    }
    match (found.is_empty(), maps.as_slice()) {
        (true, [(name, map), ..]) => {
            let end = map.end().map_err(|refusal| refusal.1)?;
            warnings.push(format!(
                "its {} ends with feature maps ('{}'); the output here is the mean of each",
                graph.words.place,
                short(name)
            ));
            let vector = walk.tree.pool(end, walk.trunk.width(map), Pooling::Average, false)?;
            found.push(output(walk, name, &vector));
        }
        (true, []) => return Err(format!("its {} has no outputs", graph.words.place)),
        (false, maps) => {
            for (name, _) in maps {
                warnings.push(format!(
                    "the output '{}' of its {}, feature maps, is left out",
                    short(name),
                    graph.words.place
                ));
            }
        }
    }
    let mut names: Vec<String> = Vec::new();
    for (at, output) in found.iter_mut().enumerate() {
        output.name = fit(&output.name, at, &names);
        names.push(output.name.clone());
    }
    if found.iter().any(|output| output.steps[0] != found[0].steps[0]) {
        return Err("its outputs stand on different poolings of the last feature maps: one for all is expected".into());
    }
    Ok(found)
}

fn output(walk: &Walk, name: &str, vector: &Vector) -> Output {
    let mut steps = walk.tree.path(vector);
    let activation = match steps.last().map(|step| &walk.tree.steps[*step].layer) {
        Some(Layer::Plain(HeadLayer::Softmax)) => Some(Activation::Softmax),
        Some(Layer::Plain(HeadLayer::Sigmoid)) => Some(Activation::Sigmoid),
        _ => None,
    };
    if activation.is_some() {
        steps.pop();
    }
    Output { name: name.into(), steps, activation }
}

/// A name of an output that a head may have.
fn fit(name: &str, at: usize, others: &[String]) -> String {
    // TensorFlow's `age:0`.
    let name = name.strip_suffix(":0").unwrap_or(name);
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let name: String = name.chars().take(60).map(plain).collect();
    let name = if name.is_empty() { format!("output_{at}") } else { name };
    if others.contains(&name) { format!("{name}_{at}") } else { name }
}

fn short(name: &str) -> String {
    name.chars().take(60).collect()
}

fn is_linear(walk: &Walk, step: usize) -> bool {
    matches!(walk.tree.steps[step].layer, Layer::Linear(_))
}

/// The layers that all outputs share, and those of each: none where there is one output.
type Parted = (Vec<Planned>, Vec<Vec<Planned>>);

fn parted(walk: &Walk, outputs: &[Output]) -> Result<Parted, String> {
    let planned = |steps: &[usize]| steps.iter().map(|step| Planned::Step(*step)).collect::<Vec<_>>();
    // A vector in the order of the file, which is another where a map was flattened with its channels last.
    let ordered = |output: &Output| output.steps.last().is_none_or(|step| walk.tree.steps[*step].flat.is_none());
    if let [output] = outputs {
        if !ordered(output) {
            return Err(format!(
                "its output '{}' is a flattened feature map with its channels last: a linear layer behind it is expected",
                output.name
            ));
        }
        return Ok((planned(&output.steps[1..]), Vec::new()));
    }
    let mut shared = outputs[0].steps.len();
    for output in outputs {
        shared = output.steps.iter().zip(&outputs[0].steps).take(shared).take_while(|(a, b)| a == b).count();
    }
    // Each output has a linear layer of its own.
    while shared > 1 && outputs.iter().any(|output| !output.steps[shared..].iter().any(|step| is_linear(walk, *step))) {
        shared -= 1;
    }
    let branches = outputs.iter().map(|output| {
        let mut steps = planned(&output.steps[shared..]);
        if !output.steps[shared..].iter().any(|step| is_linear(walk, *step)) {
            let of = output.steps[output.steps.len() - 1];
            if walk.tree.steps[of].width > MAX_IDENTITY {
                return Err(format!(
                    "its output '{}' is the pooled features themselves, {} values: a layer of its own is expected",
                    output.name, walk.tree.steps[of].width
                ));
            }
            steps.push(Planned::Identity { of });
        }
        Ok(steps)
    });
    Ok((planned(&outputs[0].steps[1..shared]), branches.collect::<Result<_, _>>()?))
}

fn layer(walk: &Walk, planned: Planned) -> HeadLayer {
    match planned {
        Planned::Identity { of } => HeadLayer::Linear { outputs: walk.tree.steps[of].width },
        Planned::Step(step) => {
            let step = &walk.tree.steps[step];
            match &step.layer {
                Layer::Linear(_) | Layer::Pooled => HeadLayer::Linear { outputs: step.width },
                Layer::Norm(norm) => HeadLayer::BatchNorm { eps: norm.eps },
                Layer::Affine { .. } => HeadLayer::BatchNorm { eps: EPS },
                Layer::Plain(layer) => *layer,
            }
        }
    }
}
