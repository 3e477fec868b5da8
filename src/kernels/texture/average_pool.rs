//! A transition's pre-activation and pooling: `shaders/texture/average_pool.wgsl`.

use super::context::{Textures, grid};
use super::imports::IMPORTS;
use super::packing::TexturePacking;
use super::tile::{LANES, POOL_QUADS};
use crate::kernels::constant::constants;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel {
    workgroup_size: Some(LANES),
    constants: constants!(u32: POOL_QUADS),
    ..Kernel::new(
        KernelFamily::Texture,
        wgsl!("texture/average_pool.wgsl"),
        IMPORTS,
        &[Binding::Uniform, Binding::ReadTexture, Binding::WriteTexture, Binding::ReadTexture],
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
        quads: u32,
        src_groups: u32,
        dst_groups: u32,
    }
}

pub(super) fn lower(geometry: &Geometry, textures: &Textures, norm: &str) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let params = Params {
        images: *images,
        height: destination.height,
        width: destination.width,
        in_height: source.height,
        in_width: source.width,
        quads: source.quads,
        src_groups: textures.panels(source, *images).groups,
        dst_groups: textures.panels(destination, *images).groups,
    };
    let norm = TexturePacking::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    Lowered {
        layer: None,
        others: Vec::new(),
        variant: textures.variant(&KERNEL),
        params: params.bytes(),
        grid: grid(destination.pixels(), LANES, source.quads.div_ceil(POOL_QUADS)),
        weights: vec![("norm", Packing::Texture(norm))],
    }
}
