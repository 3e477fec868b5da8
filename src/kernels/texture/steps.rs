//! Which kernel runs a step: the family's kernels, and the step's way to one of them.

use super::context::Textures;
use super::{append, average_pool, conv3x3, flatten, global_pool, max_pool, pointwise, stem};
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::Kernel;
use crate::kernels::lowering::{Family, Geometry, Lowered};
use crate::kernels::panels::{Panels, not_a_power_of_two};
use crate::kernels::program::{Resource, TapPlace};
use crate::kernels::shared;
use crate::plan::{Operation, PlanTensor, Step, TensorKind};

/// The kernels of the family.
pub(in crate::kernels) static KERNELS: &[&Kernel] = &[
    &stem::KERNEL,
    &max_pool::KERNEL,
    &pointwise::KERNEL,
    &conv3x3::KERNEL,
    &average_pool::KERNEL,
    &global_pool::KERNEL,
    &flatten::KERNEL,
    &append::KERNEL,
];

impl Family for Textures {
    const FAMILY: KernelFamily = KernelFamily::Texture;

    fn step(&self, step: &Step, geometry: &Geometry) -> Lowered {
        match &step.operation {
            Operation::Stem { weight, norm, kernel, stride, padding } => {
                stem::lower(geometry, self, weight, norm, [*kernel as u32, *stride as u32], *padding)
            }
            Operation::MaxPool { kernel, stride, padding } => {
                max_pool::lower(geometry, self, [*kernel as u32, *stride as u32], *padding)
            }
            Operation::Pointwise { weight, norm, folded } => pointwise::lower(geometry, self, weight, norm, folded),
            Operation::Convolution3x3 { weight, norm } => conv3x3::lower(geometry, self, weight, norm),
            Operation::NormReluAveragePool { norm } => average_pool::lower(geometry, self, norm),
            Operation::GlobalPool { norm, relu, maximum } => global_pool::lower(geometry, self, norm, *relu, *maximum),
            Operation::Flatten { norm, relu } => flatten::lower(geometry, self, norm, *relu),
            Operation::Append => append::lower(geometry, self),
            head @ (Operation::Linear { .. } | Operation::Vector { .. } | Operation::Softmax { .. }) => {
                shared::lower_head(geometry, &self.buffers, head)
            }
        }
    }

    fn resource(&self, label: String, tensors: &[&PlanTensor], images: usize) -> Resource {
        if tensors.iter().all(|tensor| in_buffer(tensor)) {
            return shared::resource(label, tensors, images);
        }
        let panels = tensors.iter().map(|tensor| self.tensor_panels(tensor, images));
        let (width, height) =
            panels.fold((0, 0), |(width, height), panels| (width.max(panels.width()), height.max(panels.height())));
        Resource::Texture { label, width: not_a_power_of_two(width), height: not_a_power_of_two(height) }
    }

    fn tap_place(&self, tensor: &PlanTensor, images: usize) -> TapPlace {
        if in_buffer(tensor) { shared::place(tensor) } else { TapPlace::Texture(self.tensor_panels(tensor, images)) }
    }

    fn input_panels(&self, input: &PlanTensor, images: usize) -> Option<Panels> {
        Some(self.tensor_panels(input, images))
    }
}

/// Vectors stay in buffers.
fn in_buffer(tensor: &PlanTensor) -> bool {
    tensor.kind == TensorKind::Output || tensor.is_vector
}
