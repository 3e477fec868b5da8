//! 3x3 convolution with a border of zeros, by Winograd's minimal filtering F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015).
//!
//! A tile of 2x2 results reads 4x4 pixels `d`. With the 3x3 filter `g`, for each pair of channels,
//!
//! ```text
//! Y = A^T [ (G g G^T) * (B^T d B) ] A,    * element by element
//!
//!       1  0 -1  0          1    0    0
//! B^T = 0  1  1  0      G = 1/2  1/2  1/2      A^T = 1  1  1  0
//!       0 -1  1  0          1/2 -1/2  1/2            0  1 -1 -1
//!       0  1  0 -1          0    0    1
//! ```
//!
//! so that 16 multiplications do for 36. Sums over input channels are taken before `A`, which makes 16 products of matrices,
//! one for each element: tiles by input channels, times input by output channels.

use super::affine::{ChannelMap, Norm};
use super::filters::Filters;
use super::layout::Layout;
use super::pixels::Normalise;
use super::product::{Factors, Rows, Target, product};
use super::winograd::{Gather, PLACES, Spread, plane, transform_filter};
use super::work::{Work, part};
use crate::error::Result;
use crate::weights::Weights;

/// Input channels of one round: more are added up in several.
const MOST_CHANNELS: usize = 256;
/// Tiles that are transformed and multiplied together.
const TILES: usize = 28;

/// A 3x3 convolution's transformed weights.
#[derive(Debug)]
pub(super) struct Convolution {
    norm: Option<Norm>,
    /// Rounds of [`MOST_CHANNELS`] inputs, each `[16, inputs of the round, outputs]`.
    factors: Vec<f32>,
    inputs: usize,
    outputs: usize,
}

impl Convolution {
    pub(super) fn new(
        weights: &Weights,
        weight: &str,
        norm: Option<&str>,
        inputs: &ChannelMap,
        outputs: &ChannelMap,
    ) -> Result<Convolution> {
        let filters = Filters::new(weights, weight, None)?;
        let mut factors = vec![0.0; PLACES * inputs.len() * outputs.len()];
        for (round, channels) in inputs.chunks(MOST_CHANNELS).enumerate() {
            let start = round * MOST_CHANNELS * PLACES * outputs.len();
            for (i, &input) in channels.iter().enumerate() {
                for (o, &output) in outputs.iter().enumerate() {
                    let filter = std::array::from_fn(|place| filters.at(output, input, place));
                    for (place, factor) in transform_filter(filter).into_iter().enumerate() {
                        factors[start + (place * channels.len() + i) * outputs.len() + o] = factor;
                    }
                }
            }
        }
        let norm = norm.map(|name| Norm::new(weights, name, inputs)).transpose()?;
        Ok(Convolution { norm, factors, inputs: inputs.len(), outputs: outputs.len() })
    }

    pub(super) fn bytes(&self) -> usize {
        self.factors.len() * size_of::<f32>() + self.norm.as_ref().map_or(0, Norm::bytes)
    }

    /// How maps of a size are cut.
    fn bands(&self, height: usize, width: usize) -> Bands {
        let (rows, across) = (height.div_ceil(2), width.div_ceil(2));
        let rows = part(rows, (TILES / across).clamp(1, rows.div_ceil(2)));
        Bands { rows, across, channels: self.inputs.min(MOST_CHANNELS) }
    }

    /// Elements of scratch that a thread needs.
    pub(super) fn scratch(&self, height: usize, width: usize) -> usize {
        let bands = self.bands(height, width);
        let activated = if self.norm.is_some() { bands.activated(width) } else { 0 };
        let planes = [bands.channels, self.outputs].map(|values| PLACES * plane(bands.tiles() * values));
        planes[0] + planes[1] + bands.channels + activated
    }

    pub(super) fn run(&self, work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let (height, width) = (from.height, from.width);
        let bands = self.bands(height, width);
        let image = height * width;
        let lines = 2 * bands.rows;
        let of_image = height.div_ceil(lines);
        let run = |index: usize, target: &mut [f32], scratch: &mut [f32]| {
            let (of, first) = (index / of_image, index % of_image * bands.rows);
            let source = &source[of * image * from.step..][..image * from.step];
            let band = Bands { rows: bands.rows.min(height.div_ceil(2) - first), ..bands };
            self.run_band(work, (source, from), (target, to), (first, band), scratch);
        };
        let target = &mut target[..to.elements()];
        let band = lines * width * to.step;
        if height % lines == 0 || from.images == 1 {
            work.each_chunk(target, band, run);
        } else {
            // Bands of equal size would hold lines of two images.
            work.each_chunk(target, image * to.step, |of, target, scratch| {
                let bands = target.chunks_mut(band).enumerate();
                bands.for_each(|(index, band)| run(of * of_image + index, band, scratch));
            });
        }
    }

    /// A band of one image from its row `first` of tiles on. `target` begins with the band's first row of pixels.
    fn run_band(
        &self,
        work: &Work,
        (source, from): (&[f32], Layout),
        (target, to): (&mut [f32], Layout),
        (first, band): (usize, Bands),
        scratch: &mut [f32],
    ) {
        let (rows, tiles) = (band.rows, band.tiles());
        let (zeros, scratch) = scratch.split_at_mut(band.channels);
        let (spread, scratch) = scratch.split_at_mut(PLACES * plane(tiles * band.channels));
        let (products, activated) = scratch.split_at_mut(PLACES * plane(tiles * self.outputs));
        zeros.fill(0.0);
        for start in (0..self.inputs).step_by(MOST_CHANNELS) {
            let channels = MOST_CHANNELS.min(self.inputs - start);
            let mut map = Spread {
                source: &source[from.start + start..],
                step: from.step,
                top: 0,
                height: from.height,
                width: from.width,
                first,
                rows,
                channels,
                zeros,
                target: &mut *spread,
            };
            if let Some(norm) = &self.norm {
                map.top = (2 * first).saturating_sub(1);
                let bottom = (2 * (first + rows) + 1).min(from.height);
                let pixels = (bottom - map.top) * from.width;
                let activated = &mut activated[..pixels * channels];
                work.cpu.vectorised(Normalise {
                    rectified: true,
                    source: &source[map.top * from.width * from.step + from.start + start..],
                    source_step: from.step,
                    norm: norm.part(start, channels),
                    count: pixels,
                    target: &mut *activated,
                    target_step: channels,
                });
                (map.source, map.step) = (activated, channels);
            }
            work.cpu.vectorised(map);
            let before = if start == 0 { Target::Replaced } else { Target::Kept };
            let factors = &self.factors[start * PLACES * self.outputs..];
            for place in 0..PLACES {
                let values = &spread[place * plane(tiles * channels)..];
                let factors = &factors[place * channels * self.outputs..];
                let factors = Factors { values: factors, inputs: channels, outputs: self.outputs };
                let target = &mut products[place * plane(tiles * self.outputs)..];
                product(factors, Rows { values, step: channels, count: tiles }, target, self.outputs, before);
            }
        }
        let gather = Gather {
            products,
            outputs: self.outputs,
            tiles,
            across: band.across,
            width: to.width,
            step: to.step,
            target: &mut target[to.start..],
        };
        work.cpu.vectorised(gather);
    }
}

/// How feature maps are cut: into bands of rows of tiles.
#[derive(Clone, Copy)]
struct Bands {
    /// Rows of tiles of a band.
    rows: usize,
    /// Tiles of a row.
    across: usize,
    /// Channels of a round.
    channels: usize,
}

impl Bands {
    fn tiles(&self) -> usize {
        self.rows * self.across
    }

    /// Elements of the pre-activated pixels that a band reads.
    fn activated(&self, width: usize) -> usize {
        (2 * self.rows + 2) * width * self.channels
    }
}
