//! Vectors behind the pooling: a tree of layers, whose ends are the outputs.

use std::rc::Rc;

use super::function::{Operator, Recognised, Sampled};
use super::maps::End;
use super::node::{BatchNorm, NodeId, TensorId};
use super::refusal::Refusal;
use crate::architecture::{HeadLayer, Pooling};

/// More than any head has. It bounds what hostile graphs make of one another.
const MAX_NUMBERS: usize = 8 << 20;
const MAX_STEPS: usize = 4000;
/// Values of a vector, as Architecture::validate has it: of a flattened map, and of a linear layer.
const MAX_FEATURES: usize = 1 << 22;
const MAX_OUTPUTS: usize = 1 << 16;

/// A vector, and how it came about.
pub(super) struct Step {
    /// What it was before; none for the pooled features.
    pub(super) before: Option<usize>,
    pub(super) width: usize,
    pub(super) layer: Layer,
    /// Rows, columns and channels of a map that was flattened in this order, while no linear layer has read it.
    pub(super) flat: Option<[usize; 3]>,
}

/// A layer and its parameters.
#[derive(Clone)]
pub(super) enum Layer {
    Pooled,
    Linear(Linear),
    Norm(BatchNorm),
    /// A batch norm of which only scale and shift are known.
    Affine {
        scale: Rc<[f64]>,
        shift: Rc<[f64]>,
    },
    Plain(HeadLayer),
}

/// `(weight * x + bias) * scale + shift`.
#[derive(Clone)]
pub(super) struct Linear {
    pub(super) weight: TensorId,
    /// `[in, out]` in the file.
    pub(super) transposed: bool,
    pub(super) bias: Option<TensorId>,
    pub(super) scale: Option<Rc<[f64]>>,
    pub(super) shift: Option<Rc<[f64]>>,
}

/// A vector that a node yields.
#[derive(Clone, Debug)]
pub(super) struct Vector {
    step: usize,
    /// A function of each element, not yet a layer.
    function: Option<(NodeId, Sampled)>,
}

/// All vectors.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) steps: Vec<Step>,
    /// What all of them are pooled from.
    pub(super) root: Option<End>,
    /// How each vector without a layer before it was pooled.
    single: Vec<(usize, Pooling)>,
    numbers: usize,
    /// Constants were rounded to half precision.
    pub(super) half: bool,
}

impl Tree {
    fn push(&mut self, step: Step) -> Result<Vector, String> {
        if self.steps.len() >= MAX_STEPS {
            return Err(format!("a head of more than {MAX_STEPS} layers"));
        }
        self.steps.push(step);
        Ok(Vector { step: self.steps.len() - 1, function: None })
    }

    /// Feature maps made a vector. `channels_last`: flattened so.
    pub(super) fn pool(
        &mut self,
        end: End,
        channels: usize,
        pooling: Pooling,
        channels_last: bool,
    ) -> Result<Vector, String> {
        if let Some(known) = &self.root
            && *known != end
        {
            return Err(
                "it pools other feature maps than the end of the last dense block, which are pooled already".into()
            );
        }
        let flat = match pooling {
            Pooling::Flatten { height, width } if channels_last => Some([height, width, channels]),
            _ => None,
        };
        let known = |(step, known): &&(usize, Pooling)| *known == pooling && self.steps[*step].flat == flat;
        if let Some((step, _)) = self.single.iter().find(known) {
            return Ok(Vector { step: *step, function: None });
        }
        self.root.get_or_insert(end);
        let width = pooling.outputs(channels);
        if width > MAX_FEATURES {
            return Err(format!("it makes a vector of {width} values: up to {MAX_FEATURES} are possible"));
        }
        let vector = self.push(Step { before: None, width, layer: Layer::Pooled, flat })?;
        self.single.push((vector.step, pooling));
        Ok(vector)
    }

    pub(super) fn width(&self, vector: &Vector) -> usize {
        self.steps[vector.step].width
    }

    /// Means and maxima, one behind the other.
    pub(super) fn concatenate(&mut self, vectors: &[&Vector]) -> Result<Vector, String> {
        let pooling = |vector: &&Vector| {
            let pooled = self.single.iter().find(|(step, _)| *step == vector.step && vector.function.is_none());
            pooled.map(|(_, pooling)| *pooling)
        };
        let kinds: Option<Vec<Pooling>> = vectors.iter().map(pooling).collect();
        let pooling = match kinds.as_deref() {
            Some([_]) => return Ok(vectors[0].clone()),
            Some([Pooling::Average, Pooling::Maximum]) => Pooling::AverageMaximum,
            Some([Pooling::Maximum, Pooling::Average]) => Pooling::MaximumAverage,
            _ => {
                return Err(
                    "it joins vectors: only the mean and the maximum of the last feature maps may be joined".into()
                );
            }
        };
        let width = 2 * self.width(vectors[0]);
        let vector = self.push(Step { before: None, width, layer: Layer::Pooled, flat: None })?;
        self.single.push((vector.step, pooling));
        Ok(vector)
    }

    /// The pooling of a vector that is the beginning of a chain of layers.
    pub(super) fn pooling(&self, step: usize) -> Option<Pooling> {
        self.single.iter().find(|(known, _)| *known == step).map(|(_, pooling)| *pooling)
    }

    pub(super) fn function(&self, node: NodeId, vector: &Vector, apply: impl Fn(&Sampled) -> Sampled) -> Vector {
        let before = vector.function.as_ref().map_or_else(Sampled::identity, |(_, sampled)| sampled.clone());
        Vector { step: vector.step, function: Some((node, apply(&before))) }
    }

    pub(super) fn combine(&self, node: NodeId, operator: Operator, a: &Vector, b: &Vector) -> Result<Vector, String> {
        if a.step != b.step {
            return Err("it adds or multiplies two vectors, which no head of a DenseNet here does".into());
        }
        let sampled = |v: &Vector| v.function.as_ref().map_or_else(Sampled::identity, |(_, sampled)| sampled.clone());
        Ok(Vector { step: a.step, function: Some((node, sampled(a).with(operator, &sampled(b)))) })
    }

    /// The vector as a layer reads it: what was done to each element is a layer.
    pub(super) fn settled(&mut self, vector: &Vector) -> Result<Vector, Refusal> {
        let Some((node, function)) = &vector.function else { return Ok(vector.clone()) };
        let (node, plain) = (*node, Vector { step: vector.step, function: None });
        let settled = match function.recognise(self.half) {
            Recognised::Identity => Ok(plain),
            Recognised::Affine(scale, shift) => {
                let width = self.width(&plain);
                self.affine(&plain, vec![scale; width], vec![shift; width])
            }
            Recognised::Layer(layer) => self.plain(&plain, layer),
            Recognised::Unknown => Err(format!(
                "{} is none of the activations that a head may have: relu, leaky_relu, gelu, silu, tanh, sigmoid",
                function.named()
            )),
        };
        settled.map_err(|reason| Refusal(Some(node), reason))
    }

    /// A layer without parameters.
    pub(super) fn plain(&mut self, vector: &Vector, layer: HeadLayer) -> Result<Vector, String> {
        // Several nodes may read one activation.
        let same = |step: &Step| {
            step.before == Some(vector.step) && matches!(step.layer, Layer::Plain(known) if known == layer)
        };
        if let Some(step) = self.steps.iter().position(same) {
            return Ok(Vector { step, function: None });
        }
        let Step { width, flat, .. } = self.steps[vector.step];
        self.push(Step { before: Some(vector.step), width, layer: Layer::Plain(layer), flat })
    }

    /// `shape` is the weight's.
    pub(super) fn linear(&mut self, vector: &Vector, linear: Linear, shape: &[usize]) -> Result<Vector, String> {
        let (outputs, inputs) = match (shape, linear.transposed) {
            (&[outputs, inputs, ..], false) | (&[inputs, outputs], true) => (outputs, inputs),
            _ => return Err(format!("its weight has shape {shape:?}, expected two axes")),
        };
        if inputs != self.width(vector) {
            return Err(format!("its weight reads {inputs} values of {}", self.width(vector)));
        }
        if !(1..=MAX_OUTPUTS).contains(&outputs) {
            return Err(format!("it makes {outputs} values: 1 to {MAX_OUTPUTS} are possible"));
        }
        let layer = Layer::Linear(linear);
        self.push(Step { before: Some(vector.step), width: outputs, layer, flat: None })
    }

    pub(super) fn norm(&mut self, vector: &Vector, norm: &BatchNorm) -> Result<Vector, String> {
        let Step { width, flat, .. } = self.steps[vector.step];
        self.push(Step { before: Some(vector.step), width, layer: Layer::Norm(norm.clone()), flat })
    }

    /// Each element times its scale plus its shift. Behind a linear layer that becomes part of it.
    pub(super) fn affine(&mut self, vector: &Vector, scale: Vec<f64>, shift: Vec<f64>) -> Result<Vector, String> {
        self.numbers += scale.len() + shift.len();
        if self.numbers > MAX_NUMBERS {
            return Err("it scales more values than any head has".into());
        }
        let Step { width, flat, ref layer, before, .. } = self.steps[vector.step];
        let (before, layer) = match layer {
            Layer::Linear(linear) => {
                let old = |numbers: &Option<Rc<[f64]>>, i: usize, default| numbers.as_ref().map_or(default, |n| n[i]);
                let new_scale = (0..width).map(|i| old(&linear.scale, i, 1.0) * scale[i]).collect();
                let new_shift = (0..width).map(|i| old(&linear.shift, i, 0.0) * scale[i] + shift[i]).collect();
                let linear = Linear { scale: Some(new_scale), shift: Some(new_shift), ..linear.clone() };
                (before, Layer::Linear(linear))
            }
            _ => (Some(vector.step), Layer::Affine { scale: scale.into(), shift: shift.into() }),
        };
        self.push(Step { before, width, layer, flat })
    }

    /// The steps from the pooled features to a vector, in order.
    pub(super) fn path(&self, vector: &Vector) -> Vec<usize> {
        let mut path: Vec<usize> = std::iter::successors(Some(vector.step), |step| self.steps[*step].before).collect();
        path.reverse();
        path
    }
}
