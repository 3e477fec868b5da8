//! The head's weights as its kernels read them.

use crate::error::Result;
use crate::kernels::packing::{ChannelMap, Filters, Recipe, Shapes, padded};
use crate::weights::Weights;
use crate::weights::fold::{chain, fold_linear};

/// How parameters are laid out for the head.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadPacking {
    /// A linear layer's weight as `[C/4, K/4]` matrices of `[c, k]`, with the norms around it folded in.
    Matrix {
        /// Parameter name.
        weight: String,
        /// Parameter name of the bias.
        bias: String,
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

impl Recipe for HeadPacking {
    fn values(&self, weights: &Weights) -> Result<Vec<f32>> {
        match self {
            HeadPacking::Matrix { weight, bias, before, behind, inputs } => {
                let (values, _) = fold_linear(weights, weight, bias, before, behind)?;
                Ok(matrix(&Filters::new(weights.tensor(weight)?, &values), inputs))
            }
            HeadPacking::Bias { weight, bias, before, behind } => {
                Ok(padded(fold_linear(weights, weight, bias, before, behind)?.1, 4))
            }
            HeadPacking::Norms { norms, inputs } => {
                let (scale, shift) = chain(weights, norms, inputs.iter().flatten().count())?;
                let mut packed = Vec::with_capacity(3 * inputs.len());
                for quad in inputs.chunks_exact(4) {
                    packed.extend(quad.iter().map(|input| input.map_or(0.0, |c| scale[c] as f32)));
                    packed.extend(quad.iter().map(|input| input.map_or(0.0, |c| shift[c] as f32)));
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
