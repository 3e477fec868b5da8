//! Opening weight files: the border at which reasons get the name of the file.

use std::fs::File;
use std::path::Path;

use super::assemble::assemble;
use super::kind::{KNOWN, Kind};
use super::network::Weights;
use super::options::OpenOptions;
use super::origin::Place;
use super::source::Source;
use crate::error::{Error, Result, one_line};
use crate::pause::{Pause, at_once};

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
/// [`Error::Io`] where the file cannot be read; [`Error::File`] with the reason where it is not a weight file, is
/// damaged, holds another network, disagrees with `options`, or has a tensor missing, unknown, mis-shaped or not finite.
pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Weights> {
    let path = path.as_ref();
    let metadata = std::fs::metadata(path).map_err(|e| Error::io(path, "reading", e))?;
    // Checked first, since opening a pipe would wait for ever.
    if !metadata.is_file() {
        return Err(Error::file(path, "not a file: the path of a weight file is expected"));
    }
    if metadata.len() == 0 {
        return Err(Error::file(path, empty()));
    }
    let file = File::open(path).map_err(|e| Error::io(path, "opening", e))?;
    // SAFETY: the mapping is read only and lives as long as this function. Another process that shortens the file
    // meanwhile ends this one with SIGBUS, as it would any program that maps files.
    let bytes = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| Error::io(path, "mapping", e))?;
    at_once(read(&bytes, path, Place::File(path), options, &Pause::default()))
}

/// Reads a weight file from memory. `name` is what errors call it.
///
/// # Errors
/// [`Error::File`], as [`open_with`].
pub fn from_bytes(bytes: &[u8], name: impl AsRef<Path>, options: &OpenOptions) -> Result<Weights> {
    at_once(from_bytes_with(bytes, name, options, &Pause::default()))
}

/// As [`from_bytes`], with rests for programs that have one thread for everything.
///
/// # Errors
/// As [`from_bytes`].
pub async fn from_bytes_with(
    bytes: &[u8],
    name: impl AsRef<Path>,
    options: &OpenOptions,
    pause: &Pause,
) -> Result<Weights> {
    if bytes.is_empty() {
        return Err(Error::file(name.as_ref(), empty()));
    }
    read(bytes, name.as_ref(), Place::Memory, options, pause).await
}

fn empty() -> String {
    format!("the file is empty: a weight file is expected ({KNOWN})")
}

/// Reads the bytes of a weight file that errors call `name`.
pub(super) async fn read(
    bytes: &[u8],
    name: &Path,
    place: Place<'_>,
    options: &OpenOptions,
    pause: &Pause,
) -> Result<Weights> {
    let weights = match source(bytes, place, pause).await {
        Ok(source) => assemble(source, place, options, pause).await,
        Err(reason) => Err(reason),
    };
    // Reasons quote names and shapes from the file, which may be long and hold anything.
    weights.map_err(|reason| Error::file(name, one_line(&reason, 600)))
}

#[cfg_attr(
    not(all(feature = "pytorch", feature = "keras", feature = "onnx")),
    allow(
        unused_variables,
        reason = "only PyTorch's and ONNX' files are read by their path, and PyTorch's and Keras' with rests"
    )
)]
async fn source<'a>(bytes: &'a [u8], place: Place<'_>, pause: &Pause) -> Result<Source<'a>, String> {
    match Kind::of(bytes) {
        #[cfg(feature = "safetensors")]
        Kind::Safetensors => super::safetensors::read(bytes),
        #[cfg(feature = "pytorch")]
        Kind::PyTorch => super::pytorch::read(bytes, place.path(), pause).await,
        #[cfg(feature = "keras")]
        Kind::Keras => super::keras::read(bytes, pause).await,
        #[cfg(feature = "onnx")]
        Kind::Onnx => super::onnx::read(bytes, place.path()),
        #[cfg(not(feature = "safetensors"))]
        Kind::Safetensors => Err(lacks("a safetensors file", "safetensors")),
        #[cfg(not(feature = "pytorch"))]
        Kind::PyTorch => Err(lacks("a PyTorch checkpoint or another zip", "pytorch")),
        #[cfg(not(feature = "keras"))]
        Kind::Keras => Err(lacks("a Keras file", "keras")),
        #[cfg(not(feature = "onnx"))]
        Kind::Onnx => Err(lacks("an ONNX model", "onnx")),
        Kind::Foreign(reason) => Err(reason),
    }
}

#[cfg(not(all(feature = "safetensors", feature = "pytorch", feature = "keras", feature = "onnx")))]
fn lacks(what: &str, feature: &str) -> String {
    format!("{what}, which this build does not read: it lacks the feature `{feature}`")
}
