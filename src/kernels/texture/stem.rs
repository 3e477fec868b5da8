//! `shaders/texture/stem.wgsl`: the stem's convolution.

use bytemuck::NoUninit;

use super::{
    Geometry, Kernel, Lowered, Packing, Panels, TILE_PIXELS, TILE_QUADS, Textures, Variant, bytes, floor, grid,
};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    images: u32,
    height: u32,
    width: u32,
    in_quads: u32,
    in_groups: u32,
    in_height: u32,
    in_width: u32,
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    dst_quads: u32,
    dst_groups: u32,
    dst_offset: u32,
    write_quads: u32,
    weight_tiles: u32,
    floor: f32,
}

pub(super) fn lower(
    geometry: &Geometry,
    family: &Textures,
    weight: &str,
    folded: &Option<String>,
    [kernel, stride]: [u32; 2],
    [top, left]: [usize; 2],
) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    // Images have no padded channels; their last texel has.
    let mut inputs = source.channel_map.clone();
    let three = inputs.len() <= 3;
    inputs.resize(inputs.len().next_multiple_of(4), None);
    let in_quads = (inputs.len() / 4) as u32;
    let rows = kernel * kernel * in_quads + 1;
    let tiles = family.weight_tiles(rows);
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        in_quads,
        in_groups: Panels::new(in_quads, [*images, source.height, source.width], family.most).groups,
        in_height: source.height,
        in_width: source.width,
        kernel,
        stride,
        top: top as u32,
        left: left as u32,
        dst_quads: destination.tensor_quads,
        dst_groups: family.panels(destination, *images).groups,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
        weight_tiles: tiles,
        floor: floor(folded.is_some()),
    };
    let (weight, folded) = (weight.to_string(), folded.clone());
    let tile = Packing::TextureTiles { weight, folded, inputs, bias: true, panel_rows: rows * tiles };
    Lowered {
        variant: Variant { three, ..family.variant(Kernel::TextureStem) },
        params: bytes(&params),
        grid: grid(destination.pixels(), TILE_PIXELS, destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![("weight", tile)],
    }
}
