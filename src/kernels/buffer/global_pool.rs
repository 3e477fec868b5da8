//! `shaders/buffer/global_pool.wgsl`: the last pre-activation and the mean over all pixels.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, Packing, bytes};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    pixels: u32,
    quads: u32,
    reciprocal: f32,
}

pub(super) fn lower(geometry: &Geometry, family: &Buffers, norm: &str) -> Lowered {
    let source = &geometry.source;
    let params = Params { pixels: source.pixels(), quads: source.quads, reciprocal: 1.0 / source.pixels() as f32 };
    Lowered {
        variant: family.variant(Kernel::GlobalPool),
        params: bytes(&params),
        grid: family.grid(source.quads, 1),
        weights: vec![("norm", Packing::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() })],
    }
}
