//! `shaders/buffer/append.wgsl`: a plain layer's new channels, copied into their slot.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, bytes};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    pixels: u32,
    src_quads: u32,
    dst_quads: u32,
    dst_offset: u32,
}

pub(super) fn lower(geometry: &Geometry, family: &Buffers) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        pixels: source.pixels(),
        src_quads: source.tensor_quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
    };
    Lowered {
        variant: family.variant(Kernel::Append),
        params: bytes(&params),
        grid: family.grid(params.pixels, source.quads),
        weights: Vec::new(),
    }
}
