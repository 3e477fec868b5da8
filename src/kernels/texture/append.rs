//! A plain layer's new channels, copied into their slot: `shaders/texture/append.wgsl`.

use super::context::{Textures, grid};
use super::imports::IMPORTS;
use super::tile::LANES;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered};
use crate::kernels::params::params;
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel {
    workgroup_size: Some(LANES),
    ..Kernel::new(
        KernelFamily::Texture,
        wgsl!("texture/append.wgsl"),
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
        src_quads: u32,
        src_groups: u32,
        dst_quads: u32,
        dst_groups: u32,
        dst_offset: u32,
    }
}

pub(super) fn lower(geometry: &Geometry, textures: &Textures) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let params = Params {
        images: *images,
        height: source.height,
        width: source.width,
        src_quads: source.tensor_quads,
        src_groups: textures.panels(source, *images).groups,
        dst_quads: destination.tensor_quads,
        dst_groups: textures.panels(destination, *images).groups,
        dst_offset: destination.first_quad,
    };
    Lowered {
        layer: None,
        others: Vec::new(),
        variant: textures.variant(&KERNEL),
        params: params.bytes(),
        grid: grid(source.pixels(), LANES, source.quads),
        weights: Vec::new(),
    }
}
