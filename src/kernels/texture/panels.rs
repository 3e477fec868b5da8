//! Where a tensor's texels are, and how large its texture is.

/// A tensor in a texture. An image row is a group of `quads` texture rows, one a quad of channels; groups fill a panel
/// from top to bottom, and panels stand side by side, so that neither direction passes the adapter's limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panels {
    /// Quads of channels of the tensor.
    pub quads: u32,
    /// Groups of a panel.
    pub groups: u32,
    /// Panels.
    pub count: u32,
    /// Texels of an image row, and of a panel's width.
    pub row: u32,
}

impl Panels {
    /// Spreads the rows of `images`, each `height` rows of `row` texels, evenly over as few panels as a height of `most`
    /// texels allows. What is still too wide shows in [`Panels::width`].
    pub fn new(quads: u32, [images, height, row]: [u32; 3], most: u32) -> Panels {
        let rows = images.saturating_mul(height);
        // Room for [`not_a_power_of_two`].
        let fit = ((most - 1) / quads.max(1)).max(1);
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

    /// The first texel of an image row: x, y.
    pub fn place(&self, group: u32) -> [u32; 2] {
        [group / self.groups * self.row, group % self.groups * self.quads]
    }
}

/// One more where a power of two: lavapipe compiles a pipeline again for textures of such sizes, so none has one.
pub(in crate::kernels) fn not_a_power_of_two(texels: u32) -> u32 {
    texels.saturating_add(u32::from(texels.is_power_of_two()))
}
