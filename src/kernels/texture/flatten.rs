//! The last norm and its ReLU into a buffer, for heads that read feature maps whole: `shaders/texture/flatten.wgsl`.

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
        wgsl!("texture/flatten.wgsl"),
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
        floor: f32,
    }
}

pub(super) fn lower(geometry: &Geometry, textures: &Textures, norm: &str, relu: bool) -> Lowered {
    let Geometry { images, source, .. } = geometry;
    let params = Params {
        height: source.height,
        width: source.width,
        quads: source.quads,
        src_groups: textures.panels(source, *images).groups,
        floor: floor(relu),
    };
    let norm = TexturePacking::Norm { norm: Some(norm.into()), inputs: source.channel_map.clone() };
    Lowered {
        layer: None,
        others: Vec::new(),
        variant: textures.variant(&KERNEL),
        params: params.bytes(),
        grid: groups(source.pixels().div_ceil(LANES), source.quads),
        weights: vec![("norm", Packing::Texture(norm))],
    }
}
