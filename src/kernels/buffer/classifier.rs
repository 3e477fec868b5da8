//! `shaders/buffer/classifier*.wgsl`: the fully connected layer.

use bytemuck::NoUninit;

use super::{Buffers, Geometry, Kernel, Lowered, Packing, bytes, groups};

#[derive(Clone, Copy, NoUninit)]
#[repr(C)]
struct Params {
    read_quads: u32,
    write_quads: u32,
}

pub(in crate::kernels) fn lower(geometry: &Geometry, family: &Buffers, weight: &str, bias: &str) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params { read_quads: source.quads, write_quads: destination.quads };
    let (kernel, grid) = match family.workgroups {
        true => (Kernel::ClassifierSplit, groups(destination.quads.div_ceil(SPLIT_QUADS), 1)),
        false => (Kernel::Classifier, family.grid(destination.quads, 1)),
    };
    Lowered {
        variant: family.variant(kernel),
        params: bytes(&params),
        grid,
        weights: vec![
            ("weight", Packing::Linear { weight: weight.into(), inputs: source.channel_map.clone() }),
            ("bias", Packing::Vector { name: bias.into() }),
        ],
    }
}

/// Quads of classes of a workgroup that splits sums.
const SPLIT_QUADS: u32 = 4;
