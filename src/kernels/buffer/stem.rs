//! `shaders/buffer/stem.wgsl`: the stem's convolution.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, Packing, TILE_PIXELS, TILE_QUADS, bytes, floor};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
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

pub(super) fn lower(
    geometry: &Geometry,
    family: &Buffers,
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
    Lowered {
        variant: family.variant(Kernel::Stem),
        params: bytes(&params),
        grid: family.grid(row_tiles * destination.height, destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![
            ("weight", Packing::StemTiles { weight: weight.into(), folded: folded.clone() }),
            ("bias", Packing::Bias { weight: weight.into(), folded: folded.clone() }),
        ],
    }
}
