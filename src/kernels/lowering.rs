//! What all families share in lowering: collecting what each step's kernel decided into a program.

use bytemuck::NoUninit;

use super::pack::{ChannelMap, PackedWeight, Packing};
use super::program::{Dispatch, Grid, Program, Resource, TapPlace, TapSource};
use super::{KernelFamily, Panels, Variant};
use crate::plan::{Plan, PlanTensor, Step, TensorKind, View};

/// What a kernel's file decides for one step.
pub(super) struct Lowered {
    pub(super) variant: Variant,
    pub(super) params: Vec<u8>,
    pub(super) grid: Grid,
    pub(super) weights: Vec<(&'static str, Packing)>,
}

/// The geometry of one step.
pub(super) struct Geometry {
    /// Images of the batch.
    pub(super) images: u32,
    pub(super) source: Extent,
    pub(super) destination: Extent,
}

/// One side of a step.
pub(super) struct Extent {
    pub(super) height: u32,
    pub(super) width: u32,
    /// Quads of channels of the whole tensor.
    pub(super) tensor_quads: u32,
    /// First quad of the view.
    pub(super) first_quad: u32,
    /// Quads of the view.
    pub(super) quads: u32,
    /// Which channel each padded channel of the view is.
    pub(super) channel_map: ChannelMap,
}

impl Extent {
    fn of(plan: &Plan, view: &View) -> Extent {
        let tensor = plan.tensor(view.tensor);
        let channel_map = plan.channel_map(view);
        Extent {
            height: tensor.height as u32,
            width: tensor.width as u32,
            tensor_quads: (tensor.padded_channels() / 4) as u32,
            first_quad: (plan.slots(view)[0].start / 4) as u32,
            quads: (channel_map.len() / 4) as u32,
            channel_map,
        }
    }

    /// Pixels of one image; what saturates is beyond every limit.
    pub(super) fn pixels(&self) -> u32 {
        self.height.saturating_mul(self.width)
    }
}

/// A family: how it lowers a step, and where tensors live.
pub(super) trait Family {
    const FAMILY: KernelFamily;
    fn step(&self, step: &Step, geometry: &Geometry) -> Lowered;
    fn resource(&self, label: String, tensors: &[&PlanTensor], images: usize) -> Resource;
    fn tap_place(&self, tensor: &PlanTensor, images: usize) -> TapPlace;
    /// Where the images are, unless they lie planar in a buffer.
    fn input_panels(&self, _input: &PlanTensor, _images: usize) -> Option<Panels> {
        None
    }
}

/// Lowers every step and collects the program; limits are checked by the caller.
pub(super) fn assemble<F: Family>(plan: &Plan, family: &F) -> Program {
    let mut program = Program {
        family: F::FAMILY,
        batch: plan.batch,
        resources: resources(plan, family),
        weights: Vec::new(),
        variants: Vec::new(),
        dispatches: Vec::new(),
        taps: plan.taps.iter().map(|tap| tap_source(plan, family, &tap.name, tap.step, &tap.view)).collect(),
        input: plan.tensor(plan.input()).memory,
        input_panels: family.input_panels(plan.tensor(plan.input()), plan.batch),
        output: output(plan, family),
    };
    for step in &plan.steps {
        let geometry = Geometry {
            images: plan.batch as u32,
            source: Extent::of(plan, &step.input),
            destination: Extent::of(plan, &step.output),
        };
        let lowered = family.step(step, &geometry);
        let first = program.weights.len();
        let label = |part: &str| format!("{} {part}", step.name);
        program.weights.extend(lowered.weights.into_iter().map(|(part, packing)| PackedWeight {
            label: label(part),
            half: lowered.variant.half && packing.has_half(),
            packing,
        }));
        let known = program.variants.iter().position(|known| *known == lowered.variant);
        let variant = known.unwrap_or_else(|| {
            program.variants.push(lowered.variant);
            program.variants.len() - 1
        });
        program.dispatches.push(Dispatch {
            name: step.name.clone(),
            variant,
            source: plan.tensor(step.input.tensor).memory,
            destination: plan.tensor(step.output.tensor).memory,
            weights: (first..program.weights.len()).collect(),
            params: lowered.params,
            grid: lowered.grid,
            macs: step.macs,
        });
    }
    program
}

fn resources<F: Family>(plan: &Plan, family: &F) -> Vec<Resource> {
    let count = plan.tensors.iter().map(|tensor| tensor.memory + 1).max().unwrap_or(0);
    let resource = |memory: usize| {
        let tensors: Vec<&PlanTensor> = plan.tensors.iter().filter(|tensor| tensor.memory == memory).collect();
        let label = match tensors[0].kind {
            TensorKind::Input => "input".to_string(),
            TensorKind::Output => "output".to_string(),
            TensorKind::Internal => format!("activations {memory}"),
        };
        family.resource(label, &tensors, plan.batch)
    };
    (0..count).map(resource).collect()
}

fn tap_source<F: Family>(plan: &Plan, family: &F, name: &str, step: usize, view: &View) -> TapSource {
    let tensor = plan.tensor(view.tensor);
    TapSource {
        name: name.to_string(),
        dispatch: step,
        resource: tensor.memory,
        place: family.tap_place(tensor, plan.batch),
        first_quad: plan.slots(view)[0].start / 4,
        channel_map: plan.channel_map(view),
        height: tensor.height,
        width: tensor.width,
    }
}

fn output<F: Family>(plan: &Plan, family: &F) -> TapSource {
    let tensor = plan.tensor(plan.output());
    let view = View { tensor: plan.output(), slots: 0..tensor.slots.len() };
    tap_source(plan, family, &tensor.name, plan.steps.len() - 1, &view)
}

/// A parameter struct as the uniform buffer holds it.
pub(super) fn bytes<T: NoUninit>(params: &T) -> Vec<u8> {
    bytemuck::bytes_of(params).to_vec()
}

/// A floor for `max`: ReLU where `activated`, else what changes no finite number.
pub(super) fn floor(activated: bool) -> f32 {
    if activated { 0.0 } else { f32::MIN }
}
