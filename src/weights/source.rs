//! What every reader yields: named tensors, not yet decoded, and what the file says about the network.

use std::borrow::Cow;
use std::collections::BTreeMap;

use half::{bf16, f16};

use super::known::Known;
use super::names::Names;
use super::pictures::Pictures;
use super::statements::Statements;

/// A weight file, read as far as its table of contents.
pub(super) struct Source<'a> {
    /// Such as `safetensors`.
    pub(super) format: &'static str,
    pub(super) entries: Vec<Entry<'a>>,
    pub(super) metadata: BTreeMap<String, String>,
    /// The entries are in the order of the file's modules, first layer first.
    pub(super) ordered: bool,
    /// The canonical names, where the file says which tensor is which: in a Keras model's configuration.
    pub(super) names: Option<Names>,
    /// What the file says in other words than our metadata.
    pub(super) stated: Statements,
    /// What holds for files like this one, where nobody says otherwise.
    pub(super) defaults: Statements,
    /// How the framework pads a stem can be concluded from its kernel.
    pub(super) pads_by_kernel: bool,
    /// Names of tensors in the order of the file, where that is known.
    pub(super) order: Vec<String>,
    /// Modules whose kinds the file states, by their paths, in the order of the file.
    pub(super) known: Vec<(String, Known)>,
    /// What the reader left out because it is not part of the network, such as `optimizer (12 tensors)`.
    pub(super) ignored: Vec<String>,
    /// What the file's graph does to pictures itself, where it has one.
    pub(super) pictures: Option<Pictures>,
    /// What the reader had to assume: [`Origin::warnings`](super::origin::Origin).
    pub(super) warnings: Vec<String>,
}

impl<'a> Source<'a> {
    /// Tensors alone, without statements, in no particular order.
    pub(super) fn new(format: &'static str, entries: Vec<Entry<'a>>) -> Self {
        Source {
            format,
            entries,
            metadata: BTreeMap::new(),
            ordered: false,
            names: None,
            stated: Statements::default(),
            defaults: Statements::default(),
            pads_by_kernel: true,
            order: Vec::new(),
            known: Vec::new(),
            ignored: Vec::new(),
            pictures: None,
            warnings: Vec::new(),
        }
    }
}

/// One tensor of a file.
pub(super) struct Entry<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) number: Number,
    /// Little-endian elements, as many as the shape says; owned where the file does not hold them like that.
    pub(super) bytes: Cow<'a, [u8]>,
}

/// The type of a tensor's elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Number {
    F32,
    F64,
    F16,
    BF16,
    /// A type that weights cannot have, by its name in the file.
    Other(String),
}

impl Entry<'_> {
    /// A vector of `length` numbers that are all the same, which no file holds.
    pub(super) fn filled(name: &str, length: usize, value: f32) -> Self {
        let bytes = value.to_le_bytes().repeat(length);
        Entry { name: name.into(), shape: vec![length], number: Number::F32, bytes: Cow::Owned(bytes) }
    }

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
