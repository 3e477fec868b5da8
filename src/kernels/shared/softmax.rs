//! Softmax over a vector: `shaders/buffer/softmax.wgsl`.

use super::buffers::{Buffers, groups};
use super::head_packing::HeadPacking;
use crate::kernels::constant::constants;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, LOWEST, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::text::wgsl;

/// Below every value, and far enough from the end that differences do not overflow.
const FAR_BELOW: f32 = LOWEST / 4.0;
/// Where an exponential is as good as 0, and not yet subnormal on most devices.
const NO_SHARE: f32 = -80.0;

pub(super) static KERNEL: Kernel = Kernel {
    constants: constants!(f32: FAR_BELOW, NO_SHARE),
    ..Kernel::new(
        KernelFamily::Buffer,
        wgsl!("buffer/softmax.wgsl"),
        &[],
        &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer],
        Params::FIELDS,
    )
};

params! {
    struct Params {
        quads: u32,
        dst_quads: u32,
        dst_offset: u32,
        logarithm: u32,
    }
}

pub(in crate::kernels) fn lower(geometry: &Geometry, buffers: &Buffers, log: bool) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params {
        quads: source.vector_quads(),
        dst_quads: destination.tensor_quads * destination.pixels(),
        dst_offset: destination.first_quad,
        logarithm: log.into(),
    };
    let pads = HeadPacking::Norms { norms: Vec::new(), inputs: source.vector_map() };
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: groups(1, 1),
        weights: vec![("pads", Packing::Head(pads))],
    }
}
