//! What both families use: storage buffers, and the head's layers, which run on them. Vectors stay in buffers in the texture
//! family too, and so the same kernels serve both.

mod activation;
mod buffers;
mod head;
mod head_packing;
mod imports;
mod linear;
mod softmax;
mod vector;

pub(super) use buffers::{Buffers, groups, invocations, place, resource};
pub(super) use head::{KERNELS, lower as lower_head};
pub use head_packing::HeadPacking;
pub(super) use imports::{PACKED_F16, PACKED_F32};
