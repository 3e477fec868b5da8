//! The buffer family: storage buffers `[N, C/4, H, W]` of four channels; tiles in registers, in
//! workgroup memory, or with split sums.

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
use crate::precision::Precision;

/// The family with what suits an adapter.
pub(super) struct Buffers {
    /// Workgroups share memory and split sums; else every invocation keeps to its registers.
    workgroups: bool,
    /// Lanes of the subgroups that exchange registers; 0 for none.
    subgroup: u32,
    /// Weights stored as f16.
    half: bool,
}

/// How a convolution is shared out among invocations.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Everything in registers.
    Registers,
    /// Large tiles through workgroup memory.
    Tiled,
    /// Small tiles, the sum over channels split over a workgroup.
    Split,
}

impl Buffers {
    pub(super) fn of(facts: &AdapterFacts, precision: Precision) -> Self {
        let lanes = facts.subgroup_lanes().filter(|lanes| (8..=64).contains(lanes));
        Buffers {
            // A CPU has no memory nearer than its cache, and pays for every barrier.
            workgroups: facts.kind != AdapterKind::Software,
            subgroup: lanes.unwrap_or(0),
            half: precision == Precision::F16,
        }
    }

    /// The form for a layer that takes so many tiled workgroups: with fewer than two for each core of a small GPU, split
    /// sums keep it busier.
    fn form(&self, tiled_workgroups: u32) -> Form {
        match (self.workgroups, tiled_workgroups) {
            (false, _) => Form::Registers,
            (true, ENOUGH_WORKGROUPS..) => Form::Tiled,
            (true, _) => Form::Split,
        }
    }

    fn variant(&self, kernel: Kernel) -> Variant {
        let plain = Variant::plain(kernel);
        Variant {
            // One workgroup is one vector of a CPU's unit; more invocations hide a GPU's latency, and 64 is a multiple
            // of most subgroups.
            workgroup_size: kernel.fixed_workgroup_size().unwrap_or(if self.workgroups { 64 } else { 8 }),
            half: self.half && kernel.has_half(),
            subgroup: if kernel.exchanges() { self.subgroup } else { 0 },
            ..plain
        }
    }

    /// A grid of `invocations` along x, `y` workgroups along y, images along z.
    fn grid(&self, invocations: u32, y: u32) -> Grid {
        groups(invocations.div_ceil(if self.workgroups { 64 } else { 8 }), y)
    }
}

/// A grid of workgroups, images along z.
fn groups(x: u32, y: u32) -> Grid {
    Grid { x, y, images: Images::AlongZ }
}

/// Tiled workgroups below which a layer is split.
const ENOUGH_WORKGROUPS: u32 = 64;

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

/// Neighbouring pixels of a tile.
const TILE_PIXELS: u32 = 4;
/// Quads of output channels of a tile.
const TILE_QUADS: u32 = 4;
/// Tiles of a workgroup that splits sums.
const SPLIT_TILES: u32 = 4;
