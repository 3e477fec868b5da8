//! Feature maps on the host: outputs of layers, class maps, pooled features.

#[cfg(any(feature = "gpu", feature = "cpu", feature = "images"))]
use crate::architecture::Architecture;
use crate::architecture::Shape;

/// The tap that holds the class-activation maps of all classes, `[N, classes, rows, columns]`.
pub const CLASS_MAPS: &str = "cam";

/// The tap that holds what the head pools, `[N, channels, rows, columns]`: where the head is more than average pooling and one
/// linear layer, class maps are made of it.
pub const POOLED_MAPS: &str = "features.pooled";

/// The tap that class maps are, or that they are made of.
#[cfg(any(feature = "gpu", feature = "cpu", feature = "images"))]
pub(crate) fn class_maps_tap(architecture: &Architecture) -> &'static str {
    if architecture.head.is_plain() { CLASS_MAPS } else { POOLED_MAPS }
}

/// Feature maps of a batch, NCHW: a tap, a layer of the reference, or the class maps.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureMaps {
    /// Channels of one image.
    pub channels: usize,
    /// Rows of one channel.
    pub height: usize,
    /// Columns of one channel.
    pub width: usize,
    /// NCHW, one image after the other, each of `channels * height * width` values.
    pub data: Vec<f32>,
}

impl FeatureMaps {
    /// Channels, rows and columns of one image.
    pub fn shape(&self) -> Shape {
        Shape { channels: self.channels, height: self.height, width: self.width }
    }

    /// The values of image `index`, `[channels, height, width]`.
    ///
    /// # Panics
    /// If there is no such image.
    pub fn image(&self, index: usize) -> &[f32] {
        let elements = self.shape().elements();
        &self.data[index * elements..][..elements]
    }
}
