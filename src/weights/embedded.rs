//! The model that this crate carries.

use super::{OpenOptions, Weights, from_bytes};
use crate::error::Result;

/// The embedded network: a small DenseNet-BC that reads handwritten digits (tools/mnist/ trains it).
///
/// # Errors
/// None, unless the crate was built around a damaged file.
pub fn embedded() -> Result<Weights> {
    let bytes = include_bytes!("../../models/mnist.safetensors");
    let mut weights = from_bytes(bytes, "models/mnist.safetensors (embedded)", &OpenOptions::default())?;
    weights.origin.format += " (embedded)";
    Ok(weights)
}
