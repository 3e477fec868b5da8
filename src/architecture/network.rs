//! The type that describes a DenseNet.

use super::activation::Activation;
use super::head::{Head, width};
use super::input::InputTransform;
use super::stem::Stem;

/// A DenseNet.
///
/// Widths are stored as numbers, so that any published variant can be written down. The paper's compression and the
/// Keras article's `grow_nb_filters` are arguments of [`Recipe`](super::Recipe), which computes `transition_channels` from
/// them.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// A name to show to people; nothing depends on it.
    pub name: String,
    /// Channels of the image.
    pub input_channels: usize,
    /// What the network does to each pixel before the stem, if anything.
    pub input: Option<InputTransform>,
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
    pub dropout: f64,
    /// What stands behind the last batch norm.
    pub head: Head,
    /// What turns logits into scores, where the head has no branches, which have their own.
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

    /// Channels of the last dense block's output.
    pub fn last_channels(&self) -> usize {
        self.block_output_channels(self.layers.len() - 1)
    }

    /// Width of the pooled feature vector: what the head's layers read.
    pub fn feature_channels(&self) -> usize {
        self.head.pooling.outputs(self.last_channels())
    }

    /// Channels that the stem reads: those of the image, unless [`Architecture::input`] changes their number.
    pub fn stem_input_channels(&self) -> usize {
        self.input.as_ref().map_or(self.input_channels, InputTransform::outputs)
    }

    /// Outputs of the head's layers, those of all branches together. `None`: the network ends with its pooled features.
    pub fn classes(&self) -> Option<usize> {
        (!self.head.is_bare()).then(|| self.head.outputs(self.feature_channels()))
    }

    /// Length of one output row: the classes, or the pooled features where there are no layers behind them.
    pub fn output_channels(&self) -> usize {
        self.head.outputs(self.feature_channels())
    }

    /// The outputs by name, in the order of an output row: `(name, width, activation)`. Without branches there is one, without
    /// a name.
    pub fn outputs(&self) -> Vec<(&str, usize, Activation)> {
        let features = self.feature_channels();
        if self.head.branches.is_empty() {
            return vec![("", self.head.outputs(features), self.activation)];
        }
        let shared = width(&self.head.layers, features);
        let branches = self.head.branches.iter();
        branches.map(|branch| (branch.name.as_str(), width(&branch.layers, shared), branch.activation)).collect()
    }

    /// Scores of one image, from its logits: each output's by its own activation.
    pub fn scores(&self, logits: &[f32]) -> Vec<f32> {
        let mut rest = logits;
        let mut scores = Vec::with_capacity(logits.len());
        for (_, width, activation) in self.outputs() {
            let (own, others) = rest.split_at(width.min(rest.len()));
            scores.extend(activation.scores(own));
            rest = others;
        }
        scores
    }
}
