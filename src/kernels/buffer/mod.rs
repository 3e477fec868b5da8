//! The buffer family: storage buffers `[N, C/4, H, W]` of four channels, register tiles.

mod append;
mod average_pool;
pub(super) mod classifier;
mod conv3x3;
mod global_pool;
mod max_pool;
mod pointwise;
mod stem;

use super::lowering::{Family, Geometry, Lowered, bytes, floor};
use super::pack::Packing;
use super::program::{Grid, Images, Resource, TapPlace};
use super::{AdapterFacts, AdapterKind, Kernel, KernelFamily, Variant};
use crate::plan::{Operation, PlanTensor, Step};

/// The family with numbers that suit an adapter.
pub(super) struct Buffers {
    /// Invocations of a workgroup.
    workgroup_size: u32,
    /// Eight pixels an invocation in place of four.
    wide: bool,
}

impl Buffers {
    pub(super) fn of(facts: &AdapterFacts) -> Self {
        match facts.kind {
            // One workgroup is one vector of a CPU's unit, and registers spill to a fast cache.
            AdapterKind::Software => Buffers { workgroup_size: 8, wide: true },
            // More invocations hide latency; 64 is a multiple of every GPU's subgroup.
            _ => Buffers { workgroup_size: 64, wide: false },
        }
    }

    fn variant(&self, kernel: Kernel) -> Variant {
        Variant { workgroup_size: self.workgroup_size, ..Variant::plain(kernel) }
    }

    /// A grid of `invocations` along x, `y` workgroups along y, images along z.
    fn grid(&self, invocations: u32, y: u32) -> Grid {
        Grid { x: invocations.div_ceil(self.workgroup_size), y, images: Images::AlongZ }
    }
}

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
            Operation::NormReluGlobalPool { norm } => global_pool::lower(geometry, self, norm),
            Operation::Append => append::lower(geometry, self),
            Operation::Classifier { weight, bias } => classifier::lower(geometry, self, weight, bias),
        }
    }

    fn resource(&self, label: String, tensors: &[&PlanTensor], images: usize) -> Resource {
        buffer_resource(label, tensors, images)
    }

    fn tap_place(&self, tensor: &PlanTensor, _: usize) -> TapPlace {
        buffer_place(tensor)
    }
}

/// A buffer as large as the largest of the tensors that take turns in it.
pub(super) fn buffer_resource(label: String, tensors: &[&PlanTensor], images: usize) -> Resource {
    let elements = tensors.iter().map(|tensor| tensor.elements()).max().unwrap_or(0);
    Resource::Buffer { label, bytes: (elements as u64).saturating_mul(images as u64 * 4) }
}

/// `[N, C/4, H, W]` of four channels.
pub(super) fn buffer_place(tensor: &PlanTensor) -> TapPlace {
    TapPlace::Buffer { tensor_quads: tensor.padded_channels() / 4 }
}

/// Pixels of a tile, twice as many where wide.
const TILE_PIXELS: u32 = 4;
/// Quads of output channels of a tile.
const TILE_QUADS: u32 = 4;
