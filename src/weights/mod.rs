//! Weights: tensors under canonical (torchvision's) names, with the architecture that they make up.
//!
//! Whatever a file calls its tensors and however it orders its channels, behind this room there are only canonical
//! names, OIHW kernels in `f32`, and new channels last.

mod check;
pub(crate) mod fold;
pub mod random;

#[cfg(feature = "files")]
mod assemble;
#[cfg(feature = "files")]
mod bias;
#[cfg(feature = "files")]
mod config;
#[cfg(any(feature = "keras", feature = "pytorch"))]
mod contained;
#[cfg(feature = "safetensors")]
mod embedded;
#[cfg(feature = "files")]
mod extras;
#[cfg(feature = "files")]
mod infer;
#[cfg(feature = "keras")]
mod keras;
#[cfg(feature = "files")]
mod metadata;
#[cfg(feature = "files")]
mod names;
#[cfg(feature = "files")]
mod open;
#[cfg(feature = "files")]
mod order;
#[cfg(feature = "pytorch")]
mod pytorch;
#[cfg(feature = "safetensors")]
mod safetensors;
#[cfg(feature = "files")]
mod source;
#[cfg(feature = "files")]
mod structure;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::architecture::Architecture;
use crate::error::{Error, Result, one_line};
use crate::nearest::nearest;
use crate::picture::Preprocessing;

#[cfg(feature = "safetensors")]
pub use embedded::embedded;
#[cfg(feature = "files")]
pub use open::{OpenOptions, from_bytes, open, open_with};
#[cfg(feature = "files")]
pub use order::ChannelOrder;
pub use random::Statistics;
#[cfg(feature = "safetensors")]
pub use safetensors::{save_safetensors, to_safetensors};

/// A tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// OIHW for convolutions, `[out, in]` for the classifier, `[channels]` for batch norms.
    pub shape: Vec<usize>,
    /// The elements, last axis fastest.
    pub data: Vec<f32>,
}

/// Where one statement about the network came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// What is stated, such as `growth rate`.
    pub what: String,
    /// The value, as a person reads it.
    pub value: String,
    /// Tensor shapes, metadata, a default or an option.
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
    /// Where each part of the architecture came from.
    pub facts: Vec<Fact>,
}

/// A network's parameters: complete, of the right shapes, finite.
#[derive(Clone, Debug)]
pub struct Weights {
    architecture: Architecture,
    tensors: BTreeMap<String, Tensor>,
    preprocessing: Option<serde_json::Value>,
    labels: Option<Vec<String>>,
    origin: Origin,
}

impl Weights {
    /// Takes tensors under canonical names.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network; [`Error::Weights`] where a tensor is missing, unknown or
    /// mis-shaped, holds NaN or infinity, or a running variance is negative.
    pub fn new(architecture: Architecture, tensors: BTreeMap<String, Tensor>) -> Result<Self> {
        let parameters = architecture.parameters()?;
        check::shapes(&parameters, tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.shape.as_slice())))
            .and_then(|()| check::values(&tensors))
            .map_err(Error::Weights)?;
        let origin = Origin { format: "memory".into(), scheme: "torchvision".into(), ..Origin::default() };
        Ok(Weights { architecture, tensors, preprocessing: None, labels: None, origin })
    }

    /// The network that the tensors make up.
    pub fn architecture(&self) -> &Architecture {
        &self.architecture
    }

    /// A tensor by its canonical name.
    ///
    /// # Errors
    /// [`Error::Weights`] with the nearest name, where there is none.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        self.tensors.get(name).ok_or_else(|| {
            let nearest = nearest(name, self.tensors.keys().map(String::as_str));
            Error::Weights(format!("no tensor is called '{name}'; the nearest is '{}'", nearest.unwrap_or("")))
        })
    }

    /// All tensors by canonical name.
    pub fn tensors(&self) -> &BTreeMap<String, Tensor> {
        &self.tensors
    }

    /// The preprocessing that the file states: a preprocessing's name, or an object that describes one.
    pub fn preprocessing_value(&self) -> Option<&serde_json::Value> {
        self.preprocessing.as_ref()
    }

    /// How pictures are prepared: as the file states, else as fits the network ([`Preprocessing::default_for`]).
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Weights`] where something is stated that is no preprocessing.
    pub fn preprocessing(&self) -> Result<Preprocessing> {
        let Some(value) = &self.preprocessing else {
            return Ok(Preprocessing::default_for(&self.architecture));
        };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_string);
        Preprocessing::parse(&text).map_err(|e| {
            let reason = one_line(&format!("its preprocessing cannot be used, name another: {e}"), 600);
            match &self.origin.path {
                Some(path) => Error::file(path, reason),
                None => Error::Weights(reason),
            }
        })
    }

    /// Names of the classes, one for each output.
    pub fn labels(&self) -> Option<&[String]> {
        self.labels.as_deref()
    }

    /// Where the weights came from.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Attaches names of the classes.
    ///
    /// # Errors
    /// [`Error::Weights`] unless there is one for each output.
    pub fn with_labels(mut self, labels: Vec<String>) -> Result<Self> {
        check::labels(&self.architecture, &labels).map_err(Error::Weights)?;
        self.labels = Some(labels);
        Ok(self)
    }

    /// The network without its classifier, whose output are the pooled features that the classifier read.
    #[must_use]
    pub fn without_classifier(mut self) -> Self {
        self.architecture.classes = None;
        self.tensors.retain(|name, _| !name.starts_with("classifier."));
        self.labels = None;
        self
    }

    /// Attaches the preprocessing: a preprocessing's name, or an object that describes one.
    #[must_use]
    pub fn with_preprocessing_value(mut self, preprocessing: serde_json::Value) -> Self {
        self.preprocessing = Some(preprocessing);
        self
    }
}

#[cfg(all(test, feature = "safetensors"))]
mod open_tests;
#[cfg(test)]
mod tests;
