//! Logical tensors and the channels of them that steps read and write.

use std::ops::Range;

/// Index of a tensor in [`Plan::tensors`](super::Plan::tensors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// Channels that one producer writes. Slots start at multiples of four, so that a texel or `vec4` never holds the
/// channels of two producers. The padding up to the next multiple is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// First padded channel: a multiple of 4.
    pub start: usize,
    /// Channels without padding.
    pub channels: usize,
}

impl Slot {
    /// Channels with padding: the next multiple of 4.
    pub fn padded(&self) -> usize {
        self.channels.next_multiple_of(4)
    }
}

/// Who writes and reads a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// The images, written by the host: planar NCHW, unpadded.
    Input,
    /// Written and read inside the pass.
    Internal,
    /// Read by the host at the end.
    Output,
}

/// A logical tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanTensor {
    /// A label for people.
    pub name: String,
    /// Who writes and reads it.
    pub kind: TensorKind,
    /// Channel slots in ascending order; padded slots leave no gaps.
    pub slots: Vec<Slot>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Whether it belongs to the head: pooled features, hidden layers, logits. It has one value per channel at any image
    /// size, or feature maps that the head reads whole.
    pub is_vector: bool,
    /// The first step that writes it and the last that reads it.
    pub lifetime: (usize, usize),
    /// Index of the memory it lives in; tensors whose lifetimes do not overlap share one.
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

/// Consecutive slots of a tensor: what a step reads or writes, and what a tap shows.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The tensor.
    pub tensor: TensorId,
    /// Its slots.
    pub slots: Range<usize>,
}
