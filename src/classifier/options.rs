//! How to load a classifier.

use std::fmt;

use super::outputs::Wanted;
use crate::architecture::{Activation, InputSize};
use crate::cancel::CancelToken;
#[cfg(feature = "cpu")]
use crate::cpu::Cpu;
use crate::engine::{Progress, ProgressCallback, Tuning};
#[cfg(feature = "gpu")]
use crate::gpu::Gpu;
use crate::kernels::KernelFamily;
use crate::pause::Pause;
use crate::picture::{Orientation, Preprocessing};
use crate::precision::Precision;
#[cfg(feature = "files")]
use crate::weights::OpenOptions;

/// What runs the network.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Engine {
    /// The best: a discrete, an integrated, a virtual GPU, else the CPU engine. See [`Engine::open`].
    #[default]
    Best,
    /// The adapter with this index, or with this in its name; `cpu` is the CPU engine.
    Adapter(String),
    /// An open device, such as a user interface's.
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
    /// The CPU engine, with its threads.
    #[cfg(feature = "cpu")]
    Cpu(Cpu),
    /// The CPU reference: correct, and slow. It is there to compare with.
    Reference,
}

impl From<&str> for Engine {
    /// `cpu` is the CPU engine, `reference` the slow reference, anything else an adapter.
    fn from(name: &str) -> Engine {
        match name.to_ascii_lowercase().as_str() {
            "reference" => Engine::Reference,
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

#[cfg(feature = "cpu")]
impl From<Cpu> for Engine {
    fn from(cpu: Cpu) -> Engine {
        Engine::Cpu(cpu)
    }
}

/// How to load a [`Classifier`](super::Classifier). What is not set comes from the file, or is chosen for the machine.
#[non_exhaustive]
pub struct ClassifierOptions {
    /// What runs the network.
    pub engine: Engine,
    /// Kernel family on an adapter. Default: the adapter's. [`Engine::Best`] is the best adapter then.
    pub kernels: Option<KernelFamily>,
    /// How an adapter stores weights. With f16, [`Engine::Best`] is the best adapter.
    pub precision: Precision,
    /// Pictures of one pass. Default: 8 on a GPU, 4 on the CPU engine, 1 elsewhere.
    pub batch: Option<usize>,
    /// Names of the classes, one for each. Default: the file's; else ImageNet's for 1,000 classes, or `class 0` and so on.
    pub labels: Option<Vec<String>>,
    /// What is done to pictures. Default: the file's, else the network's default.
    pub preprocessing: Option<Preprocessing>,
    /// The size that pictures are brought to. Default: the preprocessing's.
    pub size: Option<InputSize>,
    /// Which way up picture files are read.
    pub orientation: Orientation,
    /// What turns logits into scores. Default: the file's.
    pub activation: Option<Activation>,
    /// What predictions hold besides logits and scores.
    pub outputs: Vec<Wanted>,
    /// How the weight file is read.
    #[cfg(feature = "files")]
    pub open: OpenOptions,
    /// Called at every step of loading, on the loading thread.
    pub progress: Option<ProgressCallback>,
    /// Stops loading and running.
    pub cancel: Option<CancelToken>,
    /// Rests while loading, for programs that have one thread for everything.
    pub pause: Pause,
    /// Whether an adapter answers small questions before it is trusted. Default: yes.
    pub self_test: bool,
    /// Whether kernels are chosen by measurement on an adapter. Default: see [`LoadOptions::tuning`](crate::LoadOptions::tuning).
    pub tuning: Option<Tuning>,
    /// What [`Gpu::memory`](crate::Gpu::memory) wrote down on this adapter, where nobody else keeps it: in a browser.
    pub memory: Option<String>,
}

impl Default for ClassifierOptions {
    fn default() -> Self {
        ClassifierOptions {
            engine: Engine::default(),
            kernels: None,
            precision: Precision::default(),
            batch: None,
            labels: None,
            preprocessing: None,
            size: None,
            orientation: Orientation::default(),
            activation: None,
            outputs: Vec::new(),
            #[cfg(feature = "files")]
            open: OpenOptions::default(),
            progress: None,
            cancel: None,
            pause: Pause::default(),
            self_test: true,
            tuning: None,
            memory: None,
        }
    }
}

impl ClassifierOptions {
    /// What runs the network: `"cpu"`, a part of an adapter's name such as `"nvidia"`, `"reference"`, an open
    /// [`Gpu`](crate::Gpu), or a [`Cpu`](crate::Cpu) with threads of one's choice.
    #[must_use]
    pub fn engine(mut self, engine: impl Into<Engine>) -> Self {
        self.engine = engine.into();
        self
    }

    /// What [`Gpu::memory`](crate::Gpu::memory) wrote down on this adapter, where nobody else keeps it: in a browser.
    #[must_use]
    pub fn memory(mut self, memory: impl Into<String>) -> Self {
        self.memory = Some(memory.into());
        self
    }

    /// The kernel family on an adapter.
    #[must_use]
    pub fn kernels(mut self, family: KernelFamily) -> Self {
        self.kernels = Some(family);
        self
    }

    /// How an adapter stores weights.
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

    /// Which way up picture files are read. Decoded pictures and tensors stay as they are.
    #[must_use]
    pub fn orientation(mut self, orientation: Orientation) -> Self {
        self.orientation = orientation;
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

    /// Called at every step of loading, on the loading thread.
    #[must_use]
    pub fn progress(mut self, progress: impl FnMut(Progress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// A token that stops loading and running within one step.
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> Self {
        self.cancel = Some(token);
        self
    }

    /// Rests while loading, for programs that have one thread for everything. Blocking twins never rest.
    #[must_use]
    pub fn pause(mut self, pause: Pause) -> Self {
        self.pause = pause;
        self
    }

    /// Whether an adapter answers small questions with exact answers before it is trusted. With [`Engine::Best`], a GPU that computes
    /// wrong values whatever kernel is taken gives way to the CPU engine, with a warning in the log.
    #[must_use]
    pub fn self_test(mut self, self_test: bool) -> Self {
        self.self_test = self_test;
        self
    }

    /// Whether kernels are chosen by measurement on an adapter: see [`LoadOptions::tuning`](crate::LoadOptions::tuning).
    #[must_use]
    pub fn tuning(mut self, tuning: impl Into<Option<Tuning>>) -> Self {
        self.tuning = tuning.into();
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
            .field("orientation", &self.orientation)
            .field("activation", &self.activation)
            .field("outputs", &self.outputs)
            .field("self_test", &self.self_test)
            .field("tuning", &self.tuning)
            .finish_non_exhaustive()
    }
}
