//! How a convolution is shared out among invocations.

use crate::kernels::shared::Buffers;

/// The forms in which a convolution exists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Every invocation keeps to its registers.
    Registers,
    /// Large tiles through workgroup memory.
    Tiled,
    /// Small tiles; the invocations of a workgroup split the sum over channels.
    Split,
}

/// Tiled workgroups below which sums are split: two for each core of a small GPU.
const ENOUGH_WORKGROUPS: u32 = 64;

impl Form {
    /// The form for a layer that takes so many tiled workgroups: if they would not keep a small GPU busy, split sums will.
    pub(super) fn choose(buffers: &Buffers, tiled_workgroups: u32) -> Form {
        match (buffers.cooperate, tiled_workgroups) {
            (false, _) => Form::Registers,
            (true, ENOUGH_WORKGROUPS..) => Form::Tiled,
            (true, _) => Form::Split,
        }
    }
}
