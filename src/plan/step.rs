//! What is computed, step by step, and what can be looked at.

use super::tensor::View;
use crate::architecture::HeadLayer;

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
    /// Batch norm, ReLU if there is one, then mean or maximum over all pixels.
    GlobalPool {
        /// The batch norm.
        norm: String,
        /// Whether a ReLU follows it.
        relu: bool,
        /// The maximum instead of the mean.
        maximum: bool,
    },
    /// Batch norm and, if there is one, ReLU of every value: into a buffer, for a head that reads feature maps whole.
    Flatten {
        /// The batch norm.
        norm: String,
        /// Whether a ReLU follows it.
        relu: bool,
    },
    /// Copies new channels into their slot. Only plain layers need it: they read the tensor that they extend, and a buffer
    /// is never bound for reading and writing at once.
    Append,
    /// Fully connected, with bias, then an activation.
    Linear {
        /// Parameter name of the weight.
        weight: String,
        /// Parameter name of the bias.
        bias: String,
        /// Batch norms of its input, folded into it.
        before: Vec<String>,
        /// Batch norms of its output, folded into it.
        behind: Vec<String>,
        /// The activation.
        activation: Elementwise,
    },
    /// Batch norms of a vector that no linear layer takes in, then an activation.
    Vector {
        /// The batch norms.
        norms: Vec<String>,
        /// The activation.
        activation: Elementwise,
    },
    /// Softmax over a vector.
    Softmax {
        /// Its logarithm instead.
        log: bool,
    },
}

/// An activation of each value on its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Elementwise {
    /// None.
    Identity,
    /// `x` above 0, `slope * x` below.
    LeakyRelu {
        /// 0 is ReLU.
        slope: f32,
    },
    /// See [`HeadLayer::Gelu`](crate::architecture::HeadLayer::Gelu).
    Gelu,
    /// See [`HeadLayer::GeluTanh`](crate::architecture::HeadLayer::GeluTanh).
    GeluTanh,
    /// See [`HeadLayer::Silu`](crate::architecture::HeadLayer::Silu).
    Silu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

impl Elementwise {
    /// The activation that a layer of a head is, if it acts on each value on its own.
    pub(super) fn of(layer: HeadLayer) -> Option<Elementwise> {
        Some(match layer {
            HeadLayer::Relu => Elementwise::LeakyRelu { slope: 0.0 },
            HeadLayer::LeakyRelu { slope } => Elementwise::LeakyRelu { slope: slope as f32 },
            HeadLayer::Gelu => Elementwise::Gelu,
            HeadLayer::GeluTanh => Elementwise::GeluTanh,
            HeadLayer::Silu => Elementwise::Silu,
            HeadLayer::Tanh => Elementwise::Tanh,
            HeadLayer::Sigmoid => Elementwise::Sigmoid,
            HeadLayer::Linear { .. } | HeadLayer::BatchNorm { .. } | HeadLayer::Softmax | HeadLayer::LogSoftmax => {
                return None;
            }
        })
    }
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
