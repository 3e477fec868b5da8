//! Operations on some channels of several pixels, which lie `step` values apart.

use pulp::{Simd, WithSimd};

use super::lanes::{self, Relu};

/// Norm and, if `rectified`, ReLU of the first channels of `count` pixels.
pub(super) struct Normalise<'a> {
    pub(super) rectified: bool,
    pub(super) source: &'a [f32],
    pub(super) source_step: usize,
    /// Scale and shift of each channel.
    pub(super) norm: [&'a [f32]; 2],
    pub(super) count: usize,
    pub(super) target: &'a mut [f32],
    pub(super) target_step: usize,
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let channels = self.norm[0].len();
        let pixels = self.target.chunks_mut(self.target_step).zip(self.source.chunks(self.source_step));
        for (target, source) in pixels.take(self.count) {
            lanes::normalise(simd, self.rectified, &source[..channels], self.norm, &mut target[..channels]);
        }
    }
}

/// ReLU of the first channels of `count` pixels.
pub(super) struct Rectify<'a> {
    pub(super) target: &'a mut [f32],
    pub(super) step: usize,
    pub(super) channels: usize,
    pub(super) count: usize,
}

impl WithSimd for Rectify<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        for pixel in self.target.chunks_mut(self.step).take(self.count) {
            lanes::change(simd, &Relu, &mut pixel[..self.channels]);
        }
    }
}

/// Writes `values` to the first channels of `count` pixels.
pub(super) fn repeat(values: &[f32], target: &mut [f32], step: usize, count: usize) {
    target.chunks_mut(step).take(count).for_each(|pixel| pixel[..values.len()].copy_from_slice(values));
}
