//! The workgroup that splits sums over input channels: `shaders/shared/slices.wgsl`.

use super::tile::{TILE_PIXELS, TILE_QUADS};
use crate::kernels::kernel::Lanes;

/// Parts of a sum.
pub(super) const SLICES: u32 = 16;
/// Tiles of a workgroup.
pub(super) const TILES: u32 = 4;
/// An invocation for each slice of each tile.
pub(super) const WORKGROUP_SIZE: u32 = SLICES * TILES;
/// Subgroups that fill the workgroup exactly.
pub(super) const EXCHANGE: Lanes = Lanes { min: 8, max: WORKGROUP_SIZE };

// In the end an invocation takes one quad of one pixel of one tile.
const _: () = assert!(WORKGROUP_SIZE == TILES * TILE_PIXELS * TILE_QUADS);
