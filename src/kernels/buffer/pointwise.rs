//! 1x1 convolution in its three forms: `shaders/buffer/pointwise*.wgsl`.

use super::form::Form;
use super::imports::IMPORTS;
use super::packing::BufferPacking;
use super::tile::{TILE_PIXELS, TILE_QUADS};
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered, floor};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::program::Grid;
use crate::kernels::shared::{Buffers, groups};
use crate::kernels::text::Text;

params! {
    struct Params {
        pixels: u32,
        src_quads: u32,
        read_quads: u32,
        dst_quads: u32,
        dst_offset: u32,
        write_quads: u32,
        load_floor: f32,
        store_floor: f32,
    }
}

const BINDINGS: &[Binding] = &[
    Binding::Uniform,
    Binding::ReadBuffer,
    Binding::WriteBuffer,
    Binding::ReadBuffer,
    Binding::ReadBuffer,
    Binding::ReadBuffer,
];

/// What the forms have in common.
const fn kernel(text: Text) -> Kernel {
    Kernel { f16: true, ..Kernel::new(KernelFamily::Buffer, text, IMPORTS, BINDINGS, Params::FIELDS) }
}

/// [`Form::Registers`]: an invocation computes two tiles side by side.
pub(super) mod registers {
    use super::*;
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;

    /// Pixels of an invocation.
    const PIXELS: u32 = 2 * TILE_PIXELS;

    pub(in crate::kernels::buffer) static KERNEL: Kernel = Kernel {
        constants: constants!(u32: TILE_QUADS, TILE_PIXELS, PIXELS),
        ..kernel(wgsl!("buffer/pointwise.wgsl"))
    };

    pub(super) fn grid(buffers: &Buffers, pixels: u32, quads: u32) -> Grid {
        buffers.grid(pixels.div_ceil(PIXELS), quads.div_ceil(TILE_QUADS))
    }
}

/// [`Form::Tiled`]: a workgroup brings a step of both factors into its memory, and each invocation computes a tile.
pub(super) mod tiled {
    use super::*;
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;

    /// Pixels of a workgroup.
    const PIXELS: u32 = 64;
    /// Tiles of output channels of a workgroup.
    const GROUPS: u32 = 4;
    /// Quads of input channels of a step.
    const STEP: u32 = 4;
    /// An invocation for each tile.
    const WORKGROUP_SIZE: u32 = PIXELS / TILE_PIXELS * GROUPS;

    // In a step each invocation brings one pixel and one matrix.
    const _: () = assert!(WORKGROUP_SIZE == PIXELS && WORKGROUP_SIZE == GROUPS * STEP * TILE_QUADS);

    pub(in crate::kernels::buffer) static KERNEL: Kernel = Kernel {
        workgroup_size: Some(WORKGROUP_SIZE),
        constants: constants!(u32: TILE_QUADS, TILE_PIXELS, PIXELS, GROUPS, STEP),
        ..kernel(wgsl!("buffer/pointwise_tiled.wgsl"))
    };

    pub(super) fn grid(pixels: u32, quads: u32) -> Grid {
        groups(pixels.div_ceil(PIXELS), quads.div_ceil(GROUPS * TILE_QUADS))
    }
}

/// [`Form::Split`]: a workgroup computes a few tiles, and each of its slices a part of the sums.
pub(super) mod split {
    use super::*;
    use crate::kernels::buffer::slices::{EXCHANGE, SLICES, TILES, WORKGROUP_SIZE};
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;

    pub(in crate::kernels::buffer) static KERNEL: Kernel = Kernel {
        workgroup_size: Some(WORKGROUP_SIZE),
        exchange: Some(EXCHANGE),
        constants: constants!(u32: TILE_QUADS, TILE_PIXELS, SLICES, TILES),
        ..kernel(wgsl!("buffer/pointwise_split.wgsl"))
    };

    pub(super) fn grid(pixels: u32, quads: u32) -> Grid {
        groups(pixels.div_ceil(TILES * TILE_PIXELS), quads.div_ceil(TILE_QUADS))
    }
}

pub(super) fn lower(
    geometry: &Geometry,
    buffers: &Buffers,
    weight: &str,
    norm: &Option<String>,
    folded: &Option<String>,
) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        pixels: destination.pixels(),
        src_quads: source.tensor_quads,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
        load_floor: floor(norm.is_some()),
        store_floor: floor(folded.is_some()),
    };
    let (pixels, quads) = (params.pixels, destination.quads);
    let tiled = tiled::grid(pixels, quads);
    let (kernel, grid) = match Form::choose(buffers, tiled.x.saturating_mul(tiled.y).saturating_mul(geometry.images)) {
        Form::Registers => (&registers::KERNEL, registers::grid(buffers, pixels, quads)),
        Form::Tiled => (&tiled::KERNEL, tiled),
        Form::Split => (&split::KERNEL, split::grid(pixels, quads)),
    };
    let inputs = source.channel_map.clone();
    let (weight, folded) = (weight.to_string(), folded.clone());
    let tiles = BufferPacking::Tiles { weight: weight.clone(), folded: folded.clone(), inputs: inputs.clone() };
    let bias = BufferPacking::Bias { weight, folded };
    let norm = BufferPacking::Norm { norm: norm.clone(), inputs };
    Lowered {
        variant: buffers.variant(kernel),
        params: params.bytes(),
        grid,
        weights: vec![
            ("weight", Packing::Buffer(tiles)),
            ("bias", Packing::Buffer(bias)),
            ("norm", Packing::Buffer(norm)),
        ],
    }
}
