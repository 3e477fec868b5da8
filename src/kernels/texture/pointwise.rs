//! `shaders/texture/pointwise.wgsl`: 1x1 convolution.

use bytemuck::NoUninit;

use super::{Geometry, Kernel, Lowered, Packing, TILE_PIXELS, TILE_QUADS, Textures, bytes, floor, grid};

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
    load_floor: f32,
    store_floor: f32,
}

pub(super) fn lower(
    geometry: &Geometry,
    family: &Textures,
    weight: &str,
    norm: &Option<String>,
    folded: &Option<String>,
) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let rows = source.quads + 1;
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
        load_floor: floor(norm.is_some()),
        store_floor: floor(folded.is_some()),
    };
    let inputs = source.channel_map.clone();
    let (weight, folded) = (weight.to_string(), folded.clone());
    let tile = Packing::TextureTiles { weight, folded, inputs: inputs.clone(), bias: true, panel_rows: rows * tiles };
    Lowered {
        variant: family.variant(Kernel::TexturePointwise),
        params: bytes(&params),
        grid: grid(destination.pixels(), TILE_PIXELS, destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![("weight", tile), ("norm", Packing::TextureNorm { norm: norm.clone(), inputs })],
    }
}
