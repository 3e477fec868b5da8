//! What a run yields.

#[cfg(any(feature = "gpu", feature = "cpu"))]
use crate::error::{Error, Result};
use crate::maps::FeatureMaps;

/// What a run yields: the result of every image, and the taps that the session was made with.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    batch: usize,
    columns: usize,
    values: Vec<f32>,
    taps: Vec<(String, FeatureMaps)>,
}

impl Output {
    /// Number of images.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Values of one image: classes, or pooled features where the network has no classifier.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The results of all images, `[batch, columns]`: logits, or pooled features where the network has no classifier.
    pub fn logits(&self) -> &[f32] {
        &self.values
    }

    /// The logits of image `index`.
    ///
    /// # Panics
    /// Where there is no such image.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..][..self.columns]
    }

    /// The value of a tap, for all images, if the session was made with it.
    pub fn tap(&self, name: &str) -> Option<&FeatureMaps> {
        self.taps.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// How an engine fills it.
#[cfg(any(feature = "gpu", feature = "cpu"))]
impl Output {
    /// An output without images; so are the maps of `taps`.
    pub(crate) fn new(columns: usize, taps: Vec<(String, FeatureMaps)>) -> Output {
        Output { batch: 0, columns, values: Vec::new(), taps }
    }

    /// Counts further images, whose values are then appended.
    pub(crate) fn begin(&mut self, images: usize) {
        self.batch += images;
    }

    /// The results, to append to.
    pub(crate) fn values_mut(&mut self) -> &mut Vec<f32> {
        &mut self.values
    }

    /// The taps, to append to.
    pub(crate) fn taps_mut(&mut self) -> &mut [(String, FeatureMaps)] {
        &mut self.taps
    }

    /// Itself.
    ///
    /// # Errors
    /// [`Error::Weights`] where the result holds NaN or infinity.
    pub(crate) fn finite(self) -> Result<Output> {
        match self.values.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::overflow(at / self.columns)),
            None => Ok(self),
        }
    }
}
