//! Weight files: which reader a file is for, by its content, never by its name.

use std::fs::File;
use std::path::Path;

use super::assemble::assemble;
use super::order::ChannelOrder;
use super::source::Source;
use super::{Weights, config};
use crate::architecture::{Activation, Architecture};
use crate::error::{Error, Result, one_line};

/// What checks, completes or overrides a file's own statements.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Must agree with what the file's tensors and metadata say; says what they leave open.
    pub architecture: Option<Architecture>,
    /// Batch norm epsilon instead of the file's.
    pub eps: Option<f64>,
    /// Activation instead of the file's.
    pub activation: Option<Activation>,
    /// Where new channels stand in the file's concatenations, instead of what its metadata says.
    pub channel_order: Option<ChannelOrder>,
}

/// Reads a weight file.
///
/// # Errors
/// As [`open_with`].
pub fn open(path: impl AsRef<Path>) -> Result<Weights> {
    open_with(path, &OpenOptions::default())
}

/// Reads a weight file. The architecture comes from its tensors' shapes and its metadata; `options` check and
/// complete it. docs/weights.md says what is accepted.
///
/// # Errors
/// [`Error::Io`] where the file cannot be read; [`Error::File`] with the reason where it is no weight file, is damaged,
/// holds another network, disagrees with `options`, or has a tensor missing, unknown, mis-shaped or not finite.
pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Weights> {
    let path = path.as_ref();
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, "reading", e))?;
    // Before opening it, which would wait for ever on a pipe.
    if !metadata.is_file() {
        return Err(Error::file(path, "not a file: the path of a weight file is expected"));
    }
    if metadata.len() == 0 {
        return Err(Error::file(path, format!("the file is empty: a weight file is expected ({KNOWN})")));
    }
    let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    // SAFETY: the mapping is read only and lives as long as this function. Another process that shortens the file
    // meanwhile ends this one with SIGBUS, as with every reader of mapped files.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, "mapping", e))?;
    let mut weights = weights(&bytes, Some(path), options).map_err(|reason| refused(path, &reason))?;
    config::complete(&mut weights, path);
    weights.origin.path = Some(path.to_path_buf());
    Ok(presentable(weights))
}

/// Reads a weight file from memory. `name` is what errors call it.
///
/// # Errors
/// [`Error::File`], as [`open_with`].
pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>, options: &OpenOptions) -> Result<Weights> {
    weights(bytes, None, options).map(presentable).map_err(|reason| refused(name.as_ref(), &reason))
}

fn weights(bytes: &[u8], path: Option<&Path>, options: &OpenOptions) -> Result<Weights, String> {
    assemble(read(bytes, path)?, options)
}

/// Reasons quote names and shapes of any length and content from the file.
fn refused(name: &Path, reason: &str) -> Error {
    Error::file(name, one_line(reason, 600))
}

/// What is shown to people may come from the file too.
fn presentable(mut weights: Weights) -> Weights {
    let labels = weights.labels.iter_mut().flatten();
    let facts = weights.origin.facts.iter_mut().map(|fact| &mut fact.value);
    let names = [&mut weights.origin.scheme, &mut weights.architecture.name];
    for text in labels.chain(facts).chain(names) {
        *text = one_line(text, MAX_SHOWN);
    }
    weights
}

/// Of one text, in characters: a preset's JSON has a thousand.
const MAX_SHOWN: usize = 10_000;

const KNOWN: &str = ".safetensors, .pth, .pt, .bin, .h5 or .keras";

/// What the content says that the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Safetensors,
    PyTorch,
    /// HDF5, or a `.keras` archive.
    Keras,
    Unknown,
}

impl Kind {
    fn of(bytes: &[u8]) -> Self {
        // `{` opens the header of a safetensors file, whose length before it may begin like anything.
        if bytes.get(8) == Some(&b'{') && bytes.first_chunk().is_some_and(|n| u64::from_le_bytes(*n) < 1 << 32) {
            Kind::Safetensors
        } else if bytes.starts_with(b"\x89HDF\r\n\x1a\n") || is_keras_archive(bytes) {
            Kind::Keras
        } else if is_pytorch(bytes) {
            Kind::PyTorch
        } else {
            Kind::Unknown
        }
    }
}

/// A zip with the members that Keras 3 writes, whose names stand in the table at its end.
fn is_keras_archive(bytes: &[u8]) -> bool {
    let end = &bytes[bytes.len().saturating_sub(4096)..];
    bytes.starts_with(b"PK\x03\x04") && end.windows(16).any(|window| window == b"model.weights.h5")
}

/// A zip, or a pickle of protocol 2 or later.
fn is_pytorch(bytes: &[u8]) -> bool {
    let pickle = bytes.first() == Some(&0x80) && bytes.get(1).is_some_and(|protocol| (2..=5).contains(protocol));
    bytes.starts_with(b"PK\x03\x04") || (pickle && !is_tar(bytes))
}

/// As PyTorch wrote until 0.1.9, when nobody had a DenseNet, and as anybody packs files.
fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

#[cfg_attr(not(feature = "pytorch"), allow(unused_variables, reason = "only PyTorch's files are read by their path"))]
fn read<'a>(bytes: &'a [u8], path: Option<&Path>) -> Result<Source<'a>, String> {
    match Kind::of(bytes) {
        #[cfg(feature = "pytorch")]
        Kind::PyTorch => super::pytorch::read(bytes, path),
        #[cfg(not(feature = "pytorch"))]
        Kind::PyTorch => {
            Err("a PyTorch checkpoint or another zip, which this build does not read: it lacks the feature \
                              `pytorch`"
                .into())
        }
        #[cfg(feature = "keras")]
        Kind::Keras => super::keras::read(bytes),
        #[cfg(not(feature = "keras"))]
        Kind::Keras => Err("a Keras file, which this build does not read: it lacks the feature `keras`".into()),
        #[cfg(feature = "safetensors")]
        Kind::Safetensors => super::safetensors::read(bytes),
        #[cfg(feature = "safetensors")]
        Kind::Unknown if !is_text(bytes) && !is_tar(bytes) => super::safetensors::read(bytes),
        _ => Err(unknown(bytes)),
    }
}

/// The first bytes are printable: a person who opens the file sees what it is.
#[cfg(feature = "safetensors")]
fn is_text(bytes: &[u8]) -> bool {
    let beginning = &bytes[..bytes.len().min(64)];
    // The cut may go through a character.
    let valid = std::str::from_utf8(beginning).map_or_else(|e| e.valid_up_to(), str::len);
    let printable = |byte: &u8| !byte.is_ascii_control() || byte.is_ascii_whitespace();
    !beginning.is_empty() && valid + 3 >= beginning.len() && beginning.iter().all(printable)
}

fn unknown(bytes: &[u8]) -> String {
    let beginning = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]);
    let what = if bytes.starts_with(b"version https://git-lfs") {
        "a Git LFS pointer stands here in place of the file: run `git lfs pull`".to_string()
    } else if beginning.trim_start().to_ascii_lowercase().starts_with("<") {
        format!("this is a web page or other markup ('{beginning}..'), not weights: fetch the file itself")
    } else if is_tar(bytes) {
        "a tar archive: unpack it".to_string()
    } else {
        format!("no weight file: it begins with '{beginning}'")
    };
    format!("{what}; {KNOWN} is expected")
}
