//! The head: fully connected layers, norms and activations of vectors, softmax.

use super::affine::ChannelMap;
use super::layout::Layout;
use super::pixels::repeat;
use super::product::{Factors, Rows, Target, product};
use super::work::{Work, part};
use crate::error::Result;
use crate::plan::Elementwise;
use crate::weights::Weights;
use crate::weights::fold::{chain, fold_linear};

/// Outputs that are packed and computed together.
const BLOCK: usize = 64;
/// Images that are computed together.
const IMAGES: usize = 4;

/// An activation of one value.
fn activate(activation: Elementwise, x: f32) -> f32 {
    let x = f64::from(x);
    let y = match activation {
        Elementwise::Identity => x,
        Elementwise::LeakyRelu { slope } if x < 0.0 => f64::from(slope) * x,
        Elementwise::LeakyRelu { .. } => x,
        Elementwise::Gelu => 0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2)),
        Elementwise::GeluTanh => {
            let inner = (2.0 * std::f64::consts::FRAC_1_PI).sqrt() * (x + 0.044715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
        Elementwise::Silu => x / (1.0 + (-x).exp()),
        Elementwise::Tanh => x.tanh(),
        Elementwise::Sigmoid => 1.0 / (1.0 + (-x).exp()),
    };
    y as f32
}

/// A fully connected layer: `y[o] = f(b[o] + sum over i of w[o][i] * x[i])`.
#[derive(Debug)]
pub(super) struct Linear {
    /// Blocks of [`BLOCK`] outputs, each `[inputs, outputs of the block]`.
    factors: Vec<f32>,
    bias: Vec<f32>,
    inputs: usize,
    /// Outputs without padding.
    outputs: usize,
    activation: Elementwise,
}

/// A linear layer's parameters by name, and the norms around it.
pub(super) struct LinearParts<'a> {
    pub(super) weight: &'a str,
    pub(super) bias: &'a str,
    pub(super) before: &'a [String],
    pub(super) behind: &'a [String],
}

impl Linear {
    /// `pixels` is 1 for a vector, and more where it reads feature maps whole, in PyTorch's order: channel by channel.
    pub(super) fn new(
        weights: &Weights,
        parts: LinearParts<'_>,
        activation: Elementwise,
        channels: &ChannelMap,
        pixels: usize,
    ) -> Result<Linear> {
        let LinearParts { weight, bias, before, behind } = parts;
        let (values, bias) = fold_linear(weights, weight, bias, before, behind)?;
        let outputs = bias.len();
        let columns = values.len() / outputs;
        let mut factors = Vec::with_capacity(outputs * pixels * channels.len());
        let all: Vec<usize> = (0..outputs).collect();
        for block in all.chunks(BLOCK) {
            for pixel in 0..pixels {
                for channel in channels {
                    let at = |o: &usize| channel.map_or(0.0, |c| values[o * columns + c * pixels + pixel]);
                    factors.extend(block.iter().map(at));
                }
            }
        }
        Ok(Linear { factors, bias, inputs: pixels * channels.len(), outputs, activation })
    }

    pub(super) fn bytes(&self) -> usize {
        (self.factors.len() + self.bias.len()) * size_of::<f32>()
    }

    pub(super) fn run(&self, work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let image = from.height * from.width * from.step;
        let step = to.step;
        let block = |index: usize, rows: Rows<'_>, target: &mut [f32]| {
            let width = BLOCK.min(self.outputs - index * BLOCK);
            let bias = &self.bias[index * BLOCK..][..width];
            repeat(bias, target, step, rows.count);
            let values = &self.factors[index * BLOCK * self.inputs..];
            product(Factors { values, inputs: self.inputs, outputs: width }, rows, target, step, Target::Kept);
            for row in target.chunks_mut(step).take(rows.count) {
                row[..width].iter_mut().for_each(|value| *value = activate(self.activation, *value));
            }
        };
        if from.images == 1 {
            let rows = Rows { values: &source[from.start..], step: image, count: 1 };
            let (values, pads) = target[to.start..][..to.channels].split_at_mut(self.outputs);
            pads.fill(0.0);
            return work.each_chunk(values, BLOCK, |index, target, _| block(index, rows, target));
        }
        let images = part(from.images, IMAGES);
        work.each_chunk(&mut target[..to.elements()], images * step, |index, target, _| {
            let count = target.len() / step;
            let rows = Rows { values: &source[index * images * image + from.start..], step: image, count };
            let target = &mut target[to.start..];
            for index in 0..self.outputs.div_ceil(BLOCK) {
                block(index, rows, &mut target[index * BLOCK..]);
            }
            target.chunks_mut(step).take(count).for_each(|row| row[self.outputs..to.channels].fill(0.0));
        });
    }
}

/// Batch norms of a vector that no linear layer takes in, then an activation.
#[derive(Debug)]
pub(super) struct Vector {
    /// Scale and shift of each channel; none where a channel only pads.
    norms: Vec<Option<[f64; 2]>>,
    activation: Elementwise,
}

impl Vector {
    pub(super) fn new(
        weights: &Weights,
        norms: &[String],
        activation: Elementwise,
        channels: &ChannelMap,
        pixels: usize,
    ) -> Result<Vector> {
        let (scale, shift) = chain(weights, norms, channels.iter().flatten().count() * pixels)?;
        let place = |pixel: usize| channels.iter().map(move |c| c.map(|c| c * pixels + pixel));
        let norms = (0..pixels).flat_map(place).map(|at| at.map(|at| [scale[at], shift[at]])).collect();
        Ok(Vector { norms, activation })
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.norms[..])
    }

    pub(super) fn run(&self, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let image = to.height * to.width * to.step;
        for (of, target) in target[..to.elements()].chunks_mut(image).enumerate() {
            let source = &source[of * image / to.step * from.step..];
            let pixels = target.chunks_mut(to.step).zip(source.chunks(from.step));
            for ((pixel, values), norms) in pixels.zip(self.norms.chunks(to.channels)) {
                let values = &values[from.start..];
                for ((value, x), norm) in pixel[to.start..].iter_mut().zip(values).zip(norms) {
                    *value = norm.map_or(0.0, |[scale, shift]| {
                        activate(self.activation, (scale * f64::from(*x) + shift) as f32)
                    });
                }
            }
        }
    }
}

/// Softmax over a vector, or its logarithm.
#[derive(Debug)]
pub(super) struct Softmax {
    pub(super) log: bool,
    /// Whether a channel is one, or only pads.
    pub(super) channels: Vec<bool>,
}

impl Softmax {
    /// A vector may be feature maps that the head reads whole.
    pub(super) fn run(&self, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let pixels = to.height * to.width;
        let images = target[..to.elements()].chunks_mut(pixels * to.step);
        for (target, source) in images.zip(source.chunks(pixels * from.step)) {
            let real = || {
                let values = source.chunks(from.step).flat_map(|pixel| pixel[from.start..].iter().zip(&self.channels));
                values.filter(|(_, real)| **real).map(|(x, _)| f64::from(*x))
            };
            let largest = real().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = real().map(|x| (x - largest).exp()).sum();
            for (target, source) in target.chunks_mut(to.step).zip(source.chunks(from.step)) {
                let pixel = target[to.start..][..to.channels].iter_mut().zip(&source[from.start..]);
                for ((value, x), real) in pixel.zip(&self.channels) {
                    let x = f64::from(*x) - largest;
                    let y = if self.log { x - sum.ln() } else { x.exp() / sum };
                    *value = if *real { y as f32 } else { 0.0 };
                }
            }
        }
    }
}
