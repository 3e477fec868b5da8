//! One type describes every DenseNet.
//!
//! Source: Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", CVPR 2017, sections 3
//! and 4; layer names are torchvision's.

mod presets;
mod walk;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, one_line};

pub use presets::{PRESETS, Recipe};
pub use walk::{Layer, LayerKind, Parameter};
pub(crate) use walk::{dense_block_name, dense_layer_name, transition_name};

/// Channels, height and width of a feature map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape {
    /// Number of channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl Shape {
    /// Elements of one image of this shape.
    pub fn elements(&self) -> usize {
        self.channels * self.height * self.width
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Height and width of the network's input in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InputSize {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl InputSize {
    /// A square input.
    pub fn square(side: usize) -> Self {
        InputSize { height: side, width: side }
    }
}

impl std::fmt::Display for InputSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

impl std::str::FromStr for InputSize {
    type Err = String;

    /// Reads `N` or `HxW`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let side = |part: &str| match part.trim().parse::<usize>() {
            Ok(n) if (1..=65536).contains(&n) => Ok(n),
            _ => Err(format!("'{text}' is not a size: write N or HxW in pixels, such as 224 or 97x131")),
        };
        match text.split_once(['x', 'X']) {
            Some((height, width)) => Ok(InputSize { height: side(height)?, width: side(width)? }),
            None => side(text).map(InputSize::square),
        }
    }
}

/// How a convolution or a pooling extends its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Padding {
    /// TensorFlow's `padding="same"`: the output is `ceil(input / stride)`; an odd total goes one more to the bottom
    /// and right, so that at stride 2 it depends on the input's size.
    Same,
    /// Fixed numbers of rows and columns, as PyTorch's `padding=` or Keras' `ZeroPadding2D`.
    Explicit {
        /// Rows above.
        top: usize,
        /// Columns to the left.
        left: usize,
        /// Rows below.
        bottom: usize,
        /// Columns to the right.
        right: usize,
    },
}

impl Padding {
    /// The same number on all four sides.
    pub fn all(n: usize) -> Self {
        Padding::Explicit { top: n, left: n, bottom: n, right: n }
    }

    /// Rows or columns `(before, after)` for an input of `height` and `width`: `[[top, bottom], [left, right]]`.
    pub fn resolve(&self, kernel: usize, stride: usize, height: usize, width: usize) -> [[usize; 2]; 2] {
        let same = |input: usize| {
            let total = ((input.div_ceil(stride).max(1) - 1) * stride + kernel).saturating_sub(input);
            [total / 2, total - total / 2]
        };
        match *self {
            Padding::Same => [same(height), same(width)],
            Padding::Explicit { top, left, bottom, right } => [[top, bottom], [left, right]],
        }
    }
}

/// The pooling of the stem. Padded places never win the maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StemPool {
    /// Side of the square window.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Extension of the input.
    pub padding: Padding,
}

/// What stands before the first dense block: convolution, then maybe batch norm + ReLU, then maybe max pooling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stem {
    /// Output channels: what the first dense block begins with.
    pub channels: usize,
    /// Side of the square kernel.
    pub kernel: usize,
    /// Step in both directions.
    pub stride: usize,
    /// Extension of the image, with zeros.
    pub padding: Padding,
    /// Batch norm and ReLU after the convolution (`norm0`, `relu0`).
    pub norm: bool,
    /// Max pooling behind them (`pool0`).
    pub pool: Option<StemPool>,
}

impl Stem {
    /// 7x7/2, batch norm, ReLU, max pool 3x3/2: the paper's ImageNet networks (table 1).
    pub fn imagenet(channels: usize) -> Self {
        let pool = StemPool { kernel: 3, stride: 2, padding: Padding::all(1) };
        Stem { channels, kernel: 7, stride: 2, padding: Padding::all(3), norm: true, pool: Some(pool) }
    }

    /// A bare 3x3 convolution: the paper's CIFAR networks (section 3, implementation details).
    pub fn cifar(channels: usize) -> Self {
        Stem { channels, kernel: 3, stride: 1, padding: Padding::all(1), norm: false, pool: None }
    }
}

/// What turns logits into scores, on the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// One class of many.
    #[default]
    Softmax,
    /// Independent labels, as chest X-ray findings.
    Sigmoid,
    /// The logits themselves.
    None,
}

impl Activation {
    /// Scores of one image, from its logits. Softmax is taken against the maximum, so that nothing overflows.
    pub fn scores(self, logits: &[f32]) -> Vec<f32> {
        match self {
            Activation::None => logits.to_vec(),
            Activation::Sigmoid => logits.iter().map(|&x| 1.0 / (1.0 + (-x).exp())).collect(),
            Activation::Softmax => {
                let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exponentials: Vec<f32> = logits.iter().map(|&x| (x - top).exp()).collect();
                let sum: f32 = exponentials.iter().sum();
                exponentials.iter().map(|e| e / sum).collect()
            }
        }
    }
}

impl std::str::FromStr for Activation {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "softmax" => Ok(Activation::Softmax),
            "sigmoid" => Ok(Activation::Sigmoid),
            "none" => Ok(Activation::None),
            _ => Err(format!("'{text}' is no activation: softmax, sigmoid or none")),
        }
    }
}

/// A DenseNet. Compression and the article's `grow_nb_filters` are arguments of [`Recipe`], which computes
/// `transition_channels` from them: here the widths stand as numbers, so that any published variant can be written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// What people call it; not used for anything but display.
    #[serde(default)]
    pub name: String,
    /// Channels of the image.
    pub input_channels: usize,
    /// What stands before the first dense block.
    pub stem: Stem,
    /// New channels of every dense layer (the paper's k).
    pub growth_rate: usize,
    /// Dense layers of each dense block.
    pub layers: Vec<usize>,
    /// Output channels of each layer's 1x1 convolution (the paper's 4k), or none: plain BN-ReLU-3x3 layers.
    pub bottleneck: Option<usize>,
    /// Output channels of each transition; one fewer than there are blocks.
    pub transition_channels: Vec<usize>,
    /// Batch norm epsilon: torchvision 1e-5, Keras applications 1.001e-5, the Keras article 1.1e-5.
    pub eps: f64,
    /// Dropout rate in training; the identity at inference.
    #[serde(default)]
    pub dropout: f64,
    /// Outputs of the classifier, or none: the network then ends with its pooled features.
    pub classes: Option<usize>,
    /// What turns logits into scores.
    #[serde(default)]
    pub activation: Activation,
}

/// No published DenseNet comes near these; they keep products of sizes from overflowing.
const MAX_CHANNELS: usize = 1 << 16;
const MAX_LAYERS: usize = 1 << 12;
/// A description of 64 blocks has some thousand.
const MAX_JSON_BYTES: u64 = 1 << 20;

impl Architecture {
    /// Reads and validates a JSON description.
    ///
    /// # Errors
    /// [`Error::Architecture`] where the text is no JSON, a field is missing or unknown, or the network cannot exist.
    pub fn from_json(text: &str) -> Result<Self> {
        let architecture: Architecture = serde_json::from_str(text).map_err(|e| {
            Error::Architecture(one_line(&format!("not a description of a DenseNet in JSON: {e}"), 600))
        })?;
        architecture.validate()?;
        Ok(architecture)
    }

    /// The JSON that [`Architecture::from_json`] reads.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("an Architecture has no key or number that JSON lacks")
    }

    /// A preset's name, or the path of a JSON description.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an unknown name (the presets are listed), [`Error::Io`] or [`Error::File`] for a
    /// bad file.
    pub fn from_name_or_file(name: &str) -> Result<Self> {
        if let Some(preset) = Architecture::preset(name) {
            return Ok(preset);
        }
        let path = Path::new(name);
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) || path.is_file() {
            let file = File::open(path).map_err(|e| Error::io(path, "reading", e))?;
            let mut text = String::new();
            file.take(MAX_JSON_BYTES).read_to_string(&mut text).map_err(|e| Error::io(path, "reading", e))?;
            return Architecture::from_json(&text).map_err(|e| Error::file(path, e.to_string()));
        }
        Err(Error::Architecture(format!(
            "'{name}' is neither a preset nor a file that is there; presets: {}",
            PRESETS.join(" ")
        )))
    }

    /// Channels at the start of block `block` (0-based).
    pub fn block_input_channels(&self, block: usize) -> usize {
        if block == 0 { self.stem.channels } else { self.transition_channels[block - 1] }
    }

    /// Channels at the end of block `block` (0-based): all that was concatenated.
    pub fn block_output_channels(&self, block: usize) -> usize {
        self.block_input_channels(block) + self.layers[block] * self.growth_rate
    }

    /// Width of the pooled feature vector.
    pub fn feature_channels(&self) -> usize {
        self.block_output_channels(self.layers.len() - 1)
    }

    /// Length of one output row: the classes, or the pooled features where there is no classifier.
    pub fn output_channels(&self) -> usize {
        self.classes.unwrap_or_else(|| self.feature_channels())
    }

    /// Refuses what cannot exist, with the reason.
    ///
    /// # Errors
    /// [`Error::Architecture`].
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
        if self.layers.is_empty() || self.layers.len() > 64 {
            return refuse(format!("layers names {} blocks: 1 to 64 are possible", self.layers.len()));
        }
        for (block, &n) in self.layers.iter().enumerate() {
            if n == 0 || n > MAX_LAYERS {
                return refuse(format!("block {} has {n} layers: 1 to {MAX_LAYERS} are possible", block + 1));
            }
        }
        if self.transition_channels.len() + 1 != self.layers.len() {
            return refuse(format!(
                "{} blocks need {} transitions between them, but transition_channels names {}",
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
                 kernel's {kernel}, or windows would hold nothing but padding"
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
