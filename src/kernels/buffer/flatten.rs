//! The last norm and its ReLU, for heads that read feature maps whole: `shaders/buffer/flatten.wgsl`.

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
    wgsl!("buffer/flatten.wgsl"),
    &[],
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer],
    Params::FIELDS,
);

params! {
    struct Params {
        pixels: u32,
        quads: u32,
        floor: f32,
    }
}

pub(super) fn lower(geometry: &Geometry, buffers: &Buffers, norm: &str, relu: bool) -> Lowered {
    let source = &geometry.source;
    let params = Params { pixels: source.pixels(), quads: source.quads, floor: floor(relu) };
    let norm = BufferPacking::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: invocations(variant, source.pixels(), source.quads),
        weights: vec![("norm", Packing::Buffer(norm))],
    }
}
