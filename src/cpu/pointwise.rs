//! 1x1 convolution: `y[o] = relu(b[o] + sum over c of w[o][c] * x[c])` at every pixel, where `x` may be the ReLU of a norm.
//!
//! A product of two matrices. Pixels are cut into tiles; of a tile, the pre-activations of some channels are computed into
//! scratch memory that stays in the cache, and multiplied. Results go where they belong, at the channel offset.

use super::affine::{ChannelMap, Norm};
use super::filters::Filters;
use super::layout::Layout;
use super::pixels::{Normalise, Rectify, repeat};
use super::product::{Factors, MOST_INPUTS, Rows, Target, product};
use super::work::{Work, part};
use crate::error::Result;
use crate::weights::Weights;

/// Pixels of a tile.
const TILE: usize = 48;
/// Outputs that are packed together.
const BLOCK: usize = 64;
/// Values between the rows of scratch, so that rows do not compete for one place of the cache.
const GAP: usize = 16;

/// A 1x1 convolution's packed weights.
#[derive(Debug)]
pub(super) struct Pointwise {
    norm: Option<Norm>,
    /// Blocks of [`BLOCK`] outputs, each `[inputs, outputs of the block]`.
    factors: Vec<f32>,
    /// The norm that is folded in; ReLU follows it.
    bias: Option<Vec<f32>>,
    inputs: usize,
    outputs: usize,
}

impl Pointwise {
    pub(super) fn new(
        weights: &Weights,
        weight: &str,
        norm: Option<&str>,
        folded: Option<&str>,
        inputs: &ChannelMap,
        outputs: &ChannelMap,
    ) -> Result<Pointwise> {
        let filters = Filters::new(weights, weight, folded)?;
        let mut factors = Vec::with_capacity(inputs.len() * outputs.len());
        for block in outputs.chunks(BLOCK) {
            for &input in inputs {
                factors.extend(block.iter().map(|&output| filters.at(output, input, 0)));
            }
        }
        let norm = norm.map(|name| Norm::new(weights, name, inputs)).transpose()?;
        let bias = filters.bias(outputs);
        Ok(Pointwise { norm, factors, bias, inputs: inputs.len(), outputs: outputs.len() })
    }

    pub(super) fn bytes(&self) -> usize {
        let numbers = self.factors.len() + self.bias.as_ref().map_or(0, Vec::len);
        numbers * size_of::<f32>() + self.norm.as_ref().map_or(0, Norm::bytes)
    }

    /// Elements of scratch that a thread needs.
    pub(super) fn scratch(&self) -> usize {
        TILE * (self.inputs.min(MOST_INPUTS) + GAP)
    }

    pub(super) fn run(&self, work: &Work, (source, from): (&[f32], Layout), (target, to): (&mut [f32], Layout)) {
        let tile = part(from.pixels(), TILE);
        work.each_chunk(&mut target[..to.elements()], tile * to.step, |index, target, scratch| {
            let count = target.len() / to.step;
            let source = &source[index * tile * from.step + from.start..];
            let target = &mut target[to.start..];
            if let Some(bias) = &self.bias {
                repeat(bias, target, to.step, count);
            }
            for first in (0..self.inputs).step_by(MOST_INPUTS) {
                let inputs = MOST_INPUTS.min(self.inputs - first);
                let rows = match &self.norm {
                    None => Rows { values: &source[first..], step: from.step, count },
                    Some(norm) => {
                        let step = inputs + GAP;
                        work.cpu.vectorised(Normalise {
                            rectified: true,
                            source: &source[first..],
                            source_step: from.step,
                            norm: norm.part(first, inputs),
                            count,
                            target: &mut *scratch,
                            target_step: step,
                        });
                        Rows { values: scratch, step, count }
                    }
                };
                let before = if first == 0 && self.bias.is_none() { Target::Replaced } else { Target::Kept };
                let mut done = 0;
                for block in self.factors.chunks(self.inputs * BLOCK) {
                    let outputs = block.len() / self.inputs;
                    let factors = Factors { values: &block[first * outputs..], inputs, outputs };
                    product(factors, rows, &mut target[done..], to.step, before);
                    done += outputs;
                }
            }
            if self.bias.is_some() {
                work.cpu.vectorised(Rectify { target, step: to.step, channels: self.outputs, count });
            }
        });
    }
}
