//! What a weight file must hold, and the smallest image that a network admits.

use super::network::Architecture;
use super::shape::{InputSize, MAX_SIDE};
use super::stem::Padding;
use super::walk::LayerKind;
use crate::error::{Error, Result};

/// A tensor that a weight file must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Canonical (torchvision's) name.
    pub name: String,
    /// OIHW for convolutions, `[out, in]` for the classifier, `[channels]` for batch norms.
    pub shape: Vec<usize>,
}

impl Architecture {
    /// Every tensor a weight file must hold, in execution order.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network.
    pub fn parameters(&self) -> Result<Vec<Parameter>> {
        let mut parameters = Vec::new();
        let mut push = |name: String, shape: &[usize]| parameters.push(Parameter { name, shape: shape.to_vec() });
        // Parameters do not depend on the input size: any size that the network admits will do.
        for layer in self.walk(self.least_square_size()?)? {
            let (input, output) = (layer.input.channels, layer.output.channels);
            match layer.kind {
                LayerKind::Convolution { kernel, .. } => {
                    push(format!("{}.weight", layer.name), &[output, input, kernel, kernel]);
                }
                LayerKind::BatchNorm => {
                    for part in ["weight", "bias", "running_mean", "running_var"] {
                        push(format!("{}.{part}", layer.name), &[output]);
                    }
                }
                LayerKind::Linear => {
                    push(format!("{}.weight", layer.name), &[output, input]);
                    push(format!("{}.bias", layer.name), &[output]);
                }
                _ => {}
            }
        }
        Ok(parameters)
    }

    /// Trainable parameters, as published (running statistics are not counted).
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network.
    pub fn parameter_count(&self) -> Result<u64> {
        Ok(self.walk(self.least_square_size()?)?.iter().map(|layer| layer.parameters).sum())
    }

    /// The smallest square image that the network admits.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network, [`Error::Input`] where not even 65536 pixels are enough.
    pub fn least_square_size(&self) -> Result<InputSize> {
        self.validate()?;
        // Backwards from one pixel at the end: each stage needs at least what its window reads.
        let mut side = 1usize << self.transition_channels.len().min(20);
        let windows = [
            self.stem.pool.map(|pool| (pool.kernel, pool.stride, pool.padding)),
            Some((self.stem.kernel, self.stem.stride, self.stem.padding)),
        ];
        for (kernel, stride, padding) in windows.into_iter().flatten() {
            side = match padding {
                Padding::Same => (side - 1) * stride + 1,
                Padding::Explicit { top, left, bottom, right } => {
                    let pad = (top + bottom).min(left + right);
                    ((side - 1) * stride + kernel).saturating_sub(pad).max(1)
                }
            };
        }
        if side > MAX_SIDE {
            return Err(Error::Input(format!(
                "no image of up to {MAX_SIDE} pixels a side is large enough: {side} are needed"
            )));
        }
        Ok(InputSize::square(side))
    }
}
