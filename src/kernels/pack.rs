//! Packed weights: recipes that name parameters, and the arrays they yield.
//!
//! A recipe depends on the architecture and the family, never on the batch or the input size: a new session uploads
//! nothing.

use std::borrow::Cow;

use half::f16;

use crate::error::{Error, Result};
use crate::weights::fold::{Affine, fold_into};
use crate::weights::{Tensor, Weights};

/// Output channels of one tile of a convolution.
pub(super) const TILE: usize = 16;

/// Texels of a row of a tile in a texture: 8 quads of output channels by 4 input channels.
pub(super) const TEXTURE_ROW: usize = 32;

/// What a packed array is on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A storage buffer.
    Buffer,
    /// Texture rows of `width` texels, one behind another; they stand in panels of `rows` rows, side by side.
    Texture {
        /// Texels of a row.
        width: u32,
        /// Rows of a panel.
        rows: u32,
    },
}

/// For each padded channel of a tensor, which channel of the parameter it is.
pub(super) type ChannelMap = Vec<Option<usize>>;

/// One array of a dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeight {
    /// For people and labels: the step and what it is.
    pub label: String,
    /// Stored as f16 in place of f32.
    pub half: bool,
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
    /// A convolution's weight as `[K/32, u, v, C/4 (+ bias)]` rows of 32 texels `[quad of K, c]` of four k, a norm
    /// behind it folded.
    TextureTiles {
        /// Parameter name.
        weight: String,
        /// Norm to fold.
        folded: Option<String>,
        /// Channels of the source.
        inputs: ChannelMap,
        /// Whether a row with the bias follows each tile.
        bias: bool,
        /// Rows of a panel: a whole number of tiles.
        panel_rows: u32,
    },
    /// A batch norm as two rows of `[C/4]` texels: scale, shift.
    TextureNorm {
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
    /// Makes the array, rounded to f16 where it is stored so.
    ///
    /// # Errors
    /// [`Error::Weights`] where a parameter is missing, or a number is too large for f16.
    pub fn pack(&self, weights: &Weights) -> Result<Vec<f32>> {
        let mut values = self.exact(weights)?;
        if self.half {
            for value in &mut values {
                let rounded = f16::from_f32(*value).to_f32();
                if !rounded.is_finite() {
                    return Err(Error::Weights(format!(
                        "{} holds {value}, and f16 ends at {}: use f32",
                        self.label,
                        f16::MAX
                    )));
                }
                *value = rounded;
            }
        }
        Ok(values)
    }

    /// Bytes of so many elements on the device.
    pub fn bytes(&self, elements: usize) -> u64 {
        elements as u64 * if self.half { 2 } else { 4 }
    }

    /// What [`PackedWeight::pack`] made, as the device stores it.
    pub fn encode<'a>(&self, values: &'a [f32]) -> Cow<'a, [u8]> {
        match self.half {
            true => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
            false => Cow::Borrowed(bytemuck::cast_slice(values)),
        }
    }

    fn exact(&self, weights: &Weights) -> Result<Vec<f32>> {
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
                let mut bias = match folded {
                    Some(norm) => weights.affine(norm)?.shift,
                    None => vec![0.0; weights.tensor(weight)?.shape[0]],
                };
                bias.resize(bias.len().next_multiple_of(TILE), 0.0);
                Ok(bias)
            }
            Packing::Norm { norm, inputs } => {
                let affine = norm.as_ref().map(|name| weights.affine(name)).transpose()?;
                Ok(norm_quads(affine.as_ref(), inputs))
            }
            Packing::TextureTiles { weight, folded, inputs, bias, .. } => {
                let tensor = weights.tensor(weight)?;
                let (values, biases) = folded_convolution(weights, weight, folded)?;
                let [outputs, _, height, width] = oihw(tensor);
                let conv = Flat { values: &values, outputs, window: [height, width] };
                Ok(texture_tiles(&conv, inputs, bias.then_some(&biases)))
            }
            Packing::TextureNorm { norm, inputs } => {
                let affine = norm.as_ref().map(|name| weights.affine(name)).transpose()?;
                let quads = norm_quads(affine.as_ref(), inputs);
                let part = |first: usize| quads.chunks_exact(4).skip(first).step_by(2).flatten().copied();
                Ok(part(0).chain(part(1)).collect())
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

impl Packing {
    /// Whether it may be stored as f16: what is added to sums or scales them stays f32.
    pub(super) fn has_half(&self) -> bool {
        matches!(self, Packing::Tiles { .. } | Packing::StemTiles { .. } | Packing::Linear { .. })
    }

    /// What the array is on the device.
    pub fn storage(&self) -> Storage {
        match self {
            Packing::TextureTiles { panel_rows, .. } => {
                Storage::Texture { width: TEXTURE_ROW as u32, rows: *panel_rows }
            }
            Packing::TextureNorm { inputs, .. } => Storage::Texture { width: (inputs.len() / 4) as u32, rows: 2 },
            _ => Storage::Buffer,
        }
    }
}

/// The shape of a convolution's weight; a fully connected layer's is that of a 1x1 convolution.
fn oihw(tensor: &Tensor) -> [usize; 4] {
    match tensor.shape[..] {
        [outputs, inputs, height, width] => [outputs, inputs, height, width],
        [outputs, inputs] => [outputs, inputs, 1, 1],
        _ => unreachable!("validated by Weights"),
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
    let [outputs, channels, rows, columns] = oihw(tensor);
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

/// A convolution's weight, OIHW.
struct Flat<'a> {
    values: &'a [f32],
    outputs: usize,
    window: [usize; 2],
}

impl Flat<'_> {
    fn at(&self, output: usize, input: Option<usize>, u: usize, v: usize) -> f32 {
        let [height, width] = self.window;
        let channels = self.values.len() / (self.outputs * height * width);
        match input {
            Some(c) if output < self.outputs => self.values[((output * channels + c) * height + u) * width + v],
            _ => 0.0,
        }
    }
}

fn texture_tiles(conv: &Flat<'_>, inputs: &ChannelMap, biases: Option<&Vec<f32>>) -> Vec<f32> {
    let [height, width] = conv.window;
    let mut packed = Vec::new();
    for tile in (0..conv.outputs).step_by(TEXTURE_ROW) {
        for u in 0..height {
            for v in 0..width {
                for quad in inputs.chunks_exact(4) {
                    for first in (tile..tile + TEXTURE_ROW).step_by(4) {
                        for &input in quad {
                            packed.extend((first..first + 4).map(|output| conv.at(output, input, u, v)));
                        }
                    }
                }
            }
        }
        if let Some(biases) = biases {
            let bias = |output: usize| biases.get(output).copied().unwrap_or(0.0);
            packed.extend((tile..tile + TEXTURE_ROW).map(bias));
            packed.resize(packed.len() + 3 * TEXTURE_ROW, 0.0);
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
