//! The texture family: activations and weights in rgba32float storage textures, for adapters whose texture loads are
//! cheaper than their buffer loads.

mod append;
mod average_pool;
mod context;
mod conv3x3;
mod flatten;
mod global_pool;
mod imports;
mod max_pool;
mod packing;
mod pointwise;
mod stem;
mod steps;
mod tile;

pub(super) use context::Textures;
pub use packing::TexturePacking;
pub(super) use steps::KERNELS;
