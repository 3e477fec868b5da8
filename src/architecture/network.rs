//! The type that describes a DenseNet.

use serde::{Deserialize, Serialize};

use super::activation::Activation;
use super::stem::Stem;

/// A DenseNet.
///
/// Widths are stored as numbers, so that any published variant can be written down. The paper's compression and the
/// Keras article's `grow_nb_filters` are arguments of [`Recipe`](super::Recipe), which computes `transition_channels` from
/// them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// A name to show to people; nothing depends on it.
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
    /// Output channels of each layer's 1x1 convolution (the paper's 4k). `None`: plain BN-ReLU-3x3 layers.
    pub bottleneck: Option<usize>,
    /// Output channels of each transition; one fewer than there are blocks.
    pub transition_channels: Vec<usize>,
    /// Batch norm epsilon: torchvision 1e-5, Keras applications 1.001e-5, the Keras article 1.1e-5.
    pub eps: f64,
    /// Dropout rate in training; the identity at inference.
    #[serde(default)]
    pub dropout: f64,
    /// Outputs of the classifier. `None`: the network ends with its pooled features.
    pub classes: Option<usize>,
    /// What turns logits into scores.
    #[serde(default)]
    pub activation: Activation,
}

impl Architecture {
    /// Channels at the start of block `block` (0-based).
    pub fn block_input_channels(&self, block: usize) -> usize {
        if block == 0 { self.stem.channels } else { self.transition_channels[block - 1] }
    }

    /// Channels at the end of block `block` (0-based): its input and the new channels of every layer.
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
}
