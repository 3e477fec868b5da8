//! What both families use: storage buffers, and the classifier that runs on them. Vectors stay in buffers in the texture
//! family too, and so the buffer family's classifier serves both.

mod buffers;
mod classifier;
mod classifier_packing;
mod imports;

pub(super) use buffers::{Buffers, groups, place, resource};
pub(super) use classifier::{KERNELS, lower as lower_classifier};
pub use classifier_packing::ClassifierPacking;
pub(super) use imports::{PACKED_F16, PACKED_F32};
