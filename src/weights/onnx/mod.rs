//! ONNX models, as PyTorch's and TensorFlow's exporters write them.
//!
//! wire.rs and messages.rs read the file; external.rs the tensors beside it. build.rs makes the neutral graph of it: constants
//! are computed (constant.rs, fold.rs), shapes followed (shapes.rs), and operations.rs says what each node is. weights/graph
//! reads the rest as a DenseNet.

mod attributes;
mod build;
mod constant;
mod external;
mod fold;
mod messages;
mod operations;
mod read;
mod shapes;
mod wire;

pub(super) use read::read;
