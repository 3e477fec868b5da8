//! 8-bit pixels.

use crate::architecture::InputSize;

/// Interleaved pixels of 1 (grey) or 3 channels (red, green, blue), rows from the top.
#[derive(Clone, Debug)]
pub(super) struct Pixels {
    pub(super) size: InputSize,
    pub(super) channels: usize,
    /// `size.height * size.width * channels` bytes.
    pub(super) data: Vec<u8>,
}

impl Pixels {
    /// The same with so many channels. Grey is repeated for each colour; colour becomes grey by ITU-R 601 luma, in
    /// Pillow's integer arithmetic (its mode `L`). `None` for numbers other than 1 and 3.
    pub(super) fn with_channels(&self, channels: usize) -> Option<Pixels> {
        let data = match (self.channels, channels) {
            (1, 1) | (3, 3) => self.data.clone(),
            (1, 3) => self.data.iter().flat_map(|&grey| [grey; 3]).collect(),
            (3, 1) => self.data.chunks_exact(3).map(|c| luma(c[0], c[1], c[2])).collect(),
            _ => return None,
        };
        Some(Pixels { size: self.size, channels, data })
    }
}

fn luma(red: u8, green: u8, blue: u8) -> u8 {
    ((u32::from(red) * 19_595 + u32::from(green) * 38_470 + u32::from(blue) * 7_471 + 0x8000) >> 16) as u8
}
