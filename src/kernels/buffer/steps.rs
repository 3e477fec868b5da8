//! Which kernel runs a step: the family's kernels, and the step's way to one of them.

use super::{append, average_pool, conv3x3, flatten, global_pool, max_pool, pointwise, stem};
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::Kernel;
use crate::kernels::lowering::{Family, Geometry, Lowered};
use crate::kernels::program::{Resource, TapPlace};
use crate::kernels::shared::{self, Buffers};
use crate::plan::{Operation, PlanTensor, Step};

/// The kernels of the family.
pub(in crate::kernels) static KERNELS: &[&Kernel] = &[
    &stem::KERNEL,
    &max_pool::KERNEL,
    &pointwise::REGISTERS,
    &pointwise::TILED,
    &pointwise::SPLIT,
    &conv3x3::REGISTERS,
    &conv3x3::TILED,
    &conv3x3::SPLIT,
    &average_pool::KERNEL,
    &global_pool::KERNEL,
    &flatten::KERNEL,
    &append::KERNEL,
];

impl Family for Buffers {
    const FAMILY: KernelFamily = KernelFamily::Buffer;

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
                shared::lower_head(geometry, self, head)
            }
        }
    }

    fn resource(&self, label: String, tensors: &[&PlanTensor], images: usize) -> Resource {
        shared::resource(label, tensors, images)
    }

    fn tap_place(&self, tensor: &PlanTensor, _: usize) -> TapPlace {
        shared::place(tensor)
    }
}
