//! Packed weights: recipes that name parameters, and the arrays they yield.
//!
//! A recipe depends on the architecture and the family, never on the batch or the input size: a new session uploads
//! nothing.

use crate::error::Result;
use crate::weights::fold::{Affine, fold_into};
use crate::weights::{Tensor, Weights};

/// Output channels of one tile of a convolution.
pub(super) const TILE: usize = 16;

/// For each padded channel of a tensor, which channel of the parameter it is.
pub(super) type ChannelMap = Vec<Option<usize>>;

/// One array of a dispatch, f32.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeight {
    /// For people and labels: the step and what it is.
    pub label: String,
    /// How it is made.
    pub packing: Packing,
}

/// How a parameter is laid out for a kernel.
#[derive(Clone, Debug, PartialEq)]
pub enum Packing {
    /// A convolution's weight as `[K/16, C/4, window, 4 (quad of K)]` matrices of `[c, k]`, a norm behind it folded.
    Tiles {
        /// Parameter name.
        weight: String,
        /// Norm to fold.
        folded: Option<String>,
        /// Channels of the source.
        inputs: ChannelMap,
    },
    /// The stem's weight as `[K/16, C, window]` matrices of `[quad of K, k]`, a norm behind it folded.
    StemTiles {
        /// Parameter name.
        weight: String,
        /// Norm to fold.
        folded: Option<String>,
    },
    /// The bias that folding leaves, or zeros, as `[K/4]` quads, padded to whole tiles.
    Bias {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// The folded norm.
        folded: Option<String>,
    },
    /// A batch norm as `[C/4, 2]` quads: scale, shift. Identity where there is none, 0 and 0 where there is no channel.
    Norm {
        /// The norm, or none.
        norm: Option<String>,
        /// Channels of the source.
        inputs: ChannelMap,
    },
    /// The classifier's weight as `[C/4, K/4]` matrices of `[c, k]`.
    Linear {
        /// Parameter name.
        weight: String,
        /// Channels of the source.
        inputs: ChannelMap,
    },
    /// A vector padded to whole quads.
    Vector {
        /// Parameter name.
        name: String,
    },
}

impl PackedWeight {
    /// Makes the array.
    ///
    /// # Errors
    /// [`crate::Error::Weights`] where a parameter is missing.
    pub fn pack(&self, weights: &Weights) -> Result<Vec<f32>> {
        match &self.packing {
            Packing::Tiles { weight, folded, inputs } => {
                let (values, _) = folded_convolution(weights, weight, folded)?;
                Ok(tiles(weights.tensor(weight)?, &values, inputs))
            }
            Packing::StemTiles { weight, folded } => {
                let (values, _) = folded_convolution(weights, weight, folded)?;
                Ok(stem_tiles(weights.tensor(weight)?, &values))
            }
            Packing::Bias { weight, folded } => {
                let (_, mut bias) = folded_convolution(weights, weight, folded)?;
                bias.resize(bias.len().next_multiple_of(TILE), 0.0);
                Ok(bias)
            }
            Packing::Norm { norm, inputs } => {
                let affine = norm.as_ref().map(|name| weights.affine(name)).transpose()?;
                Ok(norm_quads(affine.as_ref(), inputs))
            }
            Packing::Linear { weight, inputs } => Ok(linear(weights.tensor(weight)?, inputs)),
            Packing::Vector { name } => {
                let mut values = weights.tensor(name)?.data.clone();
                values.resize(values.len().next_multiple_of(4), 0.0);
                Ok(values)
            }
        }
    }
}

/// Weight and bias of a convolution after folding the norm behind it, if there is one.
fn folded_convolution(weights: &Weights, weight: &str, folded: &Option<String>) -> Result<(Vec<f32>, Vec<f32>)> {
    let tensor = weights.tensor(weight)?;
    Ok(match folded {
        Some(norm) => fold_into(tensor, &weights.affine(norm)?),
        None => (tensor.data.clone(), vec![0.0; tensor.shape[0]]),
    })
}

fn tiles(tensor: &Tensor, values: &[f32], inputs: &ChannelMap) -> Vec<f32> {
    let [outputs, channels, rows, columns] = tensor.shape[..] else { unreachable!("validated by Weights") };
    let window = rows * columns;
    let mut packed = Vec::with_capacity(outputs.next_multiple_of(TILE) * inputs.len() * window);
    for tile in 0..outputs.div_ceil(TILE) {
        for quad in inputs.chunks_exact(4) {
            for place in 0..window {
                for k_quad in 0..TILE / 4 {
                    for input in quad {
                        for k in 0..4 {
                            let output = tile * TILE + k_quad * 4 + k;
                            packed.push(match input {
                                Some(c) if output < outputs => values[(output * channels + c) * window + place],
                                _ => 0.0,
                            });
                        }
                    }
                }
            }
        }
    }
    packed
}

fn stem_tiles(tensor: &Tensor, values: &[f32]) -> Vec<f32> {
    let [outputs, channels, rows, columns] = tensor.shape[..] else { unreachable!("validated by Weights") };
    let taps = channels * rows * columns;
    let mut packed = Vec::with_capacity(outputs.next_multiple_of(TILE) * taps);
    for tile in 0..outputs.div_ceil(TILE) {
        for tap in 0..taps {
            packed.extend((tile * TILE..(tile + 1) * TILE).map(|output| match output < outputs {
                true => values[output * taps + tap],
                false => 0.0,
            }));
        }
    }
    packed
}

fn norm_quads(affine: Option<&Affine>, inputs: &ChannelMap) -> Vec<f32> {
    let scale = |input: &Option<usize>| input.map_or(0.0, |c| affine.map_or(1.0, |affine| affine.scale[c]));
    let shift = |input: &Option<usize>| input.map_or(0.0, |c| affine.map_or(0.0, |affine| affine.shift[c]));
    let mut packed = Vec::with_capacity(2 * inputs.len());
    for quad in inputs.chunks_exact(4) {
        packed.extend(quad.iter().map(scale));
        packed.extend(quad.iter().map(shift));
    }
    packed
}

fn linear(tensor: &Tensor, inputs: &ChannelMap) -> Vec<f32> {
    let [outputs, channels] = tensor.shape[..] else { unreachable!("validated by Weights") };
    let mut packed = Vec::with_capacity(outputs.next_multiple_of(4) * inputs.len());
    for quad in inputs.chunks_exact(4) {
        for k_quad in 0..outputs.div_ceil(4) {
            for input in quad {
                for output in k_quad * 4..k_quad * 4 + 4 {
                    packed.push(match input {
                        Some(c) if output < outputs => tensor.data[output * channels + c],
                        _ => 0.0,
                    });
                }
            }
        }
    }
    packed
}
