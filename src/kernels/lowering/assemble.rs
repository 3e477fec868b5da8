//! What all families share: collecting what each step's kernel decided into a program.

use super::step::{Geometry, Lowered};
use crate::kernels::family::KernelFamily;
use crate::kernels::packing::PackedWeight;
use crate::kernels::panels::Panels;
use crate::kernels::program::{Dispatch, Program, Resource, TapPlace, TapSource};
use crate::kernels::variant::Variant;
use crate::plan::{Plan, PlanTensor, Step, TensorKind, View};
use crate::precision::Precision;

/// A family on an adapter: how it lowers a step, and where tensors live.
pub(in crate::kernels) trait Family {
    const FAMILY: KernelFamily;
    fn step(&self, step: &Step, geometry: &Geometry) -> Lowered;
    fn resource(&self, label: String, tensors: &[&PlanTensor], images: usize) -> Resource;
    fn tap_place(&self, tensor: &PlanTensor, images: usize) -> TapPlace;
    /// Where the images are, unless they lie planar in a buffer.
    fn input_panels(&self, _input: &PlanTensor, _images: usize) -> Option<Panels> {
        None
    }
}

/// Lowers every step and collects the program. The caller checks the limits.
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
        let lowered = family.step(step, &Geometry::of(plan, step));
        push(&mut program, plan, step, lowered);
    }
    program
}

/// Lowers one step.
pub(super) fn lower_step<F: Family>(plan: &Plan, step: usize, family: &F) -> Lowered {
    let step = &plan.steps[step];
    family.step(step, &Geometry::of(plan, step))
}

fn push(program: &mut Program, plan: &Plan, step: &Step, lowered: Lowered) {
    let first = program.weights.len();
    let precision = lowered.variant.precision;
    program.weights.extend(lowered.weights.into_iter().map(|(part, packing)| PackedWeight {
        label: format!("{} {part}", step.name),
        precision: if packing.may_be_f16() { precision } else { Precision::F32 },
        packing,
    }));
    program.dispatches.push(Dispatch {
        name: step.name.clone(),
        layer: lowered.layer,
        variant: index_of(&mut program.variants, lowered.variant),
        source: plan.tensor(step.input.tensor).memory,
        destination: plan.tensor(step.output.tensor).memory,
        weights: (first..program.weights.len()).collect(),
        params: lowered.params,
        grid: lowered.grid,
        macs: step.macs,
    });
}

/// The variant's place in the list, at the end if it is new.
fn index_of(variants: &mut Vec<Variant>, variant: Variant) -> usize {
    variants.iter().position(|known| *known == variant).unwrap_or_else(|| {
        variants.push(variant);
        variants.len() - 1
    })
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
