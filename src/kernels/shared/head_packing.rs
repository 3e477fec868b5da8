//! The head's weights as its kernels read them.

use crate::error::Result;
use crate::kernels::packing::{ChannelMap, Filters, Recipe, Shapes, padded};
use crate::weights::Weights;

/// How parameters are laid out for the head.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadPacking {
    /// A linear layer's weight as `[C/4, K/4]` matrices of `[c, k]`, with the norms around it folded in.
    Matrix {
        /// Parameter name.
        weight: String,
        /// Norms of the input.
        before: Vec<String>,
        /// Norms of the output.
        behind: Vec<String>,
        /// Channels of the source.
        inputs: ChannelMap,
    },
    /// Its bias as `[K/4]` quads, with the norms around it folded in.
    Bias {
        /// Parameter name of the weight.
        weight: String,
        /// Parameter name.
        bias: String,
        /// Norms of the input.
        before: Vec<String>,
        /// Norms of the output.
        behind: Vec<String>,
    },
    /// Norms of a vector as `[C/4, 3]` quads: scale, shift, and 1; all 0 where a channel only pads.
    Norms {
        /// The norms, in order; none of them is an identity.
        norms: Vec<String>,
        /// Channels of the source.
        inputs: ChannelMap,
    },
}

/// `y = scale * x + shift`, for each channel, in f64.
struct Affine {
    scale: Vec<f64>,
    shift: Vec<f64>,
}

impl Affine {
    /// Norms of a vector of so many channels, one after the other.
    fn of(weights: &Weights, norms: &[String], channels: usize) -> Result<Affine> {
        let mut all = Affine { scale: vec![1.0; channels], shift: vec![0.0; channels] };
        for norm in norms {
            let (scale, shift) = weights.affine_f64(norm)?;
            for c in 0..channels {
                all.scale[c] *= scale[c];
                all.shift[c] = all.shift[c] * scale[c] + shift[c];
            }
        }
        Ok(all)
    }
}

impl Recipe for HeadPacking {
    fn values(&self, weights: &Weights) -> Result<Vec<f32>> {
        match self {
            HeadPacking::Matrix { weight, before, behind, inputs } => {
                let tensor = weights.tensor(weight)?;
                let (outputs, channels) = (tensor.shape[0], tensor.shape[1]);
                let before = Affine::of(weights, before, channels)?;
                let behind = Affine::of(weights, behind, outputs)?;
                let scaled = |(at, w): (usize, &f32)| {
                    (behind.scale[at / channels] * f64::from(*w) * before.scale[at % channels]) as f32
                };
                let values: Vec<f32> = tensor.data.iter().enumerate().map(scaled).collect();
                Ok(matrix(&Filters::new(tensor, &values), inputs))
            }
            HeadPacking::Bias { weight, bias, before, behind } => {
                let (tensor, bias) = (weights.tensor(weight)?, &weights.tensor(bias)?.data);
                let (outputs, channels) = (tensor.shape[0], tensor.shape[1]);
                let before = Affine::of(weights, before, channels)?;
                let behind = Affine::of(weights, behind, outputs)?;
                let value = |(k, row): (usize, &[f32])| {
                    let passed: f64 = row.iter().zip(&before.shift).map(|(w, shift)| f64::from(*w) * shift).sum();
                    (behind.scale[k] * (f64::from(bias[k]) + passed) + behind.shift[k]) as f32
                };
                Ok(padded(tensor.data.chunks_exact(channels).enumerate().map(value).collect(), 4))
            }
            HeadPacking::Norms { norms, inputs } => {
                let affine = Affine::of(weights, norms, inputs.iter().flatten().count())?;
                let mut packed = Vec::with_capacity(3 * inputs.len());
                for quad in inputs.chunks_exact(4) {
                    packed.extend(quad.iter().map(|input| input.map_or(0.0, |c| affine.scale[c] as f32)));
                    packed.extend(quad.iter().map(|input| input.map_or(0.0, |c| affine.shift[c] as f32)));
                    packed.extend(quad.iter().map(|input| f32::from(u8::from(input.is_some()))));
                }
                Ok(packed)
            }
        }
    }

    fn elements(&self, shapes: &Shapes) -> Result<usize> {
        Ok(match self {
            HeadPacking::Matrix { weight, inputs, .. } => shapes.of(weight)?[0].next_multiple_of(4) * inputs.len(),
            HeadPacking::Bias { bias, .. } => shapes.of(bias)?[0].next_multiple_of(4),
            HeadPacking::Norms { inputs, .. } => 3 * inputs.len(),
        })
    }

    fn may_be_f16(&self) -> bool {
        matches!(self, HeadPacking::Matrix { .. })
    }
}

fn matrix(weight: &Filters<'_>, inputs: &ChannelMap) -> Vec<f32> {
    let mut packed = Vec::with_capacity(weight.outputs.next_multiple_of(4) * inputs.len());
    for quad in inputs.chunks_exact(4) {
        for first in (0..weight.outputs).step_by(4) {
            for &input in quad {
                packed.extend((first..first + 4).map(|output| weight.at(output, input, 0)));
            }
        }
    }
    packed
}
