//! What every recipe answers.

use std::collections::HashMap;

use crate::error::{Error, Result};
use crate::weights::Weights;

/// For each padded channel of a tensor, which channel of the parameter it is.
pub(in crate::kernels) type ChannelMap = Vec<Option<usize>>;

/// What holds a packed array on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArrayKind {
    /// A part of a storage buffer.
    Buffer,
    /// A texture. Its rows of `row` texels are stacked in panels of `panel_rows` rows; panels stand side by side.
    Texture {
        /// Texels of a row.
        row: u32,
        /// Rows of a panel.
        panel_rows: u32,
    },
}

/// How parameters become an array.
pub(in crate::kernels) trait Recipe {
    /// The array, in f32.
    ///
    /// # Errors
    /// [`Error::Weights`] for a missing parameter.
    fn values(&self, weights: &Weights) -> Result<Vec<f32>>;

    /// The array's length, for parameters of these shapes.
    ///
    /// # Errors
    /// [`Error::Weights`] for a missing parameter.
    fn elements(&self, shapes: &Shapes) -> Result<usize>;

    /// What holds the array.
    fn kind(&self) -> ArrayKind {
        ArrayKind::Buffer
    }

    /// Whether it may be stored as f16: what is added to sums or scales them stays f32.
    fn may_be_f16(&self) -> bool;
}

/// The shapes of a network's parameters, by name.
pub(in crate::kernels) struct Shapes(HashMap<String, Vec<usize>>);

impl Shapes {
    pub(in crate::kernels) fn new(shapes: impl IntoIterator<Item = (String, Vec<usize>)>) -> Shapes {
        Shapes(shapes.into_iter().collect())
    }

    /// The shape of one parameter.
    pub(in crate::kernels) fn of(&self, name: &str) -> Result<&[usize]> {
        let known = self.0.get(name).map(Vec::as_slice);
        known.ok_or_else(|| Error::Weights(format!("this network has no tensor '{name}'")))
    }
}
