//! [`Weights`]: an architecture with all of its parameters.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check;
use super::origin::Origin;
use super::tensor::Tensor;
use crate::architecture::Architecture;
use crate::error::{Error, Result, one_line};
use crate::nearest::nearest;
use crate::pause::{Pause, at_once};
use crate::picture::Preprocessing;

/// A network's parameters: complete, of the right shapes, finite. Clones share them.
#[derive(Clone, Debug)]
pub struct Weights {
    pub(super) architecture: Architecture,
    pub(super) tensors: Arc<BTreeMap<String, Tensor>>,
    /// Text that [`Preprocessing::parse`] reads, or refuses: a file whose preprocessing is unusable still opens, and is
    /// written back as it was read.
    pub(super) preprocessing: Option<String>,
    pub(super) labels: Option<Vec<String>>,
    pub(super) origin: Origin,
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
            .and_then(|()| at_once(check::values(&tensors, &Pause::default())))
            .map_err(Error::Weights)?;
        let origin = Origin { format: "memory".into(), scheme: "torchvision".into(), ..Origin::default() };
        Ok(Weights { architecture, tensors: Arc::new(tensors), preprocessing: None, labels: None, origin })
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

    /// How pictures are prepared: as stated, or else the default for the network ([`Preprocessing::default_for`]).
    ///
    /// # Errors
    /// [`Error::File`] or [`Error::Weights`] where what is stated is not a usable preprocessing.
    pub fn preprocessing(&self) -> Result<Preprocessing> {
        let Some(stated) = &self.preprocessing else {
            return Ok(Preprocessing::default_for(&self.architecture));
        };
        Preprocessing::parse(stated).map_err(|e| {
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

    /// States how pictures are prepared.
    #[must_use]
    pub fn with_preprocessing(mut self, preprocessing: Preprocessing) -> Self {
        self.preprocessing = Some(preprocessing.to_string());
        self
    }

    /// The network without the layers of its head. Its output is then what they read: the pooled features.
    #[must_use]
    pub fn without_classifier(mut self) -> Self {
        self.architecture.head = self.architecture.head.without_layers();
        Arc::make_mut(&mut self.tensors).retain(|name, _| !name.starts_with("classifier."));
        self.labels = None;
        self
    }
}
