//! `shaders/texture/append.wgsl`: a plain layer's new channels, copied into their slot.

use bytemuck::NoUninit;

use super::{Geometry, Kernel, LANES, Lowered, Textures, bytes, grid};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    images: u32,
    height: u32,
    width: u32,
    src_quads: u32,
    src_groups: u32,
    dst_quads: u32,
    dst_groups: u32,
    dst_offset: u32,
}

pub(super) fn lower(geometry: &Geometry, family: &Textures) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let params = Params {
        images: *images,
        height: source.height,
        width: source.width,
        src_quads: source.tensor_quads,
        src_groups: family.panels(source, *images).groups,
        dst_quads: destination.tensor_quads,
        dst_groups: family.panels(destination, *images).groups,
        dst_offset: destination.first_quad,
    };
    Lowered {
        variant: family.variant(Kernel::TextureAppend),
        params: bytes(&params),
        grid: grid(source.pixels(), LANES, source.quads),
        weights: Vec::new(),
    }
}
