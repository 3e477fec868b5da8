//! The workgroup memory of split sums: `shaders/shared/gather_*.wgsl`.

use crate::kernels::tiling::Tiling;

/// Bytes of partial sums: a quad for each quad of each pixel, of each slice or, where registers are exchanged, of each subgroup.
pub(super) fn split_memory(tiling: Tiling, lanes: u32) -> u32 {
    let slots = match lanes {
        0 => tiling.slices,
        lanes => tiling.tiles() * tiling.slices / lanes,
    };
    16 * slots * tiling.pixels * tiling.quads
}
