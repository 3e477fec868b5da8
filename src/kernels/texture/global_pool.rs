//! `shaders/texture/global_pool.wgsl`: the last pre-activation and the mean over all pixels.

use bytemuck::NoUninit;

use super::{Geometry, Grid, Images, Kernel, LANES, Lowered, Packing, Textures, bytes};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    height: u32,
    width: u32,
    quads: u32,
    src_groups: u32,
    reciprocal: f32,
}

pub(super) fn lower(geometry: &Geometry, family: &Textures, norm: &str) -> Lowered {
    let Geometry { images, source, .. } = geometry;
    let params = Params {
        height: source.height,
        width: source.width,
        quads: source.quads,
        src_groups: family.panels(source, *images).groups,
        reciprocal: 1.0 / source.pixels() as f32,
    };
    let norm = Packing::TextureNorm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    Lowered {
        variant: family.variant(Kernel::TextureGlobalPool),
        params: bytes(&params),
        grid: Grid { x: source.quads.div_ceil(LANES), y: 1, images: Images::AlongZ },
        weights: vec![("norm", norm)],
    }
}
