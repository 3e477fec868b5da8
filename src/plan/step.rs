//! What is computed, step by step, and what can be looked at.

use super::tensor::View;

/// What a step does. Parameters are named, never held.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Convolution of the planar image, bias, maybe ReLU; `norm` is folded into weights and bias.
    Stem {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// The batch norm to fold.
        norm: Option<String>,
        /// Side of the kernel.
        kernel: usize,
        /// Step in both directions.
        stride: usize,
        /// Rows above and columns to the left that are zero.
        padding: [usize; 2],
    },
    /// Max pooling; padded places never win.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step in both directions.
        stride: usize,
        /// Rows above and columns to the left.
        padding: [usize; 2],
    },
    /// 1x1 convolution; `norm` and ReLU on load, `folded` norm and ReLU on store, each where named.
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
        /// Batch norm applied with ReLU to each input as it is loaded; padded places stay zero.
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
    /// Copies new channels into their slot: needed by plain layers alone, which read the tensor they extend, and a
    /// buffer is never bound for reading and writing at once.
    Append,
    /// Fully connected, with bias.
    Classifier {
        /// Parameter name of the weight.
        weight: String,
        /// Parameter name of the bias.
        bias: String,
    },
}

/// One step: reads one view, writes another, of different tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place in the network, torchvision's module path.
    pub name: String,
    /// What it does.
    pub operation: Operation,
    /// What it reads.
    pub input: View,
    /// What it writes.
    pub output: View,
    /// Multiply-accumulates for one image, as executed.
    pub macs: u64,
}

/// A value that the program really produces, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Tap {
    /// Its name (see docs/architecture.md for the list).
    pub name: String,
    /// The step after which it is there.
    pub step: usize,
    /// Where it is.
    pub view: View,
}
