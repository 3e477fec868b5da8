//! Max pooling: `shaders/buffer/max_pool.wgsl`.

use crate::kernels::constant::constants;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, LOWEST, Lowered};
use crate::kernels::params::params;
use crate::kernels::shared::{Buffers, invocations};
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel {
    constants: constants!(f32: LOWEST),
    ..Kernel::new(
        KernelFamily::Buffer,
        wgsl!("buffer/max_pool.wgsl"),
        &[],
        &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer],
        Params::FIELDS,
    )
};

params! {
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
}

pub(super) fn lower(
    geometry: &Geometry,
    buffers: &Buffers,
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
    let variant = buffers.variant(&KERNEL);
    Lowered {
        layer: None,
        others: Vec::new(),
        variant,
        params: params.bytes(),
        grid: invocations(variant, destination.pixels(), destination.quads),
        weights: Vec::new(),
    }
}
