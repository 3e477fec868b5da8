//! `shaders/buffer/pointwise*.wgsl`: 1x1 convolution.

use bytemuck::NoUninit;

use super::{
    Buffers, Form, Geometry, Kernel, Lowered, Packing, SPLIT_TILES, TILE_PIXELS, TILE_QUADS, bytes, floor, groups,
};

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
    let (pixels, quads) = (params.pixels, destination.quads);
    let [tiled_x, tiled_y] = [pixels.div_ceil(TILED_PIXELS), quads.div_ceil(TILED_QUADS)];
    let (kernel, grid) = match family.form(tiled_x.saturating_mul(tiled_y).saturating_mul(geometry.images)) {
        Form::Registers => {
            (Kernel::Pointwise, family.grid(pixels.div_ceil(2 * TILE_PIXELS), quads.div_ceil(TILE_QUADS)))
        }
        Form::Tiled => (Kernel::PointwiseTiled, groups(tiled_x, tiled_y)),
        Form::Split => {
            (Kernel::PointwiseSplit, groups(pixels.div_ceil(SPLIT_TILES * TILE_PIXELS), quads.div_ceil(TILE_QUADS)))
        }
    };
    let inputs = source.channel_map.clone();
    let (weight, folded) = (weight.to_string(), folded.clone());
    Lowered {
        variant: family.variant(kernel),
        params: bytes(&params),
        grid,
        weights: vec![
            ("weight", Packing::Tiles { weight: weight.clone(), folded: folded.clone(), inputs: inputs.clone() }),
            ("bias", Packing::Bias { weight, folded }),
            ("norm", Packing::Norm { norm: norm.clone(), inputs }),
        ],
    }
}

/// Pixels of a tiled workgroup.
const TILED_PIXELS: u32 = 64;
/// Quads of output channels of a tiled workgroup.
const TILED_QUADS: u32 = 16;
