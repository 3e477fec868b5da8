//! Weights as the family's kernels read them.

use super::tile::{TILE_CHANNELS, TILE_QUADS};
use crate::error::Result;
use crate::kernels::packing::{ChannelMap, Filters, Recipe, Shapes, bias, folded, norm_quads, padded};
use crate::weights::Weights;

/// How a parameter is laid out for the buffer family.
#[derive(Clone, Debug, PartialEq)]
pub enum BufferPacking {
    /// A convolution's weight as `[tiles of K, C/4, window, quads of a tile]` matrices of `[c, k]`, with the norm behind it
    /// folded in.
    Tiles {
        /// Parameter name.
        weight: String,
        /// The norm to fold in.
        folded: Option<String>,
        /// Channels of the source.
        inputs: ChannelMap,
    },
    /// The stem's weight as `[tiles of K, C, window]` matrices of `[quad of a tile, k]`, with the norm behind it folded in.
    StemTiles {
        /// Parameter name.
        weight: String,
        /// The norm to fold in.
        folded: Option<String>,
    },
    /// The bias that folding leaves, or zeros, as `[K/4]` quads, padded to whole tiles.
    Bias {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// The folded norm.
        folded: Option<String>,
    },
    /// A batch norm as `[C/4, 2]` quads: scale, shift. Scale 1 and shift 0 where there is no norm, 0 and 0 where a channel
    /// only pads.
    Norm {
        /// The norm, or none.
        norm: Option<String>,
        /// Channels of the source.
        inputs: ChannelMap,
    },
}

impl Recipe for BufferPacking {
    fn values(&self, weights: &Weights) -> Result<Vec<f32>> {
        match self {
            BufferPacking::Tiles { weight, folded: norm, inputs } => {
                let values = folded(weights, weight, norm)?;
                Ok(tiles(&Filters::new(weights.tensor(weight)?, &values), inputs))
            }
            BufferPacking::StemTiles { weight, folded: norm } => {
                let values = folded(weights, weight, norm)?;
                Ok(stem_tiles(&Filters::new(weights.tensor(weight)?, &values)))
            }
            BufferPacking::Bias { weight, folded } => Ok(padded(bias(weights, weight, folded)?, TILE_CHANNELS)),
            BufferPacking::Norm { norm, inputs } => norm_quads(weights, norm, inputs),
        }
    }

    fn elements(&self, shapes: &Shapes) -> Result<usize> {
        Ok(match self {
            BufferPacking::Tiles { weight, inputs, .. } => {
                let shape = shapes.of(weight)?;
                shape[0].next_multiple_of(TILE_CHANNELS) * inputs.len() * shape[2] * shape[3]
            }
            BufferPacking::StemTiles { weight, .. } => {
                let shape = shapes.of(weight)?;
                shape[0].next_multiple_of(TILE_CHANNELS) * shape[1] * shape[2] * shape[3]
            }
            BufferPacking::Bias { weight, .. } => shapes.of(weight)?[0].next_multiple_of(TILE_CHANNELS),
            BufferPacking::Norm { inputs, .. } => 2 * inputs.len(),
        })
    }

    fn may_be_f16(&self) -> bool {
        matches!(self, BufferPacking::Tiles { .. } | BufferPacking::StemTiles { .. })
    }
}

fn tiles(filters: &Filters<'_>, inputs: &ChannelMap) -> Vec<f32> {
    let outputs = filters.outputs.next_multiple_of(TILE_CHANNELS);
    let mut packed = Vec::with_capacity(outputs * inputs.len() * filters.places());
    for tile in (0..outputs).step_by(TILE_CHANNELS) {
        for quad in inputs.chunks_exact(4) {
            for place in 0..filters.places() {
                for k_quad in 0..TILE_QUADS as usize {
                    let first = tile + 4 * k_quad;
                    for &input in quad {
                        packed.extend((first..first + 4).map(|output| filters.at(output, input, place)));
                    }
                }
            }
        }
    }
    packed
}

fn stem_tiles(filters: &Filters<'_>) -> Vec<f32> {
    let outputs = filters.outputs.next_multiple_of(TILE_CHANNELS);
    let mut packed = Vec::with_capacity(outputs * filters.channels() * filters.places());
    for tile in (0..outputs).step_by(TILE_CHANNELS) {
        for channel in 0..filters.channels() {
            for place in 0..filters.places() {
                let outputs = tile..tile + TILE_CHANNELS;
                packed.extend(outputs.map(|output| filters.at(output, Some(channel), place)));
            }
        }
    }
    packed
}
