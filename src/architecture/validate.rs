//! Which architectures can exist.

use super::network::Architecture;
use super::stem::Padding;
use crate::error::{Error, Result};

/// No published DenseNet comes near these; they keep products of sizes from overflowing.
const MAX_CHANNELS: usize = 1 << 16;
const MAX_LAYERS: usize = 1 << 12;
const MAX_BLOCKS: usize = 64;

impl Architecture {
    /// Checks that the network can exist.
    ///
    /// # Errors
    /// [`Error::Architecture`] with the field that is impossible and the values that are possible.
    pub fn validate(&self) -> Result<()> {
        let refuse = |reason: String| Err(Error::Architecture(reason));
        let width = |what: &str, n: usize| {
            if n == 0 || n > MAX_CHANNELS {
                return Err(Error::Architecture(format!("{what} is {n}: 1 to {MAX_CHANNELS} is possible")));
            }
            Ok(())
        };
        width("input_channels", self.input_channels)?;
        width("stem.channels", self.stem.channels)?;
        width("growth_rate", self.growth_rate)?;
        if let Some(bottleneck) = self.bottleneck {
            width("bottleneck", bottleneck)?;
        }
        if let Some(classes) = self.classes {
            width("classes", classes)?;
        }
        if self.layers.is_empty() || self.layers.len() > MAX_BLOCKS {
            return refuse(format!("layers has {} blocks: 1 to {MAX_BLOCKS} are possible", self.layers.len()));
        }
        for (block, &n) in self.layers.iter().enumerate() {
            if n == 0 || n > MAX_LAYERS {
                return refuse(format!("block {} has {n} layers: 1 to {MAX_LAYERS} are possible", block + 1));
            }
        }
        if self.transition_channels.len() + 1 != self.layers.len() {
            return refuse(format!(
                "{} blocks need {} transitions between them, but transition_channels has {}",
                self.layers.len(),
                self.layers.len() - 1,
                self.transition_channels.len()
            ));
        }
        for (i, &n) in self.transition_channels.iter().enumerate() {
            width(&format!("transition_channels[{i}]"), n)?;
        }
        for block in 0..self.layers.len() {
            width(&format!("the output of block {}", block + 1), self.block_output_channels(block))?;
        }
        self.validate_window("stem", self.stem.kernel, self.stem.stride, self.stem.padding)?;
        if let Some(pool) = self.stem.pool {
            self.validate_window("stem.pool", pool.kernel, pool.stride, pool.padding)?;
        }
        if !(self.eps > 0.0 && self.eps < 1.0) {
            return refuse(format!("eps is {}: a batch norm's epsilon lies between 0 and 1", self.eps));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse(format!("dropout is {}: a rate from 0 to below 1 is possible", self.dropout));
        }
        Ok(())
    }

    fn validate_window(&self, what: &str, kernel: usize, stride: usize, padding: Padding) -> Result<()> {
        if !(1..=15).contains(&kernel) || !(1..=8).contains(&stride) {
            return Err(Error::Architecture(format!(
                "{what} has kernel {kernel} and stride {stride}: kernels of 1 to 15 and strides of 1 to 8 are possible"
            )));
        }
        if let Padding::Explicit { top, left, bottom, right } = padding
            && [top, left, bottom, right].iter().any(|&p| p >= kernel)
        {
            return Err(Error::Architecture(format!(
                "{what} pads by {top}, {left}, {bottom}, {right} (top, left, bottom, right): each must be below the \
                 kernel's {kernel}, or some windows would be padding only"
            )));
        }
        Ok(())
    }
}
