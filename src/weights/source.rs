//! What every file reader yields: named tensors, not yet decoded, and metadata.

use std::borrow::Cow;
use std::collections::BTreeMap;

use half::{bf16, f16};

use super::names::Names;
use crate::architecture::{Activation, Padding, StemPool};

/// A weight file, read as far as its table of contents.
pub(super) struct Source<'a> {
    /// Such as `safetensors`.
    pub(super) format: &'static str,
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) metadata: BTreeMap<String, String>,
    /// The entries stand in the order of the file's modules: the first layer first.
    pub(super) ordered: bool,
    /// What the file, or a description beside it, says about the network.
    pub(super) stated: Stated,
}

/// Statements about the network that come with a file in another form than our metadata, which go before them.
#[derive(Debug, Default)]
pub(super) struct Stated {
    pub(super) eps: Option<f64>,
    pub(super) stem_stride: Option<usize>,
    pub(super) stem_padding: Option<Padding>,
    /// The inner none: there is no pooling.
    pub(super) stem_pool: Option<Option<StemPool>>,
    pub(super) activation: Option<Activation>,
    /// A preprocessing's name, or an object that describes one.
    pub(super) preprocessing: Option<serde_json::Value>,
    pub(super) labels: Option<Vec<String>>,
    /// What of the file the reader left out because it is not the network's, such as `optimizer (12 tensors)`.
    pub(super) ignored: Vec<String>,
    /// Which tensor is which, for each entry, where that is stated too: in a Keras model's configuration.
    pub(super) names: Option<Names>,
    /// Where all of this stands, as a person reads it: `config.json`, `model_config`.
    pub(super) from: String,
}

/// One tensor of a file.
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) number: Number,
    /// Little-endian elements, as many as the shape says; owned where they do not lie in the file like that.
    pub(super) bytes: Cow<'a, [u8]>,
}

/// The type of a tensor's elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Number {
    F32,
    F64,
    F16,
    BF16,
    /// Something that weights cannot be, by its name in the file.
    Other(String),
}

impl Entry<'_> {
    /// The elements as `f32`, or why they cannot be.
    pub(super) fn decode(&self) -> Result<Vec<f32>, String> {
        let bytes = &*self.bytes;
        Ok(match &self.number {
            Number::F32 => elements(bytes, f32::from_le_bytes),
            Number::F64 => elements(bytes, |b| f64::from_le_bytes(b) as f32),
            Number::F16 => elements(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Number::BF16 => elements(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Number::Other(name) => {
                return Err(format!("tensor '{}' holds {name}; F32, F16, BF16 or F64 is expected", self.name));
            }
        })
    }
}

fn elements<const N: usize>(bytes: &[u8], read: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| read(*chunk)).collect()
}
