//! The stem's convolution of planar images: `y[o][i][j] = b[o] + sum over c, u, v of w[o][c][u][v] * x[c][s i + u - p][s j + v - q]`,
//! then ReLU where a norm is folded in.
//!
//! The rows of the images that a row of results needs are interleaved, column by column: `[columns, kernel rows, channels]`. A
//! window of `kernel` columns then lies in one piece, that of the next result `stride` columns further, and one product of
//! matrices takes all windows where they are.

use super::affine::ChannelMap;
use super::filters::Filters;
use super::layout::Layout;
use super::pixels::{Rectify, repeat};
use super::product::{Factors, MOST_INPUTS, Rows, Target, product};
use super::work::Work;
use crate::error::Result;
use crate::weights::Weights;

/// The stem's packed weights.
#[derive(Debug)]
pub(super) struct Stem {
    /// `[kernel columns, kernel rows, input channels, outputs]`
    factors: Vec<f32>,
    /// The norm that is folded in; ReLU follows it.
    bias: Option<Vec<f32>>,
    channels: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
}

impl Stem {
    pub(super) fn new(
        weights: &Weights,
        weight: &str,
        norm: Option<&str>,
        [kernel, stride]: [usize; 2],
        channels: usize,
        outputs: &ChannelMap,
    ) -> Result<Stem> {
        let filters = Filters::new(weights, weight, norm)?;
        let mut factors = Vec::with_capacity(filters.places * channels * outputs.len());
        for v in 0..kernel {
            for u in 0..kernel {
                for c in 0..channels {
                    factors.extend(outputs.iter().map(|&output| filters.at(output, Some(c), u * kernel + v)));
                }
            }
        }
        let bias = filters.bias(outputs);
        Ok(Stem { factors, bias, channels, outputs: outputs.len(), kernel, stride })
    }

    pub(super) fn bytes(&self) -> usize {
        (self.factors.len() + self.bias.as_ref().map_or(0, Vec::len)) * size_of::<f32>()
    }

    /// Columns of zeros, of pixels and of zeros again that windows cover.
    fn columns(&self, to: Layout) -> usize {
        (to.width - 1) * self.stride + self.kernel
    }

    /// Elements of scratch that a thread needs.
    pub(super) fn scratch(&self, to: Layout) -> usize {
        self.columns(to) * self.kernel * self.channels
    }

    /// `size` is that of the images, `[channels, height, width]` each, with rows of zeros above and columns of zeros to the left.
    pub(super) fn run(
        &self,
        work: &Work,
        (source, [height, width], padding): (&[f32], [usize; 2], [usize; 2]),
        (target, to): (&mut [f32], Layout),
    ) {
        let image = self.channels * height * width;
        let columns = self.columns(to);
        let inputs = self.kernel * self.kernel * self.channels;
        work.each_chunk(&mut target[..to.elements()], to.width * to.step, |index, target, scratch| {
            let (of, row) = (index / to.height, index % to.height);
            let source = &source[of * image..][..image];
            let scratch = &mut scratch[..columns * self.kernel * self.channels];
            self.interleave(source, [height, width], padding, row, scratch);
            let target = &mut target[to.start..];
            if let Some(bias) = &self.bias {
                repeat(bias, target, to.step, to.width);
            }
            let step = self.stride * self.kernel * self.channels;
            for first in (0..inputs).step_by(MOST_INPUTS) {
                let inputs = MOST_INPUTS.min(inputs - first);
                let factors = Factors { values: &self.factors[first * self.outputs..], inputs, outputs: self.outputs };
                let before = if first == 0 && self.bias.is_none() { Target::Replaced } else { Target::Kept };
                product(factors, Rows { values: &scratch[first..], step, count: to.width }, target, to.step, before);
            }
            if self.bias.is_some() {
                work.cpu.vectorised(Rectify { target, step: to.step, channels: self.outputs, count: to.width });
            }
        });
    }

    /// The lines that one row of results reads: `[columns, kernel rows, channels]`.
    fn interleave(
        &self,
        source: &[f32],
        [height, width]: [usize; 2],
        padding: [usize; 2],
        row: usize,
        target: &mut [f32],
    ) {
        let Stem { channels, kernel, stride, .. } = *self;
        let pixel = kernel * channels;
        for u in 0..kernel {
            let y = (row * stride + u).checked_sub(padding[0]).filter(|y| *y < height);
            for c in 0..channels {
                let line = y.map(|y| &source[(c * height + y) * width..][..width]);
                let places = target[u * channels + c..].iter_mut().step_by(pixel);
                let Some(line) = line else {
                    places.for_each(|place| *place = 0.0);
                    continue;
                };
                let zeros = std::iter::repeat_n(&0.0, padding[1]);
                let values = zeros.chain(line).chain(std::iter::repeat(&0.0));
                places.zip(values).for_each(|(place, value)| *place = *value);
            }
        }
    }
}
