//! `shaders/buffer/classifier.wgsl`: the fully connected layer.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, Packing, bytes};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    read_quads: u32,
    write_quads: u32,
}

pub(in crate::kernels) fn lower(geometry: &Geometry, family: &Buffers, weight: &str, bias: &str) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params { read_quads: source.quads, write_quads: destination.quads };
    Lowered {
        variant: family.variant(Kernel::Classifier),
        params: bytes(&params),
        grid: family.grid(destination.quads, 1),
        weights: vec![
            ("weight", Packing::Linear { weight: weight.into(), inputs: source.channel_map.clone() }),
            ("bias", Packing::Vector { name: bias.into() }),
        ],
    }
}
