//! Logical tensors and the channels of them that steps read and write.

use std::ops::Range;

/// Index of a tensor in [`Plan::tensors`](super::Plan::tensors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// Channels that one producer writes. Slots start at multiples of four, so that a texel or `vec4` never holds the
/// channels of two producers; what pads a slot to the next multiple is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// First padded channel: a multiple of 4.
    pub start: usize,
    /// Channels that mean something.
    pub channels: usize,
}

impl Slot {
    /// Channels with padding: the next multiple of 4.
    pub fn padded(&self) -> usize {
        self.channels.next_multiple_of(4)
    }
}

/// What a tensor is to the program's surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// The images, planar NCHW as the host gives them, without slots' padding.
    Input,
    /// Made and consumed inside the pass.
    Internal,
    /// What the host reads at the end.
    Output,
}

/// A logical tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanTensor {
    /// For people and labels.
    pub name: String,
    /// What it is to the surroundings.
    pub kind: TensorKind,
    /// Channel slots in ascending order, without gaps between padded slots.
    pub slots: Vec<Slot>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// One value a channel, whatever the image's size: pooled features, logits.
    pub is_vector: bool,
    /// Steps from the first that writes it to the last that reads it, inclusive.
    pub lifetime: (usize, usize),
    /// Index of the memory it lives in; tensors whose lifetimes do not meet share one.
    pub memory: usize,
}

impl PlanTensor {
    /// Channels with padding.
    pub fn padded_channels(&self) -> usize {
        match self.kind {
            TensorKind::Input => self.slots.iter().map(|slot| slot.channels).sum(),
            _ => self.slots.last().map_or(0, |slot| slot.start + slot.padded()),
        }
    }

    /// Elements of one image, padding included.
    pub fn elements(&self) -> usize {
        self.padded_channels() * self.height * self.width
    }
}

/// Some slots of a tensor: what a step reads or writes, and what a tap shows.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The tensor.
    pub tensor: TensorId,
    /// Slots of it.
    pub slots: Range<usize>,
}
