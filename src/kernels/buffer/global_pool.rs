//! The last norm, its ReLU, and the mean or maximum over all pixels: `shaders/buffer/global_pool.wgsl`.

use super::packing::BufferPacking;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered, floor};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::shared::{Buffers, invocations};
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel::new(
    KernelFamily::Buffer,
    wgsl!("buffer/global_pool.wgsl"),
    &[],
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer],
    Params::FIELDS,
);

params! {
    struct Params {
        pixels: u32,
        quads: u32,
        dst_quads: u32,
        dst_offset: u32,
        maximum: u32,
        reciprocal: f32,
        floor: f32,
    }
}

pub(super) fn lower(geometry: &Geometry, buffers: &Buffers, norm: &str, relu: bool, maximum: bool) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        pixels: source.pixels(),
        quads: source.quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        maximum: maximum.into(),
        reciprocal: 1.0 / source.pixels() as f32,
        floor: floor(relu),
    };
    let norm = BufferPacking::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: invocations(variant, source.quads, 1),
        weights: vec![("norm", Packing::Buffer(norm))],
    }
}
