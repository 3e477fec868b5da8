//! One step of a plan: its packed weights, and how it runs.

use super::affine::Norm;
use super::convolution::Convolution;
use super::copy::{self, Flatten};
use super::head::{Linear, LinearParts, Softmax, Vector};
use super::layout::Layout;
use super::pointwise::Pointwise;
use super::pool::{self, GlobalPool, MaxPool};
use super::stem::Stem;
use super::work::Work;
use crate::error::Result;
use crate::plan::{Operation, Plan, Step};
use crate::weights::Weights;

/// What a step needs of the weights, for images of any size.
#[derive(Debug)]
pub(super) enum Kernel {
    Stem(Stem),
    MaxPool,
    Pointwise(Pointwise),
    Convolution(Convolution),
    AveragePool(Norm),
    GlobalPool(GlobalPool),
    Flatten(Flatten),
    Append,
    Linear(Linear),
    Vector(Vector),
    Softmax(Softmax),
}

impl Kernel {
    pub(super) fn new(weights: &Weights, plan: &Plan, step: &Step) -> Result<Kernel> {
        let (inputs, outputs) = (plan.channel_map(&step.input), plan.channel_map(&step.output));
        let source = plan.tensor(step.input.tensor);
        let pixels = source.height * source.width;
        let norm = |name: &str| Norm::new(weights, name, &inputs);
        Ok(match &step.operation {
            Operation::Stem { weight, norm, kernel, stride, .. } => {
                let size = [*kernel, *stride];
                Kernel::Stem(Stem::new(weights, weight, norm.as_deref(), size, inputs.len(), &outputs)?)
            }
            Operation::MaxPool { .. } => Kernel::MaxPool,
            Operation::Pointwise { weight, norm, folded } => {
                let (norm, folded) = (norm.as_deref(), folded.as_deref());
                Kernel::Pointwise(Pointwise::new(weights, weight, norm, folded, &inputs, &outputs)?)
            }
            Operation::Convolution3x3 { weight, norm } => {
                Kernel::Convolution(Convolution::new(weights, weight, norm.as_deref(), &inputs, &outputs)?)
            }
            Operation::NormReluAveragePool { norm: name } => Kernel::AveragePool(norm(name)?),
            Operation::GlobalPool { norm: name, relu, maximum } => {
                Kernel::GlobalPool(GlobalPool { norm: norm(name)?, relu: *relu, maximum: *maximum })
            }
            Operation::Flatten { norm: name, relu } => Kernel::Flatten(Flatten { norm: norm(name)?, relu: *relu }),
            Operation::Append => Kernel::Append,
            Operation::Linear { weight, bias, before, behind, activation } => {
                let parts = LinearParts { weight, bias, before, behind };
                Kernel::Linear(Linear::new(weights, parts, *activation, &inputs, pixels)?)
            }
            Operation::Vector { norms, activation } => {
                Kernel::Vector(Vector::new(weights, norms, *activation, &inputs, pixels)?)
            }
            Operation::Softmax { log } => {
                Kernel::Softmax(Softmax { log: *log, channels: inputs.iter().map(Option::is_some).collect() })
            }
        })
    }

    /// What it is called where steps are timed.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn name(&self) -> &'static str {
        match self {
            Kernel::Stem(_) => "stem",
            Kernel::MaxPool => "max pool",
            Kernel::Pointwise(_) => "product",
            Kernel::Convolution(_) => "winograd 2x2",
            Kernel::AveragePool(_) => "average pool",
            Kernel::GlobalPool(_) => "global pool",
            Kernel::Flatten(_) => "flatten",
            Kernel::Append => "append",
            Kernel::Linear(_) => "linear",
            Kernel::Vector(_) => "vector",
            Kernel::Softmax(_) => "softmax",
        }
    }

    /// Bytes of the packed weights.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Kernel::Stem(stem) => stem.bytes(),
            Kernel::Pointwise(convolution) => convolution.bytes(),
            Kernel::Convolution(convolution) => convolution.bytes(),
            Kernel::AveragePool(norm)
            | Kernel::GlobalPool(GlobalPool { norm, .. })
            | Kernel::Flatten(Flatten { norm, .. }) => norm.bytes(),
            Kernel::Linear(linear) => linear.bytes(),
            Kernel::Vector(vector) => vector.bytes(),
            Kernel::MaxPool | Kernel::Append | Kernel::Softmax(_) => 0,
        }
    }

    /// Elements of scratch memory that a thread needs.
    pub(super) fn scratch(&self, plan: &Plan, step: &Step) -> usize {
        let to = Layout::new(plan, &step.output, 1);
        match self {
            Kernel::Stem(stem) => stem.scratch(to),
            Kernel::Pointwise(convolution) => convolution.scratch(),
            Kernel::Convolution(convolution) => convolution.scratch(to.height, to.width),
            Kernel::AveragePool(_) | Kernel::GlobalPool(_) => to.channels,
            _ => 0,
        }
    }

    /// Runs the step for the first `images` of the batch. `source` and `target` are the memories of its tensors.
    pub(super) fn run(&self, work: &Work, plan: &Plan, step: &Step, images: usize, source: &[f32], target: &mut [f32]) {
        let from = (source, Layout::new(plan, &step.input, images));
        let layout = Layout::new(plan, &step.output, images);
        let to = (target, layout);
        match (self, &step.operation) {
            (Kernel::Stem(stem), Operation::Stem { padding, .. }) => {
                stem.run(work, (source, [from.1.height, from.1.width], *padding), to);
            }
            (Kernel::MaxPool, Operation::MaxPool { kernel, stride, padding }) => {
                MaxPool { kernel: *kernel, stride: *stride, padding: *padding }.run(work, from, to);
            }
            (Kernel::Pointwise(convolution), _) => convolution.run(work, from, to),
            (Kernel::Convolution(convolution), _) => convolution.run(work, from, to),
            (Kernel::AveragePool(norm), _) => pool::average(norm, work, from, to),
            (Kernel::GlobalPool(pool), _) => pool.run(work, from, to),
            (Kernel::Flatten(flatten), _) => flatten.run(work, from, to),
            (Kernel::Append, _) => copy::append(work, from, to),
            (Kernel::Linear(linear), _) => linear.run(work, from, to),
            (Kernel::Vector(vector), _) => vector.run(from, to),
            (Kernel::Softmax(softmax), _) => softmax.run(from, to),
            (Kernel::Stem(_) | Kernel::MaxPool, operation) => unreachable!("packed for another step: {operation:?}"),
        }
    }
}
