//! The model that this crate carries.

use super::network::Weights;
use super::open::read;
use super::options::OpenOptions;
use super::origin::Place;
use crate::error::Result;
use crate::pause::{Pause, at_once};

/// The embedded network: a small DenseNet-BC that reads handwritten digits (tools/mnist/ trains it).
///
/// # Errors
/// None, unless the crate was built around a damaged file.
pub fn embedded() -> Result<Weights> {
    embedded_with(&OpenOptions::default())
}

/// The [`embedded`] network, with `options` as for [`open_with`](super::open_with).
///
/// # Errors
/// [`Error::File`](crate::Error::File) where the model disagrees with `options`.
pub fn embedded_with(options: &OpenOptions) -> Result<Weights> {
    let bytes = include_bytes!("../../models/mnist.safetensors");
    let name = "models/mnist.safetensors (embedded)".as_ref();
    at_once(read(bytes, name, Place::Embedded, options, &Pause::default()))
}
