//! Which kernel runs a step of the head.

use super::buffers::Buffers;
use super::linear::{self, Linear};
use super::{softmax, vector};
use crate::kernels::kernel::Kernel;
use crate::kernels::lowering::{Geometry, Lowered};
use crate::plan::Operation;

/// The kernels of both families.
pub(in crate::kernels) static KERNELS: &[&Kernel] =
    &[&linear::whole::KERNEL, &linear::split::KERNEL, &vector::KERNEL, &softmax::KERNEL];

/// Lowers a step between vectors; the families lower all others.
pub(in crate::kernels) fn lower(geometry: &Geometry, buffers: &Buffers, operation: &Operation) -> Lowered {
    match operation {
        Operation::Linear { weight, bias, before, behind, activation } => {
            linear::lower(geometry, buffers, &Linear { weight, bias, before, behind, activation: *activation })
        }
        Operation::Vector { norms, activation } => vector::lower(geometry, buffers, norms, *activation),
        Operation::Softmax { log } => softmax::lower(geometry, buffers, *log),
        other => unreachable!("no step between vectors: {other:?}"),
    }
}
