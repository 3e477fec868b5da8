//! `shaders/texture/average_pool.wgsl`: a transition's pre-activation and pooling.

use bytemuck::NoUninit;

use super::{Geometry, Kernel, LANES, Lowered, POOL_QUADS, Packing, Textures, bytes, grid};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    images: u32,
    height: u32,
    width: u32,
    in_height: u32,
    in_width: u32,
    quads: u32,
    src_groups: u32,
    dst_groups: u32,
}

pub(super) fn lower(geometry: &Geometry, family: &Textures, norm: &str) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        in_height: source.height,
        in_width: source.width,
        quads: source.quads,
        src_groups: family.panels(source, *images).groups,
        dst_groups: family.panels(destination, *images).groups,
    };
    let norm = Packing::TextureNorm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    Lowered {
        variant: family.variant(Kernel::TextureAveragePool),
        params: bytes(&params),
        grid: grid(destination.pixels(), LANES, source.quads.div_ceil(POOL_QUADS)),
        weights: vec![("norm", norm)],
    }
}
