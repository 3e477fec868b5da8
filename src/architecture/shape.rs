//! Sizes: of feature maps and of the network's input.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The largest side of an input, in pixels.
pub(super) const MAX_SIDE: usize = 1 << 16;

/// Channels, height and width of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Number of channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Elements of one image of this shape.
    pub fn elements(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Height and width of the network's input in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InputSize {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl InputSize {
    /// A square input.
    pub fn square(side: usize) -> Self {
        InputSize { height: side, width: side }
    }
}

impl std::fmt::Display for InputSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

impl std::str::FromStr for InputSize {
    type Err = Error;

    /// Reads `N` (a square) or `HxW`.
    fn from_str(text: &str) -> Result<Self> {
        let side = |part: &str| match part.trim().parse::<usize>() {
            Ok(n) if (1..=MAX_SIDE).contains(&n) => Ok(n),
            _ => Err(Error::Input(format!("'{text}' is not a size: write N or HxW in pixels, such as 224 or 97x131"))),
        };
        match text.split_once(['x', 'X']) {
            Some((height, width)) => Ok(InputSize { height: side(height)?, width: side(width)? }),
            None => side(text).map(InputSize::square),
        }
    }
}
