//! Norms and activations of a vector that no linear layer takes in: `shaders/buffer/vector.wgsl`.

use super::activation::{GELU, GELU_TANH, LEAKY_RELU, QUAD, SIGMOID, SILU, TANH, number};
use super::buffers::{Buffers, invocations};
use super::head_packing::HeadPacking;
use super::imports::ACTIVATE;
use crate::kernels::constant::constants;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::text::wgsl;
use crate::plan::Elementwise;

pub(super) static KERNEL: Kernel = Kernel {
    constants: constants!(u32: LEAKY_RELU, GELU, GELU_TANH, SILU, TANH, SIGMOID, QUAD),
    ..Kernel::new(
        KernelFamily::Buffer,
        wgsl!("buffer/vector.wgsl"),
        &[ACTIVATE],
        &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer],
        Params::FIELDS,
    )
};

params! {
    struct Params {
        quads: u32,
        dst_quads: u32,
        dst_offset: u32,
        activation: u32,
        slope: f32,
    }
}

pub(in crate::kernels) fn lower(
    geometry: &Geometry,
    buffers: &Buffers,
    norms: &[String],
    activation: Elementwise,
) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let (activation, slope) = number(activation);
    let quads = source.vector_quads();
    let dst_quads = destination.tensor_quads * destination.pixels();
    let params = Params { quads, dst_quads, dst_offset: destination.first_quad, activation, slope };
    let norms = HeadPacking::Norms { norms: norms.to_vec(), inputs: source.vector_map() };
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: invocations(variant, quads, 1),
        weights: vec![("norm", Packing::Head(norms))],
    }
}
