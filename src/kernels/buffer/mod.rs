//! The buffer family: storage buffers `[N, C/4, H, W]` of four channels, register tiles.

mod append;
mod average_pool;
mod classifier;
mod conv3x3;
mod global_pool;
mod max_pool;
mod pointwise;
mod stem;

use bytemuck::NoUninit;

use super::pack::{ChannelMap, PackedWeight, Packing};
use super::program::{Dispatch, Program, Resource, TapSource};
use super::{AdapterFacts, AdapterKind, Kernel, KernelFamily, Variant};
use crate::plan::{Operation, Plan, PlanTensor, Step, TensorKind, View};

/// Numbers that suit an adapter.
struct Tuning {
    /// Invocations of a workgroup.
    workgroup_size: u32,
    /// Eight pixels an invocation where a row has as many.
    wide: bool,
}

impl Tuning {
    fn of(facts: &AdapterFacts) -> Self {
        match facts.kind {
            // One workgroup is one vector of a CPU's unit, and registers spill to a fast cache.
            AdapterKind::Software => Tuning { workgroup_size: 8, wide: true },
            // More invocations hide latency; 64 is a multiple of every GPU's subgroup.
            _ => Tuning { workgroup_size: 64, wide: false },
        }
    }
}

/// Lowers a plan; limits are checked by the caller.
pub(super) fn lower(plan: &Plan, facts: &AdapterFacts) -> Program {
    let mut lowering =
        Lowering { plan, tuning: Tuning::of(facts), variants: Vec::new(), weights: Vec::new(), dispatches: Vec::new() };
    for step in &plan.steps {
        lowering.step(step);
    }
    let taps = plan.taps.iter().map(|tap| tap_source(plan, &tap.name, tap.step, &tap.view)).collect();
    let output = View { tensor: plan.output(), slots: 0..plan.tensor(plan.output()).slots.len() };
    let output = tap_source(plan, &plan.tensor(plan.output()).name, plan.steps.len() - 1, &output);
    let Lowering { variants, weights, dispatches, .. } = lowering;
    Program {
        family: KernelFamily::Buffer,
        batch: plan.batch,
        resources: resources(&plan.tensors),
        weights,
        variants,
        dispatches,
        taps,
        input: plan.tensor(plan.input()).memory,
        output,
    }
}

fn resources(tensors: &[PlanTensor]) -> Vec<Resource> {
    let count = tensors.iter().map(|tensor| tensor.memory + 1).max().unwrap_or(0);
    (0..count)
        .map(|memory| {
            let elements = tensors.iter().filter(|t| t.memory == memory).map(PlanTensor::elements).max().unwrap_or(0);
            let kind = tensors.iter().find(|tensor| tensor.memory == memory).map(|tensor| tensor.kind);
            let label = match kind {
                Some(TensorKind::Input) => "input".to_string(),
                Some(TensorKind::Output) => "output".to_string(),
                _ => format!("activations {memory}"),
            };
            Resource::Buffer { label, bytes_per_image: elements as u64 * 4 }
        })
        .collect()
}

fn tap_source(plan: &Plan, name: &str, step: usize, view: &View) -> TapSource {
    let tensor = plan.tensor(view.tensor);
    TapSource {
        name: name.to_string(),
        dispatch: step,
        resource: tensor.memory,
        tensor_quads: tensor.padded_channels() / 4,
        first_quad: plan.slots(view)[0].start / 4,
        channel_map: plan.channel_map(view),
        height: tensor.height,
        width: tensor.width,
    }
}

struct Lowering<'a> {
    plan: &'a Plan,
    tuning: Tuning,
    variants: Vec<Variant>,
    weights: Vec<PackedWeight>,
    dispatches: Vec<Dispatch>,
}

/// The geometry of one step that its kernel's file needs.
struct Geometry {
    source: Extent,
    destination: Extent,
}

/// One side of a step.
struct Extent {
    height: u32,
    width: u32,
    /// Quads of channels of the whole tensor.
    tensor_quads: u32,
    /// First quad of the view.
    first_quad: u32,
    /// Quads of the view.
    quads: u32,
    /// Which channel each padded channel of the view is.
    channel_map: ChannelMap,
}

impl Extent {
    fn pixels(&self) -> u32 {
        self.height * self.width
    }
}

/// What a kernel's file decides.
struct Lowered {
    variant: Variant,
    params: Vec<u8>,
    grid: [u32; 2],
    weights: Vec<(&'static str, Packing)>,
}

impl Lowering<'_> {
    fn step(&mut self, step: &Step) {
        let geometry = Geometry { source: self.extent(&step.input), destination: self.extent(&step.output) };
        let tuning = &self.tuning;
        let lowered = match &step.operation {
            Operation::Stem { weight, norm, kernel, stride, padding } => {
                stem::lower(&geometry, tuning, weight, norm, [*kernel as u32, *stride as u32], *padding)
            }
            Operation::MaxPool { kernel, stride, padding } => {
                max_pool::lower(&geometry, tuning, [*kernel as u32, *stride as u32], *padding)
            }
            Operation::Pointwise { weight, norm, folded } => pointwise::lower(&geometry, tuning, weight, norm, folded),
            Operation::Convolution3x3 { weight, norm } => conv3x3::lower(&geometry, tuning, weight, norm),
            Operation::NormReluAveragePool { norm } => average_pool::lower(&geometry, tuning, norm),
            Operation::NormReluGlobalPool { norm } => global_pool::lower(&geometry, tuning, norm),
            Operation::Append => append::lower(&geometry, tuning),
            Operation::Classifier { weight, bias } => classifier::lower(&geometry, tuning, weight, bias),
        };
        let weights = (self.weights.len()..self.weights.len() + lowered.weights.len()).collect();
        self.weights.extend(
            lowered
                .weights
                .into_iter()
                .map(|(part, packing)| PackedWeight { label: format!("{} {part}", step.name), packing }),
        );
        let variant = self.variants.iter().position(|known| *known == lowered.variant).unwrap_or_else(|| {
            self.variants.push(lowered.variant);
            self.variants.len() - 1
        });
        self.dispatches.push(Dispatch {
            name: step.name.clone(),
            variant,
            source: self.plan.tensor(step.input.tensor).memory,
            destination: self.plan.tensor(step.output.tensor).memory,
            weights,
            params: lowered.params,
            grid: lowered.grid,
            macs: step.macs,
        });
    }

    fn extent(&self, view: &View) -> Extent {
        let tensor = self.plan.tensor(view.tensor);
        let channel_map = self.plan.channel_map(view);
        Extent {
            height: tensor.height as u32,
            width: tensor.width as u32,
            tensor_quads: (tensor.padded_channels() / 4) as u32,
            first_quad: (self.plan.slots(view)[0].start / 4) as u32,
            quads: (channel_map.len() / 4) as u32,
            channel_map,
        }
    }
}

impl Tuning {
    fn variant(&self, kernel: Kernel) -> Variant {
        Variant { kernel, workgroup_size: self.workgroup_size, wide: false, norm: false }
    }

    /// Workgroups for `invocations` along x.
    fn groups(&self, invocations: u32) -> u32 {
        invocations.div_ceil(self.workgroup_size)
    }
}

fn bytes<T: NoUninit>(params: &T) -> Vec<u8> {
    bytemuck::bytes_of(params).to_vec()
}

/// A floor for `max` that changes no finite number.
const IDENTITY: f32 = f32::MIN;
/// Pixels of a tile, twice as many where wide.
const TILE_PIXELS: u32 = 4;
/// Quads of output channels of a tile.
const TILE_QUADS: u32 = 4;
