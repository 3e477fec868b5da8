//! A network's graph in the words of no framework.

use super::super::pictures::Resizing;
use super::super::source::Entry;
use super::function::{Function, Operator};
use crate::architecture::InputSize;

/// Index of a tensor of a [`Graph`].
pub(in crate::weights) type TensorId = usize;
/// Index of a node of a [`Graph`].
pub(in crate::weights) type NodeId = usize;

/// A network as a file describes it: each node stands behind those that it reads.
pub(in crate::weights) struct Graph<'a> {
    pub(in crate::weights) nodes: Vec<Node>,
    /// Parameters and constants. Kernels are `[out, in, height, width]`.
    pub(in crate::weights) tensors: Vec<Entry<'a>>,
    /// What the network yields, each with its name.
    pub(in crate::weights) outputs: Vec<(String, NodeId)>,
    pub(in crate::weights) words: Words,
}

/// How a framework speaks.
#[derive(Clone, Debug)]
pub(in crate::weights) struct Words {
    /// Where the graph is written: `model_config`, `graph`.
    pub(in crate::weights) place: String,
    /// What a node is called: `layer`, `node`.
    pub(in crate::weights) node: &'static str,
    /// Whether an output without an activation is meant as it is. An exporter leaves softmax to the program around a network.
    pub(in crate::weights) scores_are_stated: bool,
}

/// One operation on what other nodes yield.
#[derive(Debug)]
pub(in crate::weights) struct Node {
    pub(in crate::weights) name: String,
    /// The framework's word for the operation.
    pub(in crate::weights) kind: String,
    pub(in crate::weights) operation: Operation,
    /// In the order of the arguments. Constants are part of the operation.
    pub(in crate::weights) inputs: Vec<NodeId>,
}

/// What a node does. An axis below zero counts from the end.
#[derive(Debug)]
pub(in crate::weights) enum Operation {
    /// Images. `None`: any number.
    Input {
        axes: [Axis; 4],
        sides: [Option<usize>; 4],
    },
    /// Nothing, at inference.
    Identity,
    Convolution(Convolution),
    BatchNorm(BatchNorm),
    Linear {
        /// `[out, in]`, or `[in, out]` where it is transposed.
        weight: TensorId,
        transposed: bool,
        bias: Option<TensorId>,
    },
    /// The same function of each element.
    Function(Function),
    Softmax {
        axis: isize,
        log: bool,
    },
    /// With a constant that is broadcast, as in NumPy.
    Arithmetic {
        operator: Operator,
        constant: TensorId,
        /// The constant is the first operand.
        first: bool,
    },
    /// Two nodes' elements.
    Combine(Operator),
    /// Rows and columns: top, left, bottom, right.
    Pad {
        sides: [usize; 4],
        value: f64,
        /// The axes of rows and columns.
        axes: [isize; 2],
    },
    Pool {
        mean: bool,
        window: Window,
    },
    /// The mean or the maximum over axes.
    Reduce {
        mean: bool,
        axes: Vec<isize>,
        keep: bool,
    },
    Concatenate {
        axis: isize,
    },
    Transpose(Vec<usize>),
    Reshape(Vec<Side>),
    Squeeze(Option<Vec<isize>>),
    Unsqueeze(Vec<isize>),
    /// Elements of an axis, by number. `keep`: the axis stays, even with one element.
    Select {
        axis: isize,
        which: Which,
        keep: bool,
    },
    /// An axis behind itself so many times, or each of its elements beside itself.
    Repeat {
        axis: isize,
        times: usize,
        each: bool,
    },
    /// One channel as so many, or as many as there are.
    Broadcast {
        axis: isize,
        to: usize,
    },
    /// Pictures to this size.
    Resize(Resizing),
    /// The middle of pictures.
    Crop(InputSize),
    /// What no DenseNet has, with the reason if there is more to say.
    Unknown(Option<String>),
}

/// What an axis of a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Axis {
    Batch,
    Channel,
    Row,
    Column,
    /// All pixels, row by row.
    Pixel,
    /// Nothing: its length is 1.
    One,
}

impl Axis {
    /// Images as PyTorch has them.
    pub(in crate::weights) const NCHW: [Axis; 4] = [Axis::Batch, Axis::Channel, Axis::Row, Axis::Column];
    /// Images as TensorFlow has them.
    pub(in crate::weights) const NHWC: [Axis; 4] = [Axis::Batch, Axis::Row, Axis::Column, Axis::Channel];
}

/// A two-dimensional convolution.
#[derive(Clone, Debug)]
pub(in crate::weights) struct Convolution {
    pub(in crate::weights) weight: TensorId,
    pub(in crate::weights) bias: Option<TensorId>,
    pub(in crate::weights) window: Window,
    pub(in crate::weights) groups: usize,
}

/// Batch norm with running statistics.
#[derive(Clone, Debug)]
pub(in crate::weights) struct BatchNorm {
    /// Ones where there is none, as the bias is zeros.
    pub(in crate::weights) weight: Option<TensorId>,
    pub(in crate::weights) bias: Option<TensorId>,
    pub(in crate::weights) mean: TensorId,
    pub(in crate::weights) variance: TensorId,
    pub(in crate::weights) eps: f64,
    pub(in crate::weights) axis: isize,
}

/// A window that moves over rows and columns.
#[derive(Clone, Debug)]
pub(in crate::weights) struct Window {
    pub(in crate::weights) kernel: [usize; 2],
    pub(in crate::weights) stride: [usize; 2],
    pub(in crate::weights) dilation: [usize; 2],
    pub(in crate::weights) padding: WindowPadding,
    /// Windows that reach over the end count.
    pub(in crate::weights) ceil: bool,
    /// Of the channels, in what the window reads.
    pub(in crate::weights) channel_axis: isize,
}

/// What is added around the image before a window moves over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum WindowPadding {
    /// Top, left, bottom, right.
    Explicit([usize; 4]),
    /// TensorFlow's: an odd number of rows has the larger half below.
    Same,
    /// The same with the larger half above.
    SameLower,
}

/// One side of a new shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Side {
    Known(usize),
    /// As long as an axis of a node's result.
    Of(NodeId, usize),
    /// What is left over.
    Rest,
    /// Computed in a way that was not followed.
    Unknown,
}

/// Elements of an axis.
#[derive(Clone, Debug)]
pub(in crate::weights) enum Which {
    These(Vec<isize>),
    /// All, last first.
    Reversed,
}
