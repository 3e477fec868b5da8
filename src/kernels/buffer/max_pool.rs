//! `shaders/buffer/max_pool.wgsl`: max pooling.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, bytes};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    in_height: u32,
    in_width: u32,
    height: u32,
    width: u32,
    kernel: u32,
    stride: u32,
    top: u32,
    left: u32,
    src_quads: u32,
    dst_quads: u32,
}

pub(super) fn lower(
    geometry: &Geometry,
    family: &Buffers,
    [kernel, stride]: [u32; 2],
    [top, left]: [usize; 2],
) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        in_height: source.height,
        in_width: source.width,
        height: destination.height,
        width: destination.width,
        kernel,
        stride,
        top: top as u32,
        left: left as u32,
        src_quads: source.tensor_quads,
        dst_quads: destination.tensor_quads,
    };
    Lowered {
        variant: family.variant(Kernel::MaxPool),
        params: bytes(&params),
        grid: family.grid(destination.pixels(), destination.quads),
        weights: Vec::new(),
    }
}
