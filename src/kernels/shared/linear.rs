//! Fully connected layers: `shaders/buffer/linear*.wgsl`.

use super::activation::number;
use super::buffers::{Buffers, groups};
use super::head_packing::HeadPacking;
use super::imports::{ACTIVATE, PACKED_F16, PACKED_F32};
use crate::kernels::estimate::Work;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::layer::Layer;
use crate::kernels::lowering::{Geometry, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::program::Grid;
use crate::kernels::text::Text;
use crate::kernels::variant::Variant;
use crate::plan::Elementwise;

params! {
    struct Params {
        read_quads: u32,
        write_quads: u32,
        channels: u32,
        dst_quads: u32,
        dst_offset: u32,
        activation: u32,
        slope: f32,
    }
}

const BINDINGS: &[Binding] =
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer, Binding::ReadBuffer];

const IMPORTS: &[Text] = &[ACTIVATE, PACKED_F32, PACKED_F16];

const fn kernel(text: Text) -> Kernel {
    Kernel { f16: true, ..Kernel::new(KernelFamily::Buffer, text, IMPORTS, BINDINGS, Params::FIELDS) }
}

/// An invocation computes a quad of outputs.
pub(super) mod whole {
    use super::super::activation::{GELU, GELU_TANH, LEAKY_RELU, QUAD, SIGMOID, SILU, TANH};
    use super::{Kernel, kernel};
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;

    pub(in super::super) static KERNEL: Kernel = Kernel {
        constants: constants!(u32: LEAKY_RELU, GELU, GELU_TANH, SILU, TANH, SIGMOID, QUAD),
        ..kernel(wgsl!("buffer/linear.wgsl"))
    };
}

/// A workgroup computes a few quads of outputs, and each of its slices a part of the sums.
pub(super) mod split {
    use super::super::activation::{GELU, GELU_TANH, LEAKY_RELU, QUAD, SIGMOID, SILU, TANH};
    use super::{Kernel, kernel};
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;
    use crate::kernels::tiling::Tiling;

    /// Quads of outputs of a workgroup, parts of a sum.
    const fn tiling(quads: u32, slices: u32) -> Tiling {
        Tiling::split(0, quads, slices)
    }

    pub(in super::super) static KERNEL: Kernel = Kernel {
        tilings: &[tiling(4, 16), tiling(2, 32), tiling(1, 64), tiling(4, 64), tiling(8, 8), tiling(8, 32)],
        // The partial sums.
        memory: |tiling, _| 16 * tiling.quads * tiling.slices,
        constants: constants!(u32: LEAKY_RELU, GELU, GELU_TANH, SILU, TANH, SIGMOID, QUAD),
        ..kernel(wgsl!("buffer/linear_split.wgsl"))
    };
}

/// A layer's parameters, by name.
pub(in crate::kernels) struct Linear<'a> {
    pub(in crate::kernels) weight: &'a str,
    pub(in crate::kernels) bias: &'a str,
    /// Norms of the input.
    pub(in crate::kernels) before: &'a [String],
    /// Norms of the output.
    pub(in crate::kernels) behind: &'a [String],
    pub(in crate::kernels) activation: Elementwise,
}

pub(in crate::kernels) fn lower(geometry: &Geometry, buffers: &Buffers, layer: &Linear<'_>) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let (activation, slope) = number(layer.activation);
    let params = Params {
        read_quads: source.vector_quads(),
        write_quads: destination.quads,
        channels: destination.channel_map.iter().flatten().count() as u32,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        activation,
        slope,
    };
    let shape = Layer {
        what: "linear",
        size: [1, 1],
        channels: [params.read_quads, params.write_quads],
        images: geometry.images,
        precision: buffers.precision(),
    };
    let (variant, others) =
        buffers.choose(&shape, &[&whole::KERNEL, &split::KERNEL], |variant| work(variant, &params, geometry.images));
    let grid = grid(variant, params.write_quads);
    let (weight, before, behind) = (layer.weight.to_string(), layer.before.to_vec(), layer.behind.to_vec());
    let bias = layer.bias.to_string();
    let inputs = source.vector_map();
    let matrix = HeadPacking::Matrix {
        weight: weight.clone(),
        bias: bias.clone(),
        before: before.clone(),
        behind: behind.clone(),
        inputs,
    };
    let bias = HeadPacking::Bias { weight, bias, before, behind };
    Lowered {
        layer: Some(shape),
        others,
        variant,
        params: params.bytes(),
        grid,
        weights: vec![("weight", Packing::Head(matrix)), ("bias", Packing::Head(bias))],
    }
}

fn grid(variant: Variant, quads: u32) -> Grid {
    match variant.tiling.slices {
        0 => groups(quads.div_ceil(variant.workgroup_size), 1),
        _ => groups(quads.div_ceil(variant.tiling.quads), 1),
    }
}

fn work(variant: Variant, params: &Params, images: u32) -> Work {
    let slices = variant.tiling.slices.max(1);
    let quads = f64::from(params.read_quads.div_ceil(slices));
    Work {
        grid: grid(variant, params.write_quads).workgroups(images),
        // A matrix and a quad of inputs, which all share.
        far: quads * 4.25,
        near: if slices > 1 { f64::from(slices) / f64::from(slices.min(16)) } else { 0.0 },
        macs: quads * 16.0,
        trips: quads / 4.0,
        barriers: if slices > 1 { 1.0 } else { 0.0 },
        registers: 24,
    }
}
