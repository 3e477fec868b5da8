//! The fully connected layer at the end: `shaders/buffer/classifier*.wgsl`.

use super::buffers::{Buffers, groups};
use super::classifier_packing::ClassifierPacking;
use super::imports::{PACKED_F16, PACKED_F32};
use crate::kernels::family::KernelFamily;
use crate::kernels::kernel::{Binding, Kernel};
use crate::kernels::lowering::{Geometry, Lowered};
use crate::kernels::packing::Packing;
use crate::kernels::params::params;
use crate::kernels::text::Text;

/// The kernels of both families.
pub(in crate::kernels) static KERNELS: &[&Kernel] = &[&whole::KERNEL, &split::KERNEL];

params! {
    struct Params {
        read_quads: u32,
        write_quads: u32,
    }
}

const BINDINGS: &[Binding] =
    &[Binding::Uniform, Binding::ReadBuffer, Binding::WriteBuffer, Binding::ReadBuffer, Binding::ReadBuffer];

const IMPORTS: &[Text] = &[PACKED_F32, PACKED_F16];

const fn kernel(text: Text) -> Kernel {
    Kernel { f16: true, ..Kernel::new(KernelFamily::Buffer, text, IMPORTS, BINDINGS, Params::FIELDS) }
}

/// An invocation computes a quad of classes.
mod whole {
    use super::{Kernel, kernel};
    use crate::kernels::text::wgsl;

    pub(super) static KERNEL: Kernel = kernel(wgsl!("buffer/classifier.wgsl"));
}

/// A workgroup computes a few quads of classes, and each of its slices a part of the sums.
mod split {
    use super::{Kernel, kernel};
    use crate::kernels::constant::constants;
    use crate::kernels::text::wgsl;

    /// Quads of classes.
    pub(super) const QUADS: u32 = 4;
    /// Parts of a sum.
    const SLICES: u32 = 16;

    pub(super) static KERNEL: Kernel = Kernel {
        workgroup_size: Some(QUADS * SLICES),
        constants: constants!(u32: QUADS, SLICES),
        ..kernel(wgsl!("buffer/classifier_split.wgsl"))
    };
}

pub(in crate::kernels) fn lower(geometry: &Geometry, buffers: &Buffers, weight: &str, bias: &str) -> Lowered {
    let Geometry { source, destination, .. } = geometry;
    let params = Params { read_quads: source.quads, write_quads: destination.quads };
    let (kernel, grid) = match buffers.cooperate {
        true => (&split::KERNEL, groups(destination.quads.div_ceil(split::QUADS), 1)),
        false => (&whole::KERNEL, buffers.grid(destination.quads, 1)),
    };
    let matrix = ClassifierPacking::Matrix { weight: weight.into(), inputs: source.channel_map.clone() };
    let bias = ClassifierPacking::Bias { bias: bias.into() };
    Lowered {
        variant: buffers.variant(kernel),
        params: params.bytes(),
        grid,
        weights: vec![("weight", Packing::Classifier(matrix)), ("bias", Packing::Classifier(bias))],
    }
}
