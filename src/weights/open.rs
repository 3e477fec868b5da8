//! From a file to [`Weights`]: names, architecture, shapes, then values.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use rayon::prelude::*;

use super::order::{ChannelOrder, Readers};
use super::source::{Entry, Source};
use super::{Fact, Origin, Tensor, Weights, check, infer, names, safetensors};
use crate::architecture::{Activation, Architecture};
use crate::error::{Error, Result};

/// What checks, completes or overrides a file's own statements.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Must agree with what the file's tensors and metadata say; says what they leave open.
    pub architecture: Option<Architecture>,
    /// Batch norm epsilon instead of the file's.
    pub eps: Option<f64>,
    /// Activation instead of the file's.
    pub activation: Option<Activation>,
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
        return Err(Error::file(path, "not a file: the path of a .safetensors file is expected"));
    }
    if metadata.len() == 0 {
        return Err(Error::file(path, "the file is empty: a .safetensors file is expected"));
    }
    let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    // SAFETY: the mapping is read only and lives as long as this function. Another process that shortens the file
    // meanwhile ends this one with SIGBUS, as with every reader of mapped files.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, "mapping", e))?;
    let mut weights = from_bytes(&bytes, path, options)?;
    weights.origin.path = Some(path.to_path_buf());
    Ok(weights)
}

/// Reads a weight file from memory. `name` is what errors call it.
///
/// # Errors
/// [`Error::File`], as [`open_with`].
pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>, options: &OpenOptions) -> Result<Weights> {
    read(bytes)
        .and_then(|source| assemble(&source, options))
        .map_err(|reason| Error::file(name.as_ref(), one_line(&reason)))
}

/// Reasons quote names and shapes of any length and content from the file.
fn one_line(reason: &str) -> String {
    reason.chars().map(|c| if c.is_control() { ' ' } else { c }).take(600).collect()
}

fn read(bytes: &[u8]) -> Result<Source<'_>, String> {
    let other = [
        (&b"PK\x03\x04"[..], "a PyTorch checkpoint or another zip"),
        (b"\x80\x02", "a Python pickle"),
        (b"\x89HDF", "HDF5"),
    ];
    if let Some((_, what)) = other.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Err(format!(
            "this is {what}, which is not read: save the model's state_dict with safetensors.torch.save_file"
        ));
    }
    safetensors::read(bytes)
}

fn assemble(source: &Source, options: &OpenOptions) -> Result<Weights, String> {
    let file_names: Vec<&str> = source.entries.iter().map(|entry| entry.name.as_str()).collect();
    let names = names::recognise(&file_names)?;
    let entries: BTreeMap<&str, &Entry> = names
        .canonical
        .iter()
        .zip(&source.entries)
        .filter_map(|(name, entry)| name.as_deref().map(|name| (name, entry)))
        .collect();
    let shapes: infer::Shapes = entries.iter().map(|(name, entry)| (*name, entry.shape.as_slice())).collect();
    let metadata = Metadata::read(&source.metadata)?;
    let note = |reason: String| match names.prefix.as_str() {
        "" => reason,
        prefix => format!("{reason}; names stand here without the file's prefix '{prefix}'"),
    };
    let (architecture, mut facts) =
        infer::architecture(&shapes, metadata.architecture, names.scheme, options).map_err(note)?;
    // Before the walk, which a made-up number of layers would make long.
    if architecture.layers.iter().sum::<usize>() > entries.len() {
        return Err(format!("{} tensors are too few for layers {:?}", entries.len(), architecture.layers));
    }
    let parameters = architecture.parameters().map_err(|e| e.to_string())?;
    check::shapes(&parameters, shapes.into_iter()).map_err(note)?;
    let readers = (metadata.order == Some(ChannelOrder::NewFirst)).then(|| Readers::of(&architecture));
    let tensors = entries
        .into_par_iter()
        .map(|(name, entry)| {
            let tensor = Tensor { shape: entry.shape.clone(), data: entry.decode()? };
            let tensor = match &readers {
                Some(readers) => readers.to_new_last(name, tensor),
                None => tensor,
            };
            Ok((name.to_string(), tensor))
        })
        .collect::<Result<BTreeMap<_, _>, String>>()?;
    check::values(&tensors).map_err(note)?;
    if let Some(labels) = &metadata.labels {
        check::labels(&architecture, labels).map_err(|reason| format!("metadata {LABELS}: {reason}"))?;
    }
    let order = metadata.order.unwrap_or(ChannelOrder::NewLast);
    let from = if metadata.order.is_some() { "metadata".into() } else { format!("default of {}", names.scheme) };
    facts.push(Fact { what: "channel order".into(), value: order.to_string(), from });
    let mut scheme = names.scheme.to_string();
    if !names.prefix.is_empty() {
        scheme += &format!(", behind '{}'", names.prefix);
    }
    let origin = Origin { path: None, format: source.format.into(), scheme, facts };
    Ok(Weights { architecture, tensors, preset: metadata.preset, labels: metadata.labels, origin })
}

/// JSON of an [`Architecture`].
pub(super) const ARCHITECTURE: &str = "densenet.architecture";
/// A preset's name, or the JSON object of one.
pub(super) const PRESET: &str = "densenet.preset";
/// JSON array of the classes' names.
pub(super) const LABELS: &str = "densenet.labels";
/// `new-last` or `new-first`.
pub(super) const CHANNEL_ORDER: &str = "densenet.channel_order";

struct Metadata {
    architecture: Option<Architecture>,
    preset: Option<serde_json::Value>,
    labels: Option<Vec<String>>,
    order: Option<ChannelOrder>,
}

impl Metadata {
    fn read(pairs: &BTreeMap<String, String>) -> Result<Self, String> {
        fn parsed<T, E: std::fmt::Display>(
            pairs: &BTreeMap<String, String>,
            key: &str,
            parse: impl Fn(&str) -> Result<T, E>,
        ) -> Result<Option<T>, String> {
            pairs.get(key).map(|text| parse(text)).transpose().map_err(|e| format!("metadata {key}: {e}"))
        }
        Ok(Metadata {
            architecture: parsed(pairs, ARCHITECTURE, Architecture::from_json)?,
            preset: pairs.get(PRESET).map(|text| match serde_json::from_str(text) {
                Ok(value @ (serde_json::Value::Object(_) | serde_json::Value::String(_))) => value,
                _ => serde_json::Value::String(text.clone()),
            }),
            labels: parsed(pairs, LABELS, |text| {
                serde_json::from_str(text).map_err(|e| format!("a JSON array of strings is expected: {e}"))
            })?,
            order: parsed(pairs, CHANNEL_ORDER, str::parse)?,
        })
    }
}
