//! A plain layer's new channels, copied into their slot: `shaders/buffer/append.wgsl`.

use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered};
use crate::kernels::params::params;
use crate::kernels::shared::{Buffers, invocations};
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel::new(
    KernelFamily::Buffer,
    wgsl!("buffer/append.wgsl"),
    &[],
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer],
    Params::FIELDS,
);

params! {
    struct Params {
        pixels: u32,
        src_quads: u32,
        dst_quads: u32,
        dst_offset: u32,
    }
}

pub(super) fn lower(geometry: &Geometry, buffers: &Buffers) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        pixels: source.pixels(),
        src_quads: source.tensor_quads,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
    };
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: invocations(variant, params.pixels, source.quads),
        weights: Vec::new(),
    }
}
