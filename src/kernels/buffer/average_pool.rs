//! `shaders/buffer/average_pool.wgsl`: a transition's pre-activation and pooling.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, Packing, bytes};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    in_height: u32,
    in_width: u32,
    height: u32,
    width: u32,
    quads: u32,
}

pub(super) fn lower(geometry: &Geometry, family: &Buffers, norm: &str) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        in_height: source.height,
        in_width: source.width,
        height: destination.height,
        width: destination.width,
        quads: source.quads,
    };
    Lowered {
        variant: family.variant(Kernel::AveragePool),
        params: bytes(&params),
        grid: family.grid(destination.pixels(), source.quads),
        weights: vec![("norm", Packing::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() })],
    }
}
