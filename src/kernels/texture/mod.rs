//! The texture family: activations and weights in rgba32float storage textures, for adapters whose texture loads are
//! cheaper than their buffer loads.

mod append;
mod average_pool;
mod conv3x3;
mod global_pool;
mod max_pool;
mod panels;
mod pointwise;
mod stem;

use super::buffer::{self, Buffers};
use super::lowering::{Extent, Family, Geometry, Lowered, bytes, floor};
use super::pack::Packing;
use super::program::{Grid, Images, Resource, TapPlace};
use super::{AdapterFacts, AdapterKind, Kernel, KernelFamily, Variant};
use crate::plan::{Operation, PlanTensor, Step, TensorKind};
use crate::precision::Precision;

pub use panels::Panels;
pub(super) use panels::not_a_power_of_two;

/// The family with numbers that suit an adapter.
pub(super) struct Textures {
    /// Most texels of a texture in each direction.
    most: u32,
    /// Lanes of the subgroups that exchange weights; 0 for none.
    subgroup: u32,
    /// The classifier is the buffer family's.
    buffers: Buffers,
}

impl Textures {
    pub(super) fn of(facts: &AdapterFacts) -> Self {
        let software = AdapterFacts { kind: AdapterKind::Software, ..facts.clone() };
        Textures {
            most: facts.limits.max_texture_dimension_2d,
            // The shuffles are written for eight lanes.
            subgroup: facts.subgroup_lanes().filter(|&lanes| lanes == LANES).unwrap_or(0),
            buffers: Buffers::of(&software, Precision::F32),
        }
    }

    fn variant(&self, kernel: Kernel) -> Variant {
        Variant { subgroup: if kernel.exchanges() { self.subgroup } else { 0 }, ..Variant::plain(kernel) }
    }

    /// The panels of one side of a step.
    fn panels(&self, extent: &Extent, images: u32) -> Panels {
        Panels::new(extent.tensor_quads, [images, extent.height, extent.width], self.most)
    }

    /// Tiles of 32 output channels that one panel of weights holds, each of `rows` rows.
    fn weight_tiles(&self, rows: u32) -> u32 {
        // Room for `not_a_power_of_two`.
        ((self.most - 1) / rows).max(1)
    }
}

/// A grid over the pixels of all images, `per_group` of them a workgroup.
fn grid(pixels: u32, per_group: u32, y: u32) -> Grid {
    Grid { x: 0, y, images: Images::AlongX { pixels, per_group } }
}

/// Pixels of a convolution's workgroup: 7 of each of 8 lanes.
const TILE_PIXELS: u32 = 56;
/// Quads of output channels of a tile.
const TILE_QUADS: u32 = 8;
/// Lanes of a workgroup, and pixels of a pooling's.
const LANES: u32 = 8;
/// Quads of channels of a pooling's invocation: `QUADS` in its shader.
const POOL_QUADS: u32 = 8;

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
            Operation::NormReluGlobalPool { norm } => global_pool::lower(geometry, self, norm),
            Operation::Append => append::lower(geometry, self),
            Operation::Classifier { weight, bias } => buffer::classifier::lower(geometry, &self.buffers, weight, bias),
        }
    }

    fn resource(&self, label: String, tensors: &[&PlanTensor], images: usize) -> Resource {
        if tensors.iter().all(|tensor| in_buffer(tensor)) {
            return buffer::buffer_resource(label, tensors, images);
        }
        let panels = tensors.iter().map(|tensor| self.tensor_panels(tensor, images));
        let (width, height) =
            panels.fold((0, 0), |(width, height), panels| (width.max(panels.width()), height.max(panels.height())));
        Resource::Texture { label, width: not_a_power_of_two(width), height: not_a_power_of_two(height) }
    }

    fn tap_place(&self, tensor: &PlanTensor, images: usize) -> TapPlace {
        if in_buffer(tensor) {
            buffer::buffer_place(tensor)
        } else {
            TapPlace::Texture(self.tensor_panels(tensor, images))
        }
    }

    fn input_panels(&self, input: &PlanTensor, images: usize) -> Option<Panels> {
        Some(self.tensor_panels(input, images))
    }
}

impl Textures {
    fn tensor_panels(&self, tensor: &PlanTensor, images: usize) -> Panels {
        let quads = tensor.padded_channels().div_ceil(4) as u32;
        Panels::new(quads, [images, tensor.height, tensor.width].map(|n| n as u32), self.most)
    }
}

/// Vectors stay in buffers.
fn in_buffer(tensor: &PlanTensor) -> bool {
    tensor.kind == TensorKind::Output || tensor.is_vector
}
