//! The last norm, its ReLU, and the mean or maximum over all pixels, into a buffer: `shaders/texture/global_pool.wgsl`.

use super::context::Textures;
use super::imports::IMPORTS;
use super::packing::TexturePacking;
use super::tile::LANES;
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered, floor};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::shared::groups;
use crate::kernels::text::wgsl;

pub(super) static KERNEL: Kernel = Kernel {
    workgroup_size: Some(LANES),
    ..Kernel::new(
        KernelFamily::Texture,
        wgsl!("texture/global_pool.wgsl"),
        IMPORTS,
        &[Binding::Uniform, Binding::ReadTexture, Binding::WriteBuffer, Binding::ReadTexture],
        Params::FIELDS,
    )
};

params! {
    struct Params {
        height: u32,
        width: u32,
        quads: u32,
        src_groups: u32,
        dst_quads: u32,
        dst_offset: u32,
        maximum: u32,
        reciprocal: f32,
        floor: f32,
    }
}

pub(super) fn lower(geometry: &Geometry, textures: &Textures, norm: &str, relu: bool, maximum: bool) -> Lowered {
    let Geometry { images, source, destination } = geometry;
    let params = Params {
        height: source.height,
        width: source.width,
        quads: source.quads,
        src_groups: textures.panels(source, *images).groups,
        dst_quads: destination.tensor_quads,
        dst_offset: destination.first_quad,
        maximum: maximum.into(),
        reciprocal: 1.0 / source.pixels() as f32,
        floor: floor(relu),
    };
    let norm = TexturePacking::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    Lowered {
        layer: None,
        others: Vec::new(),
        variant: textures.variant(&KERNEL),
        params: params.bytes(),
        grid: groups(source.quads.div_ceil(LANES), 1),
        weights: vec![("norm", Packing::Texture(norm))],
    }
}
