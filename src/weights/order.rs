//! Files whose dense layers concatenate `[new, old]`: permuted while loading into `[old, new]`.
//!
//! A block that began with `input` holds `[new_n, .., new_2, new_1, input]` after `n` layers in such a file, and
//! `[input, new_1, new_2, .., new_n]` here. Only what reads a concatenation changes; what a convolution writes does
//! not, so every block's input is the same in both.

use std::collections::BTreeMap;

use super::Tensor;
use crate::architecture::{Architecture, dense_layer_name, transition_name};

/// Where a dense layer's new channels stand in a file's concatenations. Tensor shapes cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// `cat([old, new])`: torchvision, Keras, and this crate.
    NewLast,
    /// `cat([new, old])`: permuted while loading.
    NewFirst,
}

impl std::str::FromStr for ChannelOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "new-last" => Ok(ChannelOrder::NewLast),
            "new-first" => Ok(ChannelOrder::NewFirst),
            _ => Err(format!("'{text}' is no channel order: new-last or new-first")),
        }
    }
}

impl std::fmt::Display for ChannelOrder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ChannelOrder::NewLast => "new-last",
            ChannelOrder::NewFirst => "new-first",
        })
    }
}

/// What reads a concatenation: a block's input of `input` channels and `layers` times the new ones.
#[derive(Clone, Copy)]
struct Reader {
    input: usize,
    layers: usize,
}

/// The tensors of a network that read a concatenation.
pub(super) struct Readers {
    growth: usize,
    by_tensor: BTreeMap<String, Reader>,
}

impl Readers {
    pub(super) fn of(architecture: &Architecture) -> Self {
        let mut by_tensor = BTreeMap::new();
        let mut norm = |name: &str, reader: Reader| {
            for part in ["weight", "bias", "running_mean", "running_var"] {
                by_tensor.insert(format!("{name}.{part}"), reader);
            }
        };
        let mut kernels = Vec::new();
        for (block, &layers) in architecture.layers.iter().enumerate() {
            let input = architecture.block_input_channels(block);
            for layer in 0..layers {
                let (name, reader) = (dense_layer_name(block, layer), Reader { input, layers: layer });
                norm(&format!("{name}.norm1"), reader);
                kernels.push((format!("{name}.conv1.weight"), reader));
            }
            let reader = Reader { input, layers };
            if block + 1 < architecture.layers.len() {
                let name = transition_name(block);
                norm(&format!("{name}.norm"), reader);
                kernels.push((format!("{name}.conv.weight"), reader));
            } else {
                norm("features.norm5", reader);
                kernels.push(("classifier.weight".into(), reader));
            }
        }
        by_tensor.extend(kernels);
        Readers { growth: architecture.growth_rate, by_tensor }
    }

    /// Puts a new-first tensor into the canonical order.
    pub(super) fn to_new_last(&self, name: &str, tensor: Tensor) -> Tensor {
        let Some(&Reader { input, layers }) = self.by_tensor.get(name) else {
            return tensor;
        };
        let growth = self.growth;
        let from = |channel: usize| match channel.checked_sub(input) {
            None => layers * growth + channel,
            Some(new) => (layers - 1 - new / growth) * growth + new % growth,
        };
        // Norms have nothing but these channels; convolutions and the classifier are [out, in, ..].
        let axis = usize::from(tensor.shape.len() > 1);
        let channels = tensor.shape[axis];
        let inner: usize = tensor.shape[axis + 1..].iter().product();
        let mut data = Vec::with_capacity(tensor.data.len());
        for row in tensor.data.chunks_exact(channels * inner) {
            for channel in 0..channels {
                let at = from(channel) * inner;
                data.extend_from_slice(&row[at..at + inner]);
            }
        }
        Tensor { shape: tensor.shape, data }
    }
}
