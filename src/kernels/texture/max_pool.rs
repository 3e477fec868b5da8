//! Max pooling: `shaders/texture/max_pool.wgsl`.

use super::context::{Textures, grid};
use super::imports::IMPORTS;
use super::tile::{LANES, POOL_QUADS};
use crate::kernels::constant::constants;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, LOWEST, Lowered};
use crate::kernels::params::params;
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel {
    workgroup_size: Some(LANES),
    constants: constants!(u32: POOL_QUADS; f32: LOWEST),
    ..Kernel::new(
        KernelFamily::Texture,
        wgsl!("texture/max_pool.wgsl"),
        IMPORTS,
        &[Binding::Uniform, Binding::ReadTexture, Binding::WriteTexture],
        Params::FIELDS,
    )
};

params! {
    struct Params {
        images: u32,
        height: u32,
        width: u32,
        in_height: u32,
        in_width: u32,
        kernel: u32,
        stride: u32,
        top: u32,
        left: u32,
        src_quads: u32,
        src_groups: u32,
        dst_quads: u32,
        dst_groups: u32,
        quads: u32,
    }
}

pub(super) fn lower(
    geometry: &Geometry,
    textures: &Textures,
    [kernel, stride]: [u32; 2],
    [top, left]: [usize; 2],
) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        in_height: source.height,
        in_width: source.width,
        kernel,
        stride,
        top: top as u32,
        left: left as u32,
        src_quads: source.tensor_quads,
        src_groups: textures.panels(source, *images).groups,
        dst_quads: destination.tensor_quads,
        dst_groups: textures.panels(destination, *images).groups,
        quads: destination.quads,
    };
    Lowered {
        layer: None,
        others: Vec::new(),
        variant: textures.variant(&KERNEL),
        params: params.bytes(),
        grid: grid(destination.pixels(), LANES, destination.quads.div_ceil(POOL_QUADS)),
        weights: Vec::new(),
    }
}
