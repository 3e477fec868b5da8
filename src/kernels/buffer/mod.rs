//! The buffer family: storage buffers `[N, C/4, H, W]` of four channels. Convolutions tile in registers, in workgroup
//! memory, or with split sums.

mod append;
mod average_pool;
mod conv3x3;
mod flatten;
mod global_pool;
mod imports;
mod max_pool;
mod packing;
mod pointwise;
mod split_memory;
mod stem;
mod steps;
mod tile;

pub use packing::BufferPacking;
pub(super) use steps::KERNELS;
