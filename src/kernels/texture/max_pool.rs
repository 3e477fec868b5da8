//! `shaders/texture/max_pool.wgsl`: max pooling.

use bytemuck::NoUninit;

use super::{Geometry, Kernel, LANES, Lowered, POOL_QUADS, Textures, bytes, grid};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    images: u32,
    height: u32,
    width: u32,
    in_height: u32,
    in_width: u32,
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    src_quads: u32,
    src_groups: u32,
    dst_quads: u32,
    dst_groups: u32,
    quads: u32,
}

pub(super) fn lower(
    geometry: &Geometry,
    family: &Textures,
    [kernel, stride]: [u32; 2],
    [top, left]: [usize; 2],
) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        in_height: source.height,
        in_width: source.width,
        kernel,
        stride,
        top: top as u32,
        left: left as u32,
        src_quads: source.tensor_quads,
        src_groups: family.panels(source, *images).groups,
        dst_quads: destination.tensor_quads,
        dst_groups: family.panels(destination, *images).groups,
        quads: destination.quads,
    };
    Lowered {
        variant: family.variant(Kernel::TextureMaxPool),
        params: bytes(&params),
        grid: grid(destination.pixels(), LANES, destination.quads.div_ceil(POOL_QUADS)),
        weights: Vec::new(),
    }
}
