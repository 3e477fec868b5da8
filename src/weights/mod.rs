//! Weights: tensors under canonical (torchvision's) names, and the architecture they make up.
//!
//! Whatever a file calls its tensors and however it orders its channels, [`Weights`] has canonical names, OIHW kernels
//! in `f32`, and new channels last.
//!
//! A file passes through these steps, each in a file of its own:
//!
//! 1. `kind` tells the format by content.
//! 2. A reader (`safetensors`, `pytorch`, `keras`, `onnx`) yields a `source`: named tensors, not yet decoded, and statements.
//! 3. `part` keeps one module of a larger network, where that is wanted.
//!    `names`, or `structure` where no naming scheme fits, finds the canonical name of each tensor of the DenseNet; `head` reads
//!    the layers behind it.
//! 4. `resolve` decides, for each property of the network, which of the `statements` about it counts.
//! 5. `assemble` checks the tensors against the architecture, decodes them and puts their channels in order.
//!
//! Code that sees only a file's content does not know the file's name. It gives the reason of a failure as a plain
//! `String`; `open` turns that into an [`Error::File`](crate::Error::File), once.

mod check;
pub(crate) mod fold;
mod network;
mod origin;
pub mod random;
mod tensor;

#[cfg(feature = "files")]
mod assemble;
#[cfg(feature = "files")]
mod bias;
#[cfg(feature = "safetensors")]
mod embedded;
#[cfg(feature = "files")]
mod extras;
#[cfg(feature = "files")]
mod fields;
#[cfg(any(feature = "keras", feature = "onnx"))]
#[cfg_attr(
    not(all(feature = "keras", feature = "onnx")),
    allow(dead_code, unused_imports, reason = "each reader uses a part")
)]
mod graph;
#[cfg(feature = "files")]
mod head;
#[cfg(feature = "files")]
mod infer;
#[cfg(feature = "keras")]
mod keras;
#[cfg(feature = "files")]
mod kind;
#[cfg(feature = "files")]
mod known;
#[cfg(any(feature = "keras", feature = "pytorch"))]
mod large_stack;
#[cfg(feature = "files")]
mod metadata;
#[cfg(feature = "files")]
mod names;
#[cfg(feature = "onnx")]
mod onnx;
#[cfg(feature = "files")]
mod open;
#[cfg(feature = "files")]
mod options;
#[cfg(feature = "files")]
mod order;
#[cfg(feature = "files")]
mod part;
#[cfg(feature = "files")]
mod pictures;
#[cfg(feature = "pytorch")]
mod pytorch;
#[cfg(feature = "files")]
mod resolve;
#[cfg(feature = "safetensors")]
mod safetensors;
#[cfg(feature = "files")]
mod settings;
#[cfg(feature = "files")]
mod source;
#[cfg(feature = "files")]
mod statements;
#[cfg(feature = "files")]
mod structure;
#[cfg(feature = "files")]
mod timm;

#[cfg(feature = "safetensors")]
pub use embedded::{embedded, embedded_with};
#[cfg(feature = "files")]
pub use head::HeadSpec;
pub use network::Weights;
#[cfg(feature = "files")]
pub use open::{from_bytes, from_bytes_with, open, open_with};
#[cfg(feature = "files")]
pub use options::OpenOptions;
#[cfg(feature = "files")]
pub use order::ChannelOrder;
pub use origin::{Fact, Origin};
pub use random::Statistics;
#[cfg(feature = "safetensors")]
pub use safetensors::{save_safetensors, to_safetensors};
pub use tensor::Tensor;

#[cfg(test)]
mod tests;
