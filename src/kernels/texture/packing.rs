//! Weights as the family's kernels read them.

use super::tile::{ROW, TILE_CHANNELS};
use crate::error::Result;
use crate::kernels::packing::{ArrayKind, ChannelMap, Filters, Recipe, Shapes, bias, folded, norm_quads};
use crate::weights::Weights;

/// How a parameter is laid out for the texture family.
#[derive(Clone, Debug, PartialEq)]
pub enum TexturePacking {
    /// A convolution's weight as `[tiles of K, u, v, C/4 (+ bias)]` rows of texels `[quad of a tile, c]` of four k, with the
    /// norm behind it folded in.
    Tiles {
        /// Parameter name.
        weight: String,
        /// The norm to fold in.
        folded: Option<String>,
        /// Channels of the source.
        inputs: ChannelMap,
        /// Whether a row with the bias follows each tile.
        bias: bool,
        /// Rows of a panel: a whole number of tiles.
        panel_rows: u32,
    },
    /// A batch norm as two rows of `[C/4]` texels: scale, shift. Scale 1 and shift 0 where there is no norm, 0 and 0 where a
    /// channel only pads.
    Norm {
        /// The norm, or none.
        norm: Option<String>,
        /// Channels of the source.
        inputs: ChannelMap,
    },
}

impl Recipe for TexturePacking {
    fn values(&self, weights: &Weights) -> Result<Vec<f32>> {
        match self {
            TexturePacking::Tiles { weight, folded: norm, inputs, bias: with_bias, .. } => {
                let values = folded(weights, weight, norm)?;
                let biases = with_bias.then(|| bias(weights, weight, norm)).transpose()?;
                Ok(tiles(&Filters::new(weights.tensor(weight)?, &values), inputs, biases.as_deref()))
            }
            TexturePacking::Norm { norm, inputs } => {
                let quads = norm_quads(weights, norm, inputs)?;
                let row = |first: usize| quads.chunks_exact(4).skip(first).step_by(2).flatten().copied();
                Ok(row(0).chain(row(1)).collect())
            }
        }
    }

    fn elements(&self, shapes: &Shapes) -> Result<usize> {
        Ok(match self {
            TexturePacking::Tiles { weight, inputs, bias, .. } => {
                let shape = shapes.of(weight)?;
                let rows = shape[2] * shape[3] * inputs.len() / 4 + usize::from(*bias);
                shape[0].div_ceil(TILE_CHANNELS) * rows * ROW as usize * 4
            }
            TexturePacking::Norm { inputs, .. } => 2 * inputs.len(),
        })
    }

    fn kind(&self) -> ArrayKind {
        match self {
            TexturePacking::Tiles { panel_rows, .. } => ArrayKind::Texture { row: ROW, panel_rows: *panel_rows },
            TexturePacking::Norm { inputs, .. } => ArrayKind::Texture { row: (inputs.len() / 4) as u32, panel_rows: 2 },
        }
    }

    fn may_be_f16(&self) -> bool {
        false
    }
}

fn tiles(filters: &Filters<'_>, inputs: &ChannelMap, biases: Option<&[f32]>) -> Vec<f32> {
    let mut packed = Vec::new();
    for tile in (0..filters.outputs).step_by(TILE_CHANNELS) {
        for place in 0..filters.places() {
            for quad in inputs.chunks_exact(4) {
                for first in (tile..tile + TILE_CHANNELS).step_by(4) {
                    for &input in quad {
                        packed.extend((first..first + 4).map(|output| filters.at(output, input, place)));
                    }
                }
            }
        }
        if let Some(biases) = biases {
            let row = packed.len() + ROW as usize * 4;
            packed.extend((tile..tile + TILE_CHANNELS).map(|output| biases.get(output).copied().unwrap_or(0.0)));
            packed.resize(row, 0.0);
        }
    }
    packed
}
