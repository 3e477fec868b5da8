//! `shaders/texture/conv3x3.wgsl`: 3x3 convolution, written at a channel offset.

use bytemuck::NoUninit;

use super::{Geometry, Kernel, Lowered, Packing, TILE_PIXELS, TILE_QUADS, Textures, Variant, bytes, grid};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    images: u32,
    height: u32,
    width: u32,
    src_quads: u32,
    src_groups: u32,
    read_quads: u32,
    dst_quads: u32,
    dst_groups: u32,
    dst_offset: u32,
    write_quads: u32,
    weight_tiles: u32,
}

pub(super) fn lower(geometry: &Geometry, family: &Textures, weight: &str, norm: &Option<String>) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let rows = source.quads * 9;
    let tiles = family.weight_tiles(rows);
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        src_quads: source.tensor_quads,
        src_groups: family.panels(source, *images).groups,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_groups: family.panels(destination, *images).groups,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
        weight_tiles: tiles,
    };
    let inputs = source.channel_map.clone();
    // Where the variant reads no norm a single quad keeps the binding alive.
    let norm_inputs = if norm.is_some() { inputs.clone() } else { vec![None; 4] };
    let tile =
        Packing::TextureTiles { weight: weight.into(), folded: None, inputs, bias: false, panel_rows: rows * tiles };
    Lowered {
        variant: Variant { norm: norm.is_some(), ..family.variant(Kernel::TextureConvolution3x3) },
        params: bytes(&params),
        grid: grid(destination.pixels(), TILE_PIXELS, destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![("weight", tile), ("norm", Packing::TextureNorm { norm: norm.clone(), inputs: norm_inputs })],
    }
}
