//! 3x3 convolution, written at a channel offset, in its three forms: `shaders/buffer/conv3x3*.wgsl`.

use super::form::Form;
use super::imports::IMPORTS;
use super::packing::BufferPacking;
use super::tile::{TILE_PIXELS, TILE_QUADS};
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, LOWEST, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::program::Grid;
use crate::kernels::shared::{Buffers, groups};
use crate::kernels::text::Text;
use crate::kernels::variant::Variant;

params! {
    struct Params {
        height: u32,
        width: u32,
        row_tiles: u32,
        src_quads: u32,
        read_quads: u32,
        dst_quads: u32,
        dst_offset: u32,
        write_quads: u32,
    }
}

const BINDINGS: &[Binding] =
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer, Binding::ReadBuffer];

/// What the forms have in common.
const fn kernel(text: Text) -> Kernel {
    Kernel { norm: true, f16: true, ..Kernel::new(KernelFamily::Buffer, text, IMPORTS, BINDINGS, Params::FIELDS) }
}

/// Rows, columns and quads of output channels of a destination.
#[derive(Clone, Copy)]
struct Size {
    height: u32,
    width: u32,
    quads: u32,
}

/// A grid, and how many of its tiles (or blocks of tiles) share a row of pixels.
struct Tiling {
    grid: Grid,
    row_tiles: u32,
}

/// [`Form::Registers`]: an invocation computes two tiles side by side.
pub(super) mod registers {
    use super::*;
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;

    /// Pixels of an invocation, neighbours in a row.
    const PIXELS: u32 = 2 * TILE_PIXELS;

    pub(in crate::kernels::buffer) static KERNEL: Kernel = Kernel {
        constants: constants!(u32: TILE_QUADS, TILE_PIXELS, PIXELS; f32: LOWEST),
        ..kernel(wgsl!("buffer/conv3x3.wgsl"))
    };

    pub(super) fn tiling(buffers: &Buffers, Size { height, width, quads }: Size) -> Tiling {
        let row_tiles = width.div_ceil(PIXELS);
        Tiling { grid: buffers.grid(row_tiles.saturating_mul(height), quads.div_ceil(TILE_QUADS)), row_tiles }
    }
}

/// [`Form::Tiled`]: a workgroup brings a step of its block of pixels into its memory, and each invocation computes a tile.
pub(super) mod tiled {
    use super::*;
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;

    /// Rows of a workgroup's block of pixels.
    const ROWS: u32 = 8;
    /// Columns of a workgroup's block of pixels.
    const COLUMNS: u32 = 16;
    /// Tiles of output channels of a workgroup.
    const GROUPS: u32 = 2;
    /// Quads of input channels of a step.
    const STEP: u32 = 2;
    /// An invocation for each tile.
    const WORKGROUP_SIZE: u32 = ROWS * (COLUMNS / TILE_PIXELS) * GROUPS;

    pub(in crate::kernels::buffer) static KERNEL: Kernel = Kernel {
        workgroup_size: Some(WORKGROUP_SIZE),
        constants: constants!(u32: TILE_QUADS, TILE_PIXELS, ROWS, COLUMNS, GROUPS, STEP; f32: LOWEST),
        ..kernel(wgsl!("buffer/conv3x3_tiled.wgsl"))
    };

    pub(super) fn tiling(Size { height, width, quads }: Size) -> Tiling {
        let row_tiles = width.div_ceil(COLUMNS);
        let blocks = row_tiles.saturating_mul(height.div_ceil(ROWS));
        Tiling { grid: groups(blocks, quads.div_ceil(GROUPS * TILE_QUADS)), row_tiles }
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
        ..kernel(wgsl!("buffer/conv3x3_split.wgsl"))
    };

    pub(super) fn tiling(Size { height, width, quads }: Size) -> Tiling {
        let row_tiles = width.div_ceil(TILE_PIXELS);
        let tiles = row_tiles.saturating_mul(height);
        Tiling { grid: groups(tiles.div_ceil(TILES), quads.div_ceil(TILE_QUADS)), row_tiles }
    }
}

pub(super) fn lower(geometry: &Geometry, buffers: &Buffers, weight: &str, norm: &Option<String>) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let size = Size { height: destination.height, width: destination.width, quads: destination.quads };
    let tiled = tiled::tiling(size);
    let workgroups = tiled.grid.x.saturating_mul(tiled.grid.y).saturating_mul(geometry.images);
    let (kernel, tiling) = match Form::choose(buffers, workgroups) {
        Form::Registers => (&registers::KERNEL, registers::tiling(buffers, size)),
        Form::Tiled => (&tiled::KERNEL, tiled),
        Form::Split => (&split::KERNEL, split::tiling(size)),
    };
    let params = Params {
        height: size.height,
        width: size.width,
        row_tiles: tiling.row_tiles,
        src_quads: source.tensor_quads,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        write_quads: size.quads,
    };
    let inputs = source.channel_map.clone();
    // A variant without a norm never reads it, but something has to be bound: a single quad.
    let norm_inputs = if norm.is_some() { inputs.clone() } else { vec![None; 4] };
    let tiles = BufferPacking::Tiles { weight: weight.into(), folded: None, inputs };
    let norms = BufferPacking::Norm { norm: norm.clone(), inputs: norm_inputs };
    Lowered {
        variant: Variant { norm: norm.is_some(), ..buffers.variant(kernel) },
        params: params.bytes(),
        grid: tiling.grid,
        weights: vec![("weight", Packing::Buffer(tiles)), ("norm", Packing::Buffer(norms))],
    }
}
