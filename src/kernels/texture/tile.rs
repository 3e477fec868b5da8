//! How work is shared out: `shaders/shared/tile32.wgsl`, and the pooling kernels.

use crate::kernels::kernel::Exchange;

/// Invocations of a workgroup, in every kernel of the family.
pub(super) const LANES: u32 = 8;
/// Pixels of a lane in a convolution: the columns of its matrices.
pub(super) const LANE_PIXELS: u32 = 7;
/// Pixels of a convolution's workgroup: a multiple of every row (56, 28, 14 and 7 pixels) of an image of 224x224.
pub(super) const PIXELS: u32 = LANES * LANE_PIXELS;
/// Quads of output channels of a tile: the members of `Tile`.
pub(super) const TILE_QUADS: u32 = 8;
/// Texels of a row of weights: for each quad of a tile, four input channels.
pub(super) const ROW: u32 = 4 * TILE_QUADS;
/// Output channels of a tile, to which packing pads.
pub(super) const TILE_CHANNELS: usize = 4 * TILE_QUADS as usize;
/// Quads of channels of a pooling's invocation.
pub(super) const POOL_QUADS: u32 = 8;
/// Subgroups whose lanes may exchange weights: exactly a workgroup.
pub(super) const EXCHANGE: Exchange = Exchange::Of(LANES);

// Each lane loads one texel of two quads.
const _: () = assert!(LANES == 2 * 4);
