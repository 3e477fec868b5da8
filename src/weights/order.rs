//! Files whose dense layers concatenate `[new, old]`: they are permuted into `[old, new]` while loading.
//!
//! After `n` layers, a block that began with `input` holds `[new_n, .., new_2, new_1, input]` in such a file and
//! `[input, new_1, new_2, .., new_n]` here. Only tensors that read a concatenation change. What a convolution writes stays
//! the same, and so does every block's input.

use std::collections::BTreeMap;

use super::tensor::Tensor;
use crate::architecture::{Architecture, HeadLayer, HeadPart, NamedLayer, Part, Pooling};
use crate::error::Error;

/// Where a dense layer's new channels are in a file's concatenations. Tensor shapes cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelOrder {
    /// `cat([old, new])`: torchvision, Keras, and this crate.
    NewLast,
    /// `cat([new, old])`: permuted while loading.
    NewFirst,
}

impl std::str::FromStr for ChannelOrder {
    type Err = Error;

    /// Reads `new-last` or `new-first`.
    fn from_str(text: &str) -> Result<Self, Error> {
        ChannelOrder::parse(text).map_err(Error::Input)
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

impl ChannelOrder {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "new-last" => Ok(ChannelOrder::NewLast),
            "new-first" => Ok(ChannelOrder::NewFirst),
            _ => Err(format!("'{text}' is no channel order: new-last or new-first is expected")),
        }
    }

    /// What the batch norms' running statistics say, for tensors in the file's order. Each norm of a block sees the
    /// channels that the norm before it saw, unchanged. In training it has therefore gathered the same statistics of
    /// them: they are at its beginning in one order and at its end in the other. None where neither or both are so, as
    /// in a network that was never trained.
    pub(super) fn of_statistics(architecture: &Architecture, tensors: &BTreeMap<String, Tensor>) -> Option<Self> {
        let (mut channels, mut last, mut first) = (0, 0, 0);
        for norms in norms_by_block(architecture) {
            for part in ["running_mean", "running_var"] {
                let vectors: Vec<&[f32]> =
                    norms.iter().filter_map(|norm| Some(&*tensors.get(&format!("{norm}.{part}"))?.data)).collect();
                for pair in vectors.windows(2) {
                    let (before, after) = (pair[0], pair[1]);
                    let new = after.len().checked_sub(before.len())?;
                    channels += before.len();
                    last += alike(before, after);
                    first += alike(before, &after[new..]);
                }
            }
        }
        // Nearly all must agree in one order, and only some, by chance, in the other.
        let (most, few) = (channels * 9 / 10, channels / 2);
        match channels > 0 {
            true if last > most && first < few => Some(ChannelOrder::NewLast),
            true if first > most && last < few => Some(ChannelOrder::NewFirst),
            _ => None,
        }
    }
}

/// The norms that read each block's concatenation, the shortest first.
fn norms_by_block(architecture: &Architecture) -> Vec<Vec<String>> {
    let mut blocks = vec![Vec::new()];
    for part in architecture.parts() {
        if let (Some(norm), Some(block)) = (part.pre_activation_norm(), blocks.last_mut()) {
            block.push(norm);
        }
        if let Part::Transition(_) = part {
            blocks.push(Vec::new());
        }
    }
    blocks
}

/// How many numbers agree but for rounding, even to half precision.
fn alike(a: &[f32], b: &[f32]) -> usize {
    a.iter().zip(b).filter(|(a, b)| (*a - *b).abs() <= 2e-3 * a.abs().max(b.abs())).count()
}

/// What a tensor reads: a block's input of `input` channels, and the new channels of `layers` layers. A head may read all of
/// that twice, and each channel `pixels` times.
#[derive(Clone, Copy)]
struct Reader {
    input: usize,
    layers: usize,
    pixels: usize,
}

fn norm_tensors(norm: &str) -> impl Iterator<Item = String> {
    ["weight", "bias", "running_mean", "running_var"].into_iter().map(move |part| format!("{norm}.{part}"))
}

/// The head's tensors that read the pooled features, or a batch norm of them.
fn readers_of_features(head: &HeadPart) -> Vec<String> {
    let mut names = Vec::new();
    // Whether a linear layer ends what reads the features.
    let mut read = |layers: &[NamedLayer]| {
        layers.iter().any(|layer| match layer.layer {
            HeadLayer::Linear { .. } => {
                names.push(format!("{}.weight", layer.name));
                true
            }
            HeadLayer::BatchNorm { .. } => {
                names.extend(norm_tensors(&layer.name));
                false
            }
            _ => false,
        })
    };
    if !read(&head.layers) {
        head.branches.iter().for_each(|(_, layers)| {
            read(layers);
        });
    }
    names
}

/// The tensors of a network that read a concatenation.
pub(super) struct Readers {
    growth: usize,
    by_tensor: BTreeMap<String, Reader>,
}

impl Readers {
    pub(super) fn of(architecture: &Architecture) -> Self {
        let mut by_tensor = BTreeMap::new();
        let mut block = Reader { input: 0, layers: 0, pixels: 1 };
        for part in architecture.parts() {
            let reader = match &part {
                Part::DenseLayer(layer) => Reader { input: layer.block_input_channels, layers: layer.layer, pixels: 1 },
                Part::BlockEnd(end) => {
                    block = Reader { input: end.input_channels, layers: end.layers, pixels: 1 };
                    continue;
                }
                Part::Transition(_) | Part::Head(_) => block,
                Part::Stem(_) => continue,
            };
            if let Some(norm) = part.pre_activation_norm() {
                by_tensor.extend(norm_tensors(&norm).map(|name| (name, reader)));
            }
            if let Part::Head(head) = &part {
                let pixels = match architecture.head.pooling {
                    Pooling::Flatten { height, width } => height * width,
                    _ => 1,
                };
                by_tensor.extend(readers_of_features(head).into_iter().map(|name| (name, Reader { pixels, ..reader })));
            }
            by_tensor.extend(part.block_reader().map(|name| (format!("{name}.weight"), reader)));
        }
        Readers { growth: architecture.growth_rate, by_tensor }
    }

    /// Puts the channels of a new-first tensor in canonical order.
    pub(super) fn to_new_last(&self, name: String, tensor: Tensor) -> (String, Tensor) {
        let Some(&Reader { input, layers, pixels }) = self.by_tensor.get(&name) else {
            return (name, tensor);
        };
        let growth = self.growth;
        let width = input + layers * growth;
        let from = |channel: usize| match channel.checked_sub(input) {
            None => layers * growth + channel,
            Some(new) => (layers - 1 - new / growth) * growth + new % growth,
        };
        let from = |value: usize| {
            let (channel, pixel) = (value / pixels, value % pixels);
            (channel / width * width + from(channel % width)) * pixels + pixel
        };
        // A norm has these channels alone; convolutions and linear layers are [out, in, ..].
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
        (name, Tensor { shape: tensor.shape, data })
    }
}
