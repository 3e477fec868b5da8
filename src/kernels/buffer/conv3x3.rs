//! `shaders/buffer/conv3x3.wgsl`: 3x3 convolution, written at a channel offset.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, Packing, TILE_PIXELS, TILE_QUADS, Variant, bytes};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
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

pub(super) fn lower(geometry: &Geometry, family: &Buffers, weight: &str, norm: &Option<String>) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let pixels = if family.wide { 2 * TILE_PIXELS } else { TILE_PIXELS };
    let row_tiles = destination.width.div_ceil(pixels);
    let params = Params {
        height: destination.height,
        width: destination.width,
        row_tiles,
        src_quads: source.tensor_quads,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
    };
    let inputs = source.channel_map.clone();
    // Where the variant reads no norm a single quad keeps the binding alive.
    let norm_inputs = if norm.is_some() { inputs.clone() } else { vec![None; 4] };
    Lowered {
        variant: Variant { wide: family.wide, norm: norm.is_some(), ..family.variant(Kernel::Convolution3x3) },
        params: bytes(&params),
        grid: family.grid(row_tiles * destination.height, destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![
            ("weight", Packing::Tiles { weight: weight.into(), folded: None, inputs }),
            ("norm", Packing::Norm { norm: norm.clone(), inputs: norm_inputs }),
        ],
    }
}
