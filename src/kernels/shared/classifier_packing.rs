//! The classifier's weights as its kernels read them.

use crate::error::Result;
use crate::kernels::packing::{ChannelMap, Filters, Recipe, Shapes, padded};
use crate::weights::Weights;

/// How a parameter is laid out for the classifier.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassifierPacking {
    /// The weight as `[C/4, K/4]` matrices of `[c, k]`.
    Matrix {
        /// Parameter name.
        weight: String,
        /// Channels of the source.
        inputs: ChannelMap,
    },
    /// The bias as `[K/4]` quads.
    Bias {
        /// Parameter name.
        bias: String,
    },
}

impl Recipe for ClassifierPacking {
    fn values(&self, weights: &Weights) -> Result<Vec<f32>> {
        match self {
            ClassifierPacking::Matrix { weight, inputs } => {
                let tensor = weights.tensor(weight)?;
                Ok(matrix(&Filters::new(tensor, &tensor.data), inputs))
            }
            ClassifierPacking::Bias { bias } => Ok(padded(weights.tensor(bias)?.data.clone(), 4)),
        }
    }

    fn elements(&self, shapes: &Shapes) -> Result<usize> {
        Ok(match self {
            ClassifierPacking::Matrix { weight, inputs } => shapes.of(weight)?[0].next_multiple_of(4) * inputs.len(),
            ClassifierPacking::Bias { bias } => shapes.of(bias)?[0].next_multiple_of(4),
        })
    }

    fn may_be_f16(&self) -> bool {
        matches!(self, ClassifierPacking::Matrix { .. })
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
