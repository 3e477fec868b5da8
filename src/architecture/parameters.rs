//! What a weight file must hold, and the smallest image that a network admits.

use super::head::Pooling;
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
        for layer in self.walk(self.least_size()?)? {
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
        Ok(self.walk(self.least_size()?)?.iter().map(|layer| layer.parameters).sum())
    }

    /// The smallest image that the network admits. It is square, unless the head reads feature maps whole that no square
    /// image gives.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network, [`Error::Input`] where not even 65536 pixels are enough.
    pub fn least_size(&self) -> Result<InputSize> {
        self.validate()?;
        if let Some(size) = self.input.as_ref().and_then(|input| input.size) {
            return Ok(size);
        }
        let (height, width) = match self.head.pooling {
            Pooling::Flatten { height, width } => (height, width),
            _ => (1, 1),
        };
        let size = InputSize { height: self.least_side(height, 0), width: self.least_side(width, 1) };
        let square = size.height.max(size.width);
        let flattens = matches!(self.head.pooling, Pooling::Flatten { .. });
        // Asymmetric padding may leave no square that gives square maps.
        let gives = |pixels: usize, axis: usize| !flattens || self.least_side(pixels + 1, axis) > square;
        let is_square = height == width && gives(height, 0) && gives(width, 1);
        let size = if is_square { InputSize::square(square) } else { size };
        if size.height.max(size.width) > MAX_SIDE {
            return Err(Error::Input(format!(
                "no image of up to {MAX_SIDE} pixels a side is large enough: {size} are needed"
            )));
        }
        Ok(size)
    }

    /// The size of the input, where the network resizes it itself, or where the head fixes it by reading feature maps whole:
    /// of the sizes that give these maps, the one that the strides divide, if that is among them, else the smallest.
    pub fn fixed_size(&self) -> Option<InputSize> {
        if let Some(size) = self.input.as_ref().and_then(|input| input.size) {
            return Some(size);
        }
        let Pooling::Flatten { height, width } = self.head.pooling else { return None };
        let strides = self.stem.stride * self.stem.pool.map_or(1, |pool| pool.stride);
        let strides = strides.checked_shl(self.transition_channels.len() as u32)?;
        let side = |pixels: usize, axis: usize| {
            let natural = pixels.checked_mul(strides)?;
            let least = self.least_side(pixels, axis);
            Some(if natural >= least && self.least_side(pixels + 1, axis) > natural { natural } else { least })
        };
        Some(InputSize { height: side(height, 0)?, width: side(width, 1)? })
    }

    /// The least side of an input that gives feature maps of `pixels` at the end: backwards, each stage needs at least what
    /// its window reads. `axis` 0 counts rows.
    fn least_side(&self, pixels: usize, axis: usize) -> usize {
        let mut side = pixels.saturating_mul(1 << self.transition_channels.len().min(20));
        let windows = [
            self.stem.pool.map(|pool| (pool.kernel, pool.stride, pool.padding)),
            Some((self.stem.kernel, self.stem.stride, self.stem.padding)),
        ];
        for (kernel, stride, padding) in windows.into_iter().flatten() {
            let strided = (side - 1).saturating_mul(stride);
            side = match padding {
                Padding::Same => strided.saturating_add(1),
                Padding::Explicit { top, left, bottom, right } => {
                    let pad = [top + bottom, left + right][axis];
                    strided.saturating_add(kernel).saturating_sub(pad).max(1)
                }
            };
        }
        side
    }
}
