//! A layer, by all that the time of its kernels depends on.

use std::fmt;

use crate::precision::Precision;

/// What is computed, and of which size: layers that are equal take equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Layer {
    /// The operation: `1x1`, `3x3`, `linear`.
    pub what: &'static str,
    /// Rows and columns of the destination.
    pub size: [u32; 2],
    /// Quads of channels: read, written.
    pub channels: [u32; 2],
    /// Images of a pass.
    pub images: u32,
    /// How weights are stored.
    pub precision: Precision,
}

impl fmt::Display for Layer {
    /// `3x3 14x14 128>32 b1 f32`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Layer { what, size: [height, width], channels: [inputs, outputs], images, precision } = self;
        write!(f, "{what} {height}x{width} {}>{} b{images} {precision}", 4 * inputs, 4 * outputs)
    }
}
