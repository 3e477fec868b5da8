//! What is computed, step by step, and what can be looked at.

use super::tensor::View;

/// What a step does. Parameters are referred to by name.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Convolution of the planar image. With `norm`, the norm is folded into weights and bias, and ReLU follows.
    Stem {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// The batch norm to fold, if there is one.
        norm: Option<String>,
        /// Side of the kernel.
        kernel: usize,
        /// Stride in both directions.
        stride: usize,
        /// Rows of zeros above and columns of zeros to the left.
        padding: [usize; 2],
    },
    /// Max pooling. Padding never wins.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Stride in both directions.
        stride: usize,
        /// Rows above and columns to the left.
        padding: [usize; 2],
    },
    /// 1x1 convolution, with an optional norm and ReLU on load and another on store.
    Pointwise {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// Batch norm applied with ReLU to each input as it is loaded.
        norm: Option<String>,
        /// Batch norm folded into weights and bias, with ReLU on store.
        folded: Option<String>,
    },
    /// 3x3 convolution with one row and column of zeros around its (pre-activated) input.
    Convolution3x3 {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// Batch norm applied with ReLU to each input as it is loaded. The padding stays zero.
        norm: Option<String>,
    },
    /// Batch norm, ReLU, 2x2 average pooling with stride 2; an odd last row or column is dropped.
    NormReluAveragePool {
        /// The batch norm.
        norm: String,
    },
    /// Batch norm, ReLU, mean over all pixels.
    NormReluGlobalPool {
        /// The batch norm.
        norm: String,
    },
    /// Copies new channels into their slot. Only plain layers need it: they read the tensor that they extend, and a buffer
    /// is never bound for reading and writing at once.
    Append,
    /// Fully connected, with bias.
    Classifier {
        /// Parameter name of the weight.
        weight: String,
        /// Parameter name of the bias.
        bias: String,
    },
}

/// One step: reads a view of one tensor, writes a view of another.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// torchvision's module path.
    pub name: String,
    /// What it does.
    pub operation: Operation,
    /// What it reads.
    pub input: View,
    /// What it writes.
    pub output: View,
    /// Multiply-accumulates executed for one image.
    pub macs: u64,
}

/// A value that the program produces and that can be read back by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Tap {
    /// Its name (see docs/architecture.md for the list).
    pub name: String,
    /// The step that produces it.
    pub step: usize,
    /// Where it is.
    pub view: View,
}
