//! Where a tensor's texels are, and how large its texture is: `shaders/shared/panels.wgsl` in Rust.

/// A tensor in a texture. An image row is a group of `quads` texture rows, one per quad of channels. Groups fill a panel
/// from top to bottom, and panels stand side by side, so that neither side exceeds the adapter's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// Quads of channels of the tensor.
    pub quads: u32,
    /// Groups per panel.
    pub groups: u32,
    /// Number of panels.
    pub count: u32,
    /// Texels of an image row, and of a panel's width.
    pub row: u32,
}

impl Panels {
    /// Spreads the rows of `images`, each `height` rows of `row` texels, evenly over as few panels as a height of
    /// `max_side` texels allows. The result may still be too wide: see [`Panels::width`].
    pub fn new(quads: u32, [images, height, row]: [u32; 3], max_side: u32) -> Panels {
        let rows = images.saturating_mul(height);
        // Room for [`not_a_power_of_two`].
        let fit = ((max_side - 1) / quads.max(1)).max(1);
        let count = rows.div_ceil(fit).max(1);
        Panels { quads, groups: rows.div_ceil(count), count, row }
    }

    /// Texels of all panels side by side.
    pub fn width(&self) -> u32 {
        self.count.saturating_mul(self.row)
    }

    /// Texture rows.
    pub fn height(&self) -> u32 {
        self.groups * self.quads
    }

    /// Images `[N, channels, height, row]` as the texels of these panels, four values each, row by row: rows of
    /// [`Panels::width`] texels, as many as the images need.
    pub fn texels(&self, images: &[f32], channels: usize, height: usize) -> Vec<f32> {
        let (row, width) = (self.row as usize, self.width() as usize);
        let groups = (images.len() / (channels * row)).min(self.groups as usize);
        let mut texels = vec![0.0; groups * self.quads as usize * width * 4];
        for (index, values) in images.chunks_exact(row).enumerate() {
            let (plane, y) = (index / height, index % height);
            let (image, channel) = (plane / channels, plane % channels);
            let [x, top] = self.place((image * height + y) as u32).map(|n| n as usize);
            let first = (top + channel / 4) * width + x;
            for (texel, value) in texels[first * 4..].chunks_exact_mut(4).zip(values) {
                texel[channel % 4] = *value;
            }
        }
        texels
    }

    /// The first texel of an image row: x, y.
    pub fn place(&self, group: u32) -> [u32; 2] {
        [group / self.groups * self.row, group % self.groups * self.quads]
    }
}

/// One more if this is a power of two: lavapipe compiles a pipeline again for textures of such sizes, so none has one.
pub(super) fn not_a_power_of_two(texels: u32) -> u32 {
    texels.saturating_add(u32::from(texels.is_power_of_two()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_lie_where_their_places_say() {
        let (images, channels, height, row) = (3, 5, 2, 3);
        // Two quads a group, so that two groups fill a panel.
        let panels = Panels::new(2, [images as u32, height as u32, row as u32], 5);
        assert_eq!((panels.groups, panels.count, panels.width()), (2, 3, 9));
        let values: Vec<f32> = (1..=images * channels * height * row).map(|i| i as f32).collect();
        let texels = panels.texels(&values, channels, height);
        assert_eq!(texels.len() as u32, panels.width() * panels.height() * 4);
        let mut value = values.iter();
        for (image, channel, y, x) in places(images, channels, height, row) {
            let [left, top] = panels.place((image * height + y) as u32).map(|n| n as usize);
            let texel = (top + channel / 4) * panels.width() as usize + left + x;
            assert_eq!(Some(&texels[texel * 4 + channel % 4]), value.next(), "{image} {channel} {y} {x}");
        }
        // What fills the last quad is 0.
        assert_eq!(texels.iter().filter(|x| **x != 0.0).count(), values.len());
        // Fewer images take fewer rows.
        let one = Panels::new(2, [3, 2, 3], 100);
        assert_eq!(one.texels(&values[..30], channels, height).len() as u32, one.width() * 2 * 2 * 4);
    }

    fn places(n: usize, c: usize, h: usize, w: usize) -> impl Iterator<Item = (usize, usize, usize, usize)> {
        (0..n * c * h * w).map(move |i| (i / (c * h * w), i / (h * w) % c, i / w % h, i % w))
    }
}
