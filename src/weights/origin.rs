//! Where weights came from.

use std::path::PathBuf;

/// One statement about the network, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What is stated, such as `growth rate`. The preprocessing is called `preset`.
    pub what: String,
    /// The value, as a person reads it.
    pub value: String,
    /// The source, such as `tensor shapes`, `metadata`, `default of torchvision` or `option`.
    pub from: String,
}

/// Where weights came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file, where there is one.
    pub path: Option<PathBuf>,
    /// Such as `safetensors`, `memory` or `random (seed 0)`.
    pub format: String,
    /// The naming scheme, such as `torchvision`.
    pub scheme: String,
    /// What was found when the file was opened; empty for weights that come from no file.
    pub facts: Vec<Fact>,
    /// What the file leaves open and was assumed, where another reading would give other numbers: each a line that says what,
    /// and which option states it.
    pub warnings: Vec<String>,
}

/// What weights are read from.
#[cfg(feature = "files")]
#[derive(Clone, Copy, Debug)]
pub(super) enum Place<'a> {
    File(&'a std::path::Path),
    Memory,
    /// The model that this crate carries.
    #[cfg_attr(not(feature = "safetensors"), expect(dead_code, reason = "the embedded model is a safetensors file"))]
    Embedded,
}

/// Text from a file that people will see, made fit for one line of a terminal.
#[cfg(feature = "files")]
pub(super) fn presentable(text: &str) -> String {
    /// In characters: the description of a preprocessing has a thousand.
    const MAX_SHOWN: usize = 10_000;
    crate::error::one_line(text, MAX_SHOWN)
}

#[cfg(feature = "files")]
impl Fact {
    /// `value` may quote the file.
    pub(super) fn new(what: &str, value: &str, from: &str) -> Self {
        Fact { what: what.into(), value: presentable(value), from: from.into() }
    }
}

#[cfg(feature = "files")]
impl<'a> Place<'a> {
    pub(super) fn path(self) -> Option<&'a std::path::Path> {
        match self {
            Place::File(path) => Some(path),
            Place::Memory | Place::Embedded => None,
        }
    }
}
