//! What stands before the first dense block, and how its windows are padded.

use serde::{Deserialize, Serialize};

/// How a convolution or a pooling pads its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// TensorFlow's `padding="same"`: the output is `ceil(input / stride)`. An odd total puts the extra row below and the
    /// extra column to the right, so at stride 2 the padding depends on the input's size.
    Same,
    /// Fixed numbers of rows and columns, as PyTorch's `padding=` or Keras' `ZeroPadding2D`.
    Explicit {
        /// Rows above.
        top: usize,
        /// Columns to the left.
        left: usize,
        /// Rows below.
        bottom: usize,
        /// Columns to the right.
        right: usize,
    },
}

impl Padding {
    /// The same number on all four sides.
    pub fn all(n: usize) -> Self {
        Padding::Explicit { top: n, left: n, bottom: n, right: n }
    }

    /// The rows and columns to add to an input of `height` by `width`: `[[top, bottom], [left, right]]`.
    pub fn resolve(&self, kernel: usize, stride: usize, height: usize, width: usize) -> [[usize; 2]; 2] {
        let same = |input: usize| {
            let total = ((input.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(input);
            [total / 2, total - total / 2]
        };
        match *self {
            Padding::Same => [same(height), same(width)],
            Padding::Explicit { top, left, bottom, right } => [[top, bottom], [left, right]],
        }
    }
}

/// The stem's max pooling. Padding never wins the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StemPool {
    /// Side of the square window.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Padding of the input.
    pub padding: Padding,
}

/// What stands before the first dense block: a convolution, then optionally batch norm + ReLU, then optionally max
/// pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stem {
    /// Output channels: what the first dense block begins with.
    pub channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Stride in both directions.
    pub stride: usize,
    /// Padding of the image, with zeros.
    pub padding: Padding,
    /// Whether batch norm and ReLU follow the convolution (`norm0`, `relu0`).
    pub norm: bool,
    /// The max pooling that follows them (`pool0`), if there is one.
    pub pool: Option<StemPool>,
}

impl Stem {
    /// 7x7/2, batch norm, ReLU, max pool 3x3/2: the paper's ImageNet networks (table 1).
    pub fn imagenet(channels: usize) -> Self {
        let pool = StemPool { kernel: 3, stride: 2, padding: Padding::all(1) };
        Stem { channels, kernel: 7, stride: 2, padding: Padding::all(3), norm: true, pool: Some(pool) }
    }

    /// A bare 3x3 convolution: the paper's CIFAR networks (section 3, implementation details).
    pub fn cifar(channels: usize) -> Self {
        Stem { channels, kernel: 3, stride: 1, padding: Padding::all(1), norm: false, pool: None }
    }
}
