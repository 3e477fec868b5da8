//! 1x1 convolution: `shaders/texture/pointwise.wgsl`.

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

pub(super) static KERNEL: Kernel = Kernel {
    workgroup_size: Some(LANES),
    exchange: EXCHANGE,
    constants: constants!(u32: LANES, LANE_PIXELS, PIXELS, TILE_QUADS, ROW),
    ..Kernel::new(
        KernelFamily::Texture,
        wgsl!("texture/pointwise.wgsl"),
        IMPORTS,
        &[Binding::Uniform, Binding::ReadTexture, Binding::WriteTexture, Binding::ReadTexture, Binding::ReadTexture],
        Params::FIELDS,
    )
};

params! {
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
}

pub(super) fn lower(
    geometry: &Geometry,
    textures: &Textures,
    weight: &str,
    norm: &Option<String>,
    folded: &Option<String>,
) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let rows = source.quads + 1;
    let weight_tiles = textures.weight_tiles(rows);
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        src_quads: source.tensor_quads,
        src_groups: textures.panels(source, *images).groups,
        read_quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_groups: textures.panels(destination, *images).groups,
        dst_offset: destination.first_quad,
        write_quads: destination.quads,
        weight_tiles,
        load_floor: floor(norm.is_some()),
        store_floor: floor(folded.is_some()),
    };
    let inputs = source.channel_map.clone();
    let (weight, folded, panel_rows) = (weight.to_string(), folded.clone(), rows * weight_tiles);
    let tiles = TexturePacking::Tiles { weight, folded, inputs: inputs.clone(), bias: true, panel_rows };
    let norm = TexturePacking::Norm { norm: norm.clone(), inputs };
    Lowered {
        layer: None,
        others: Vec::new(),
        variant: textures.variant(&KERNEL),
        params: params.bytes(),
        grid: grid(destination.pixels(), PIXELS, destination.quads.div_ceil(TILE_QUADS)),
        weights: vec![("weight", Packing::Texture(tiles)), ("norm", Packing::Texture(norm))],
    }
}
