//! The stem's convolution: `shaders/buffer/stem.wgsl`.

use super::imports::IMPORTS;
use super::packing::BufferPacking;
use super::tile::TILE_QUADS;
use crate::kernels::constant::constants;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered, floor};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::shared::{Buffers, invocations};
use crate::kernels::text::wgsl;
use crate::kernels::tiling::TILE_PIXELS;

/// Quads of output channels of a tile: all whose weights lie together in a matrix.
const QUADS: u32 = TILE_QUADS;

pub(super) static KERNEL: Kernel = Kernel {
    constants: constants!(u32: QUADS, TILE_PIXELS),
    f16: true,
    ..Kernel::new(
        KernelFamily::Buffer,
        wgsl!("buffer/stem.wgsl"),
        IMPORTS,
        &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer, Binding::ReadBuffer],
        Params::FIELDS,
    )
};

params! {
    struct Params {
        in_channels: u32,
        in_height: u32,
        in_width: u32,
        height: u32,
        width: u32,
        row_tiles: u32,
        kernel: u32,
        stride: u32,
        top: u32,
        left: u32,
        dst_quads: u32,
        write_quads: u32,
        floor: f32,
    }
}

pub(super) fn lower(
    geometry: &Geometry,
    buffers: &Buffers,
    weight: &str,
    folded: &Option<String>,
    [kernel, stride]: [u32; 2],
    [top, left]: [usize; 2],
) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let row_tiles = destination.width.div_ceil(TILE_PIXELS);
    let params = Params {
        in_channels: source.channel_map.len() as u32,
        in_height: source.height,
        in_width: source.width,
        height: destination.height,
        width: destination.width,
        row_tiles,
        kernel,
        stride,
        top: top as u32,
        left: left as u32,
        dst_quads: destination.tensor_quads,
        write_quads: destination.quads,
        floor: floor(folded.is_some()),
    };
    let tiles = BufferPacking::StemTiles { weight: weight.into(), folded: folded.clone() };
    let bias = BufferPacking::Bias { weight: weight.into(), folded: folded.clone() };
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: invocations(variant, row_tiles * destination.height, destination.quads.div_ceil(QUADS)),
        weights: vec![("weight", Packing::Buffer(tiles)), ("bias", Packing::Buffer(bias))],
    }
}
