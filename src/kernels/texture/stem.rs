//! The stem's convolution: `shaders/texture/stem.wgsl`.

use super::context::{Textures, grid};
use super::imports::IMPORTS;
use super::packing::TexturePacking;
use super::tile::{EXCHANGE, LANE_PIXELS, LANES, PIXELS, ROW, TILE_QUADS};
use crate::kernels::constant::constants;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered, floor};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::text::wgsl;
use crate::kernels::variant::Variant;

pub(super) static KERNEL: Kernel = Kernel {
    workgroup_size: Some(LANES),
    exchange: EXCHANGE,
    three: true,
    constants: constants!(u32: LANES, LANE_PIXELS, PIXELS, TILE_QUADS, ROW),
    ..Kernel::new(
        KernelFamily::Texture,
        wgsl!("texture/stem.wgsl"),
        IMPORTS,
        &[Binding::Uniform, Binding::ReadTexture, Binding::WriteTexture, Binding::ReadTexture],
        Params::FIELDS,
    )
};

params! {
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
}

pub(super) fn lower(
    geometry: &Geometry,
    textures: &Textures,
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
    let weight_tiles = textures.weight_tiles(rows);
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        in_quads,
        in_groups: textures.panels_of(in_quads, [*images, source.height, source.width]).groups,
        in_height: source.height,
        in_width: source.width,
        kernel,
        stride,
        top: top as u32,
        left: left as u32,
        dst_quads: destination.tensor_quads,
        dst_groups: textures.panels(destination, *images).groups,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
        weight_tiles,
        floor: floor(folded.is_some()),
    };
    let (weight, folded, panel_rows) = (weight.to_string(), folded.clone(), rows * weight_tiles);
    let tiles = TexturePacking::Tiles { weight, folded, inputs, bias: true, panel_rows };
    Lowered {
        layer: None,
        others: Vec::new(),
        variant: Variant { three, ..textures.variant(&KERNEL) },
        params: params.bytes(),
        grid: grid(destination.pixels(), PIXELS, destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![("weight", Packing::Texture(tiles))],
    }
}
