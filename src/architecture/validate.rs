//! Which architectures can exist.

use super::head::{Branch, HeadLayer, Pooling};
use super::network::Architecture;
use super::shape::MAX_SIDE;
use super::stem::Padding;
use crate::error::{Error, Result};

/// No published DenseNet comes near these; they keep products of sizes from overflowing.
const MAX_CHANNELS: usize = 1 << 16;
const MAX_LAYERS: usize = 1 << 12;
const MAX_BLOCKS: usize = 64;
/// Of a flattened map: DenseNet-161's at 14x14 has 432,768.
const MAX_FEATURES: usize = 1 << 22;
const MAX_HEAD_LAYERS: usize = 256;

fn validate_eps(what: &str, eps: f64) -> Result<()> {
    if eps > 0.0 && eps < 1.0 {
        return Ok(());
    }
    Err(Error::Architecture(format!("{what} is {eps}: a batch norm's epsilon lies between 0 and 1")))
}

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
        validate_eps("eps", self.eps)?;
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse(format!("dropout is {}: a rate from 0 to below 1 is possible", self.dropout));
        }
        self.validate_input()?;
        self.validate_head()
    }

    fn validate_input(&self) -> Result<()> {
        let Some(input) = &self.input else { return Ok(()) };
        let (outputs, inputs) = (input.outputs(), self.input_channels);
        let whole = input.weights.iter().all(|row| row.len() == inputs) && input.shift.len() == outputs;
        if !whole || outputs == 0 || outputs > MAX_CHANNELS {
            return Err(Error::Architecture(format!(
                "input has rows of {:?} numbers and {} shifts: a row of {inputs} and a shift for each channel of the stem \
                 are expected",
                input.weights.iter().map(Vec::len).take(8).collect::<Vec<_>>(),
                input.shift.len()
            )));
        }
        if !input.weights.iter().flatten().chain(&input.shift).all(|x| x.is_finite()) {
            return Err(Error::Architecture("input holds a number that is not finite".into()));
        }
        if let Some(size) = input.size.filter(|s| ![s.height, s.width].iter().all(|side| (1..=MAX_SIDE).contains(side)))
        {
            return Err(Error::Architecture(format!("input is resized to {size}: 1 to {MAX_SIDE} each way")));
        }
        Ok(())
    }

    fn validate_head(&self) -> Result<()> {
        let head = &self.head;
        let refuse = |reason: String| Err(Error::Architecture(reason));
        if let Pooling::Flatten { height, width } = head.pooling
            && !(1..=MAX_SIDE).contains(&height) | !(1..=MAX_SIDE).contains(&width)
        {
            return refuse(format!("head flattens maps of {height}x{width} pixels: 1 to {MAX_SIDE} each way"));
        }
        let features = self.feature_channels();
        if features > MAX_FEATURES {
            return refuse(format!("the head reads {features} values: up to {MAX_FEATURES} are possible"));
        }
        let layers = head.layers.len() + head.branches.iter().map(|branch| branch.layers.len()).sum::<usize>();
        if layers > MAX_HEAD_LAYERS {
            return refuse(format!("the head has {layers} layers: up to {MAX_HEAD_LAYERS} are possible"));
        }
        for layer in head.layers.iter().chain(head.branches.iter().flat_map(|branch| &branch.layers)) {
            match *layer {
                HeadLayer::Linear { outputs } if outputs == 0 || outputs > MAX_CHANNELS => {
                    return refuse(format!("classes of a linear layer are {outputs}: 1 to {MAX_CHANNELS} is possible"));
                }
                HeadLayer::BatchNorm { eps } => validate_eps("eps of a batch norm of the head", eps)?,
                HeadLayer::LeakyRelu { slope } if !(0.0..=1.0).contains(&slope) => {
                    return refuse(format!("slope of a leaky ReLU is {slope}: 0 to 1 is possible"));
                }
                _ => {}
            }
        }
        for (at, Branch { name, layers, .. }) in head.branches.iter().enumerate() {
            let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
            if name.is_empty() || name.len() > 100 || !name.chars().all(plain) {
                return refuse(format!(
                    "output {} of the head is called '{}': letters, digits, '_' and '-' are possible",
                    at + 1,
                    name.escape_default().take(40).collect::<String>()
                ));
            }
            if head.branches[..at].iter().any(|other| other.name == *name) {
                return refuse(format!("two outputs of the head are called '{name}'"));
            }
            if !layers.iter().any(|layer| matches!(layer, HeadLayer::Linear { .. })) {
                return refuse(format!(
                    "the output '{name}' of the head has no linear layer: at least one is expected"
                ));
            }
        }
        if head.outputs(features) > MAX_CHANNELS && !head.is_bare() {
            return refuse(format!(
                "the head has {} outputs in all: up to {MAX_CHANNELS} are possible",
                head.outputs(features)
            ));
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
