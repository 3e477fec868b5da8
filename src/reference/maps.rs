//! Feature maps in f64.

use crate::maps::FeatureMaps;
use crate::threads;

/// Feature maps of a batch, NCHW.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Maps {
    pub(super) images: usize,
    pub(super) channels: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) data: Vec<f64>,
}

impl Maps {
    /// New maps of which every plane is computed on its own: `fill(image, channel, plane)`, from zeros.
    pub(super) fn build(
        [images, channels, height, width]: [usize; 4],
        fill: impl Fn(usize, usize, &mut [f64]) + Sync,
    ) -> Maps {
        let mut data = vec![0.0; images * channels * height * width];
        threads::each_chunk(&mut data, height * width, |i, plane| fill(i / channels, i % channels, plane));
        Maps { images, channels, height, width, data }
    }

    pub(super) fn shape(&self) -> [usize; 4] {
        [self.images, self.channels, self.height, self.width]
    }

    pub(super) fn plane(&self, image: usize, channel: usize) -> &[f64] {
        let pixels = self.height * self.width;
        &self.data[(image * self.channels + channel) * pixels..][..pixels]
    }

    pub(super) fn to_value(&self) -> FeatureMaps {
        let data = self.data.iter().map(|&x| x as f32).collect();
        FeatureMaps { channels: self.channels, height: self.height, width: self.width, data }
    }
}
