//! `shaders/buffer/pointwise.wgsl`: 1x1 convolution.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, Packing, TILE_PIXELS, TILE_QUADS, Variant, bytes, floor};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
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

pub(super) fn lower(
    geometry: &Geometry,
    family: &Buffers,
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
    let pixels = if family.wide { 2 * TILE_PIXELS } else { TILE_PIXELS };
    let inputs = source.channel_map.clone();
    let (weight, folded) = (weight.to_string(), folded.clone());
    Lowered {
        variant: Variant { wide: family.wide, ..family.variant(Kernel::Pointwise) },
        params: bytes(&params),
        grid: family.grid(params.pixels.div_ceil(pixels), destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![
            ("weight", Packing::Tiles { weight: weight.clone(), folded: folded.clone(), inputs: inputs.clone() }),
            ("bias", Packing::Bias { weight, folded }),
            ("norm", Packing::Norm { norm: norm.clone(), inputs }),
        ],
    }
}
