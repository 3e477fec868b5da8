//! A neutral graph, which the readers of Keras' and ONNX' files build, and one reading of it as a DenseNet.
//!
//! node.rs says what a graph is. read.rs evaluates it on symbols: image.rs knows the image before the stem, maps.rs and norm.rs
//! feature maps, head.rs vectors; function.rs tells activations by what they compute, axes.rs which axis counts what. blocks.rs
//! sorts the layers that were found, emit.rs makes the tensors, and result.rs what is stated of all that.

mod axes;
mod blocks;
mod emit;
mod function;
mod head;
mod image;
mod maps;
mod node;
mod norm;
mod numbers;
mod read;
mod refusal;
mod result;

pub(super) use axes::layout;
pub(super) use function::{Function, Operator};
pub(super) use node::{
    Axis, BatchNorm, Convolution, Graph, Node, NodeId, Operation, Side, TensorId, Which, Window, WindowPadding, Words,
};
#[cfg(test)]
pub(super) use result::Reading;

#[cfg(test)]
mod tests;
