//! How far f32 arithmetic may be from the exact result: rounding errors followed through the network.
//!
//! A bound that always holds is of no use here: it takes every rounding error at its worst, multiplies by `sum |w|` in
//! each of a hundred layers, and allows anything. Errors of different sums are independent in practice, so variances
//! add (Higham & Mary, "A New Approach to Probabilistic Rounding Error Analysis", 2019). For each channel of each image
//! this file follows the variance `v` of the error:
//!
//! - A sum `y = b + sum over i of w[i] * x[i]` in f32 adds errors of about `u * (|b| + sum |w[i]| * r[i])`, where `u` is
//!   2^-24 and `r[i]` the root mean square of channel `i`. For terms of either sign that is the deviation of a sum of any
//!   length, since partial sums then grow with its root. Where all terms have the same sign it falls short by up to a
//!   third of the root of the length.
//! - It passes on `sum w[i]^2 * a[i] * v[i]`, where `a[i]` is the share of channel `i` that is not 0: a ReLU stops errors
//!   where it is 0.
//! - Weights stored as f16 are off by up to 2^-11 of themselves, each on its own: `sum (w[i] * r[i] * 2^-11)^2`.
//! - A batch norm `y = s * x + t` passes on `s^2 * v` and adds `u * (|s| * r + |t|)`.
//! - ReLU and maximum add nothing. A mean passes on no more than the mean of `v`, since errors of neighbours may be alike.
//!
//! What is tolerated is a multiple of the root of `v` ([`MARGIN`]).

use super::maps::Maps;
use crate::architecture::HeadLayer;
use crate::precision::Precision;
use crate::threads;
use crate::weights::Tensor;

/// The tolerance in standard deviations. Five are exceeded once in a million values; the rest is for what the model
/// leaves out: sums whose terms all have the same sign, pixels that are brighter than their channel's mean.
const MARGIN: f64 = 16.0;

/// How many units of roundoff an exponential of f32, and what is made of one, may be off by, as a deviation.
const EXPONENTIAL: f64 = 4.0;

/// Unit roundoff of f32 and of f16.
const F32: f64 = 1.0 / (1u32 << 24) as f64;
const F16: f64 = 1.0 / (1u32 << 11) as f64;

/// The variance of the rounding error of one channel of one image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Variance {
    /// With weights as they are.
    whole: f64,
    /// With weights stored as f16.
    half: f64,
}

impl Variance {
    /// Scaled by `scale`, and a deviation of `added` more.
    fn scaled(self, scale: f64, added: f64) -> Variance {
        Variance { whole: scale * self.whole + added * added, half: scale * self.half + added * added }
    }
}

/// The rounding errors of feature maps: one variance for each channel of each image.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rounding {
    channels: usize,
    planes: Vec<Variance>,
}

/// What a sum needs to know of a channel.
struct Channel {
    /// Mean of the squares.
    square: f64,
    /// Share of the pixels that are not 0; at least one counts, since rounding may lift a value just below 0 above it.
    active: f64,
}

fn channel(plane: &[f64]) -> Channel {
    let pixels = plane.len() as f64;
    let (squares, active) = plane.iter().fold((0.0, 0usize), |(sum, n), x| (sum + x * x, n + usize::from(*x != 0.0)));
    Channel { square: squares / pixels, active: active.max(1) as f64 / pixels }
}

impl Rounding {
    /// The input is what it is.
    pub(super) fn none(image: &Maps) -> Rounding {
        Rounding { channels: image.channels, planes: vec![Variance::default(); image.images * image.channels] }
    }

    pub(super) fn tolerances(&self, precision: Precision) -> Vec<f64> {
        let variance = |plane: &Variance| match precision {
            Precision::F32 => plane.whole,
            Precision::F16 => plane.half,
        };
        self.planes.iter().map(|plane| MARGIN * variance(plane).sqrt()).collect()
    }

    /// Of `sum w x + bias`: a convolution, or the classifier. `self` is that of `x`.
    pub(super) fn of_sums(&self, x: &Maps, weight: &Tensor, bias: Option<&Tensor>) -> Rounding {
        let outputs = weight.shape[0];
        let window = weight.data.len() / (outputs * x.channels);
        let channels: Vec<Channel> = threads::map(x.data.chunks(x.height * x.width).collect(), channel);
        let plane = |index: usize| {
            let (image, output) = (index / outputs, index % outputs);
            let mut passed_on = Variance::default();
            let mut size = bias.map_or(0.0, |bias| f64::from(bias.data[output]).abs());
            let row = &weight.data[output * x.channels * window..][..x.channels * window];
            for (input, kernel) in row.chunks(window).enumerate() {
                let (channel, before) =
                    (&channels[image * x.channels + input], self.planes[image * x.channels + input]);
                let squares: f64 = kernel.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
                passed_on.whole += squares * channel.active * before.whole;
                passed_on.half += squares * (channel.active * before.half + F16 * F16 * channel.square);
                size += kernel.iter().map(|&w| f64::from(w).abs()).sum::<f64>() * channel.square.sqrt();
            }
            passed_on.scaled(1.0, F32 * size)
        };
        Rounding { channels: outputs, planes: threads::map((0..x.images * outputs).collect(), plane) }
    }

    /// Of `scale * x + shift`, a number of each for every channel: a batch norm.
    pub(super) fn of_affine(&self, x: &Maps, scale: impl Fn(usize) -> f64, shift: impl Fn(usize) -> f64) -> Rounding {
        let planes = self.planes.iter().zip(x.data.chunks(x.height * x.width)).enumerate();
        let planes = planes.map(|(index, (before, plane))| {
            let (scale, shift) = (scale(index % x.channels), shift(index % x.channels));
            before.scaled(scale * scale, F32 * (scale.abs() * channel(plane).square.sqrt() + shift.abs()))
        });
        Rounding { channels: self.channels, planes: planes.collect() }
    }

    /// Of means over 2x2 pixels.
    pub(super) fn of_average_pool(&self, x: &Maps) -> Rounding {
        let planes = self.planes.iter().zip(x.data.chunks(x.height * x.width));
        let planes = planes.map(|(before, plane)| before.scaled(1.0, F32 * channel(plane).square.sqrt()));
        Rounding { channels: self.channels, planes: planes.collect() }
    }

    /// Of means over all pixels.
    pub(super) fn of_global_pool(&self, x: &Maps) -> Rounding {
        let planes = self.planes.iter().zip(x.data.chunks(x.height * x.width));
        let planes = planes.map(|(before, plane)| {
            let Channel { square, active } = channel(plane);
            before.scaled(active, F32 * square.sqrt())
        });
        Rounding { channels: self.channels, planes: planes.collect() }
    }

    /// Where every one of `pixels` pixels becomes a channel.
    pub(super) fn flattened(&self, pixels: usize) -> Rounding {
        let planes = self.planes.iter().flat_map(|plane| std::iter::repeat_n(*plane, pixels)).collect();
        Rounding { channels: self.channels * pixels, planes }
    }

    /// Of an activation of a vector: `y` from `x`.
    ///
    /// The slope of those here is at most 1.13. Exponentials are exact to some units in the last place of their argument, and
    /// the error function is a polynomial: [`EXPONENTIAL`] of the range of results.
    pub(super) fn of_activation(&self, x: &Maps, y: &Maps, layer: HeadLayer) -> Rounding {
        let (slope, added): (f64, f64) = match layer {
            HeadLayer::Relu => return self.clone(),
            HeadLayer::LeakyRelu { .. } => (1.0, 1.0),
            _ => (1.13, EXPONENTIAL),
        };
        let rows = self.planes.chunks(self.channels).zip(x.data.chunks(x.channels).zip(y.data.chunks(y.channels)));
        let planes = rows.flat_map(|(before, (x, y))| {
            // Softmax's sum mixes the errors of all channels.
            let mixed = match layer {
                HeadLayer::Softmax | HeadLayer::LogSoftmax => before.iter().fold(Variance::default(), |most, plane| {
                    Variance { whole: most.whole.max(plane.whole), half: most.half.max(plane.half) }
                }),
                _ => Variance::default(),
            };
            let values = before.iter().zip(x.iter().zip(y));
            let values = values.map(|(before, (x, y))| {
                let size = match layer {
                    HeadLayer::LogSoftmax => 1.0 + x.abs() + y.abs(),
                    HeadLayer::LeakyRelu { .. } => y.abs(),
                    HeadLayer::Gelu | HeadLayer::GeluTanh | HeadLayer::Silu => x.abs(),
                    _ => 1.0,
                };
                let own = before.scaled(slope * slope, F32 * added * size);
                Variance { whole: own.whole + mixed.whole, half: own.half + mixed.half }
            });
            values.collect::<Vec<_>>()
        });
        Rounding { channels: self.channels, planes: planes.collect() }
    }

    /// Channels of `self`, then those of `new`.
    pub(super) fn concatenate(&self, new: &Rounding) -> Rounding {
        let images = self.planes.chunks(self.channels).zip(new.planes.chunks(new.channels));
        let planes = images.flat_map(|(before, new)| [before, new].concat()).collect();
        Rounding { channels: self.channels + new.channels, planes }
    }
}
