//! The weights that lie together: what packing and the kernels of the family agree on.

/// Quads of output channels whose weights lie together. A tile of an invocation has as many, or divides them.
pub(super) const TILE_QUADS: u32 = 4;
/// Output channels of them, to which packing pads.
pub(super) const TILE_CHANNELS: usize = 4 * TILE_QUADS as usize;
