//! Where packed weights go on the device.

use super::facts::DeviceLimits;
use super::packing::{ArrayKind, PackedWeight};
use super::panels::not_a_power_of_two;

/// The size at which the next buffer is begun. Larger buffers would gain nothing, and may not be available in one piece.
const BUFFER_BYTES: u64 = 64 << 20;

/// Where a packed array is on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// In a part of a buffer that it shares with others.
    Buffer { index: usize, offset: u64, bytes: u64 },
    /// In a texture of its own.
    Texture(TexturePlacement),
}

/// A texture, and the panels that fill it side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TexturePlacement {
    /// Index among all textures of weights.
    pub(crate) index: usize,
    pub(crate) width: u32,
    pub(crate) height: u32,
    /// Texels of a panel's row.
    pub(crate) row: u32,
    /// Rows of a panel; the last may have fewer.
    pub(crate) panel_rows: u32,
}

/// The place of each packed array, in order, and the sizes of the buffers that they share.
#[derive(Debug, Default)]
pub(crate) struct WeightLayout {
    pub(crate) placements: Vec<Placement>,
    pub(crate) buffers: Vec<u64>,
}

impl WeightLayout {
    /// Places arrays, each with its number of elements. In buffers they lie one after another at offsets that may be bound.
    pub(crate) fn new<'a>(
        arrays: impl Iterator<Item = (&'a PackedWeight, usize)>,
        limits: &DeviceLimits,
    ) -> WeightLayout {
        let (mut layout, mut textures) = (WeightLayout::default(), 0);
        for (array, elements) in arrays {
            let placement = match array.packing.kind() {
                ArrayKind::Buffer => layout.in_buffer(array.bytes(elements), limits),
                ArrayKind::Texture { row, panel_rows } => {
                    textures += 1;
                    Placement::Texture(in_texture(textures - 1, (elements / 4) as u32, row, panel_rows))
                }
            };
            layout.placements.push(placement);
        }
        layout
    }

    /// Behind what the last buffer holds, or in a new buffer.
    fn in_buffer(&mut self, bytes: u64, limits: &DeviceLimits) -> Placement {
        let alignment = u64::from(limits.min_storage_buffer_offset_alignment).max(16);
        let most = BUFFER_BYTES.min(limits.max_buffer_size);
        let behind = self.buffers.last().map(|size| size.next_multiple_of(alignment));
        let offset = behind.filter(|offset| offset + bytes <= most).unwrap_or_else(|| {
            self.buffers.push(0);
            0
        });
        let index = self.buffers.len() - 1;
        self.buffers[index] = offset + bytes;
        Placement::Buffer { index, offset, bytes }
    }

    /// Bytes of all buffers and textures.
    pub(crate) fn bytes(&self) -> u64 {
        let texture = |placement: &Placement| match placement {
            Placement::Texture(texture) => u64::from(texture.width) * u64::from(texture.height) * 16,
            Placement::Buffer { .. } => 0,
        };
        self.buffers.iter().sum::<u64>() + self.placements.iter().map(texture).sum::<u64>()
    }
}

fn in_texture(index: usize, texels: u32, row: u32, panel_rows: u32) -> TexturePlacement {
    let rows = texels / row;
    TexturePlacement {
        index,
        width: not_a_power_of_two(row * rows.div_ceil(panel_rows)),
        height: not_a_power_of_two(rows.min(panel_rows)),
        row,
        panel_rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::packing::Packing;
    use crate::kernels::shared::HeadPacking;
    use crate::precision::Precision;

    #[test]
    fn arrays_share_buffers_at_offsets_that_can_be_bound() {
        let packing = Packing::Head(HeadPacking::Norms { norms: Vec::new(), inputs: Vec::new() });
        let array = PackedWeight { label: String::new(), precision: Precision::F32, packing };
        let limits = DeviceLimits { max_buffer_size: 1024, ..DeviceLimits::default() };
        let layout = WeightLayout::new([10, 100, 70].into_iter().map(|elements| (&array, elements)), &limits);
        let placement = |index, offset, bytes| Placement::Buffer { index, offset, bytes };
        assert_eq!(layout.placements, [placement(0, 0, 40), placement(0, 256, 400), placement(1, 0, 280)]);
        assert_eq!((layout.buffers.as_slice(), layout.bytes()), (&[656, 280][..], 936));
    }
}
