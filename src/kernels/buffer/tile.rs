//! The tile that every convolution of the family computes: `shaders/shared/tile.wgsl`.

/// Quads of output channels of a tile: the members of `Tile`.
pub(super) const TILE_QUADS: u32 = 4;
/// Pixels of a tile, neighbours in a row: the columns of its matrices.
pub(super) const TILE_PIXELS: u32 = 4;
/// Output channels of a tile, to which packing pads.
pub(super) const TILE_CHANNELS: usize = 4 * TILE_QUADS as usize;
