//! A transition's pre-activation and pooling: `shaders/buffer/average_pool.wgsl`.

use super::packing::BufferPacking;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::shared::{Buffers, invocations};
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel::new(
    KernelFamily::Buffer,
    wgsl!("buffer/average_pool.wgsl"),
    &[],
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer],
    Params::FIELDS,
);

params! {
    struct Params {
        in_height: u32,
        in_width: u32,
        height: u32,
        width: u32,
        quads: u32,
    }
}

pub(super) fn lower(geometry: &Geometry, buffers: &Buffers, norm: &str) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        in_height: source.height,
        in_width: source.width,
        height: destination.height,
        width: destination.width,
        quads: source.quads,
    };
    let norm = BufferPacking::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: invocations(variant, destination.pixels(), source.quads),
        weights: vec![("norm", Packing::Buffer(norm))],
    }
}
