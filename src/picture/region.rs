//! Where in a picture the network looked.

use crate::architecture::InputSize;

/// Where a network's input lies in a picture, in that picture's pixels from its upper left corner. It extends beyond the
/// picture where preprocessing pads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Its left edge.
    pub left: f64,
    /// Its upper edge.
    pub top: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
}

impl Region {
    /// All of a picture of `size`.
    pub(super) fn whole(size: InputSize) -> Region {
        Region { left: 0.0, top: 0.0, width: size.width as f64, height: size.height as f64 }
    }
}
