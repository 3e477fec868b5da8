//! How a kernel shares its work out among invocations: the numbers in which its variants differ.

use std::fmt;

use super::constant::Constant;

/// Pixels of a tile, neighbours in a row: the columns of the matrices that an invocation accumulates.
pub(super) const TILE_PIXELS: u32 = 4;

/// The numbers of a variant; 0 where its kernel has no such number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tiling {
    /// Rows of a workgroup's block of pixels.
    pub rows: u32,
    /// Pixels of a workgroup, or of each of its rows; of an invocation where each keeps to its registers.
    pub pixels: u32,
    /// Tiles of output channels of a workgroup.
    pub groups: u32,
    /// Quads of output channels of a tile, or of a workgroup where it has no pixels.
    pub quads: u32,
    /// Quads of input channels of a step.
    pub step: u32,
    /// Parts of each sum.
    pub slices: u32,
    /// Whether weights go through workgroup memory.
    pub shared: bool,
}

impl Tiling {
    /// Of a kernel without such numbers.
    pub(super) const NONE: Tiling =
        Tiling { rows: 0, pixels: 0, groups: 0, quads: 0, step: 0, slices: 0, shared: false };

    /// An invocation computes `quads` quads of output channels of `pixels` pixels, all in registers.
    pub(super) const fn registers(pixels: u32, quads: u32) -> Tiling {
        Tiling { pixels, quads, ..Tiling::NONE }
    }

    /// A workgroup computes `groups` tiles of `quads` quads of output channels of a block of pixels, `step` input quads at a time.
    pub(super) const fn tiled([rows, pixels]: [u32; 2], [groups, quads]: [u32; 2], step: u32, shared: bool) -> Tiling {
        Tiling { rows, pixels, groups, quads, step, shared, ..Tiling::NONE }
    }

    /// A workgroup computes a tile of `quads` quads of output channels of `pixels` pixels, in `slices` parts.
    pub(super) const fn split(pixels: u32, quads: u32, slices: u32) -> Tiling {
        Tiling { pixels, quads, slices, ..Tiling::NONE }
    }

    /// Tiles of pixels of a workgroup.
    pub(super) const fn tiles(self) -> u32 {
        let rows = if self.rows == 0 { 1 } else { self.rows };
        rows * self.pixels / TILE_PIXELS
    }

    /// Quads of output channels of a workgroup.
    pub(super) const fn channels(self) -> u32 {
        if self.groups == 0 { self.quads } else { self.groups * self.quads }
    }

    /// Invocations of a workgroup, if these numbers say so.
    pub(super) const fn invocations(self) -> Option<u32> {
        match self {
            Tiling { slices: 0, groups: 0, .. } => None,
            // Of a vector.
            Tiling { pixels: 0, quads, slices, .. } => Some(quads * slices),
            Tiling { slices: 0, groups, .. } => Some(self.tiles() * groups),
            Tiling { slices, .. } => Some(self.tiles() * slices),
        }
    }

    /// Those that the kernel has, under the names that they have in WGSL.
    pub fn constants(self) -> impl Iterator<Item = Constant> {
        let named = [
            ("ROWS", self.rows),
            ("PIXELS", self.pixels),
            ("GROUPS", self.groups),
            ("QUADS", self.quads),
            ("STEP", self.step),
            ("SLICES", self.slices),
        ];
        named.into_iter().filter(|(_, value)| *value > 0).map(|(name, value)| Constant::u32(name, value))
    }
}

impl fmt::Display for Tiling {
    /// Pixels by output channels, then what else there is: `8x16x32.t16.k8.w` are 8 rows of 16 pixels by 32 channels, tiles of 16
    /// channels, steps of 8, and weights in workgroup memory.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows > 0 {
            write!(f, "{}x", self.rows)?;
        }
        if self.pixels > 0 {
            write!(f, "{}x", self.pixels)?;
        }
        write!(f, "{}", 4 * self.channels())?;
        if self.groups > 0 {
            write!(f, ".t{}", 4 * self.quads)?;
        }
        if self.step > 0 {
            write!(f, ".k{}", 4 * self.step)?;
        }
        if self.slices > 0 {
            write!(f, ".s{}", self.slices)?;
        }
        if self.shared {
            write!(f, ".w")?;
        }
        Ok(())
    }
}
