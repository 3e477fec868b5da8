//! How to load a classifier.

use std::fmt;

use super::outputs::Wanted;
use crate::architecture::{Activation, InputSize};
use crate::cancel::CancelToken;
#[cfg(feature = "gpu")]
use crate::gpu::{Gpu, ProgressCallback};
use crate::kernels::KernelFamily;
use crate::picture::Preprocessing;
use crate::precision::Precision;
#[cfg(feature = "files")]
use crate::weights::OpenOptions;

/// What runs the network.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Engine {
    /// The best adapter: discrete before integrated before virtual before software GPUs.
    #[default]
    Best,
    /// The adapter of this index, or with this in its name.
    Adapter(String),
    /// A device that is open already, such as a user interface's.
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
    /// The CPU reference: right, and slow.
    Reference,
}

impl From<&str> for Engine {
    /// `reference` and `cpu` are the CPU reference, anything else an adapter.
    fn from(name: &str) -> Engine {
        match name.to_ascii_lowercase().as_str() {
            "reference" | "cpu" => Engine::Reference,
            _ => Engine::Adapter(name.to_string()),
        }
    }
}

#[cfg(feature = "gpu")]
impl From<Gpu> for Engine {
    fn from(gpu: Gpu) -> Engine {
        Engine::Gpu(gpu)
    }
}

/// How to load a [`Classifier`](super::Classifier). What is not set comes from the file, or suits the machine.
#[derive(Default)]
#[non_exhaustive]
pub struct ClassifierOptions {
    /// What runs the network.
    pub engine: Engine,
    /// Kernel family of an adapter; the adapter's default where not given.
    pub kernels: Option<KernelFamily>,
    /// What an adapter stores weights as.
    pub precision: Precision,
    /// Pictures of one pass; 8 on a GPU and 1 elsewhere where not given.
    pub batch: Option<usize>,
    /// Names of the classes, one for each; the file's where not given, then ImageNet's for 1,000 classes.
    pub labels: Option<Vec<String>>,
    /// What is done to pictures; the file's where not given, then what suits the network.
    pub preprocessing: Option<Preprocessing>,
    /// The size that pictures are brought to; the preprocessing's where not given.
    pub size: Option<InputSize>,
    /// What turns logits into scores; the file's where not given.
    pub activation: Option<Activation>,
    /// What predictions hold besides logits and scores.
    pub outputs: Vec<Wanted>,
    /// How the weight file is read.
    #[cfg(feature = "files")]
    pub open: OpenOptions,
    /// Told of every step of loading, on the loading thread.
    #[cfg(feature = "gpu")]
    pub progress: Option<ProgressCallback>,
    /// Stops loading and running.
    pub cancel: Option<CancelToken>,
}

impl ClassifierOptions {
    /// What runs the network: `"nvidia"`, `"reference"`, or an open [`Gpu`](crate::Gpu).
    #[must_use]
    pub fn engine(mut self, engine: impl Into<Engine>) -> Self {
        self.engine = engine.into();
        self
    }

    /// The kernel family of an adapter.
    #[must_use]
    pub fn kernels(mut self, family: KernelFamily) -> Self {
        self.kernels = Some(family);
        self
    }

    /// What an adapter stores weights as.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Pictures of one pass, at least 1.
    #[must_use]
    pub fn batch(mut self, pictures: usize) -> Self {
        self.batch = Some(pictures.max(1));
        self
    }

    /// Names of the classes, one for each.
    #[must_use]
    pub fn labels(mut self, labels: Vec<String>) -> Self {
        self.labels = Some(labels);
        self
    }

    /// What is done to pictures.
    #[must_use]
    pub fn preprocessing(mut self, preprocessing: Preprocessing) -> Self {
        self.preprocessing = Some(preprocessing);
        self
    }

    /// The size that pictures are brought to.
    #[must_use]
    pub fn size(mut self, size: InputSize) -> Self {
        self.size = Some(size);
        self
    }

    /// What turns logits into scores.
    #[must_use]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.activation = Some(activation);
        self
    }

    /// What predictions hold besides logits and scores.
    #[must_use]
    pub fn outputs(mut self, outputs: impl IntoIterator<Item = Wanted>) -> Self {
        self.outputs = outputs.into_iter().collect();
        self
    }

    /// How the weight file is read.
    #[cfg(feature = "files")]
    #[must_use]
    pub fn open(mut self, options: OpenOptions) -> Self {
        self.open = options;
        self
    }

    /// Told of every step of loading, on the loading thread.
    #[cfg(feature = "gpu")]
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(crate::gpu::Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// A token that stops loading and running within one step.
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> Self {
        self.cancel = Some(token);
        self
    }
}

impl fmt::Debug for ClassifierOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClassifierOptions")
            .field("engine", &self.engine)
            .field("kernels", &self.kernels)
            .field("precision", &self.precision)
            .field("batch", &self.batch)
            .field("preprocessing", &self.preprocessing)
            .field("size", &self.size)
            .field("activation", &self.activation)
            .field("outputs", &self.outputs)
            .finish_non_exhaustive()
    }
}
