//! Batch norms as scales and shifts, one for each channel of a view.

use crate::error::Result;
use crate::weights::Weights;

/// For each channel of a view with padding, its index without (`None` for padding).
pub(super) type ChannelMap = [Option<usize>];

/// `x * scale + shift`; 0 and 0 where a channel only pads.
#[derive(Debug)]
pub(super) struct Norm {
    pub(super) scale: Vec<f32>,
    pub(super) shift: Vec<f32>,
}

impl Norm {
    pub(super) fn new(weights: &Weights, name: &str, channels: &ChannelMap) -> Result<Norm> {
        let affine = weights.affine(name)?;
        let padded = |values: &[f32]| channels.iter().map(|c| c.map_or(0.0, |c| values[c])).collect();
        Ok(Norm { scale: padded(&affine.scale), shift: padded(&affine.shift) })
    }

    /// Scale and shift of `count` channels.
    pub(super) fn part(&self, first: usize, count: usize) -> [&[f32]; 2] {
        [&self.scale[first..][..count], &self.shift[first..][..count]]
    }

    pub(super) fn bytes(&self) -> usize {
        (self.scale.len() + self.shift.len()) * size_of::<f32>()
    }
}
