//! Convolutions' weights as the kernels pack them: folded, padded, by output and input channel.

use super::affine::ChannelMap;
use crate::error::Result;
use crate::weights::Weights;
use crate::weights::fold::fold_into;

/// A convolution's weight, OIHW, with the norm behind it folded in, if there is one.
pub(super) struct Filters {
    values: Vec<f32>,
    channels: usize,
    /// Places of the window.
    pub(super) places: usize,
    /// The norm's shift.
    shift: Option<Vec<f32>>,
}

impl Filters {
    pub(super) fn new(weights: &Weights, weight: &str, folded: Option<&str>) -> Result<Filters> {
        let tensor = weights.tensor(weight)?;
        let (values, shift) = match folded {
            Some(norm) => {
                let (values, shift) = fold_into(tensor, &weights.affine(norm)?);
                (values, Some(shift))
            }
            None => (tensor.data.clone(), None),
        };
        let (outputs, channels) = (tensor.shape[0], tensor.shape[1]);
        Ok(Filters { places: values.len() / (outputs * channels), values, channels, shift })
    }

    /// One weight; 0 for an output or input channel that only pads. `place` counts through the window by rows.
    pub(super) fn at(&self, output: Option<usize>, input: Option<usize>, place: usize) -> f32 {
        match (output, input) {
            (Some(output), Some(input)) => self.values[(output * self.channels + input) * self.places + place],
            _ => 0.0,
        }
    }

    /// What the folded norm adds to each output; 0 where an output only pads.
    pub(super) fn bias(&self, outputs: &ChannelMap) -> Option<Vec<f32>> {
        let shift = self.shift.as_ref()?;
        Some(outputs.iter().map(|o| o.map_or(0.0, |o| shift[o])).collect())
    }
}
