//! From a weight file to a classifier.

#[cfg(feature = "files")]
use std::path::Path;
use std::sync::Arc;
#[cfg(any(feature = "gpu", feature = "cpu"))]
use std::sync::{Mutex, PoisonError};

use super::choice::instead;
use super::classifier::{Classifier, Inner, check};
use super::engine::Loaded;
use super::gradient::HeadGradient;
use super::input::Preparation;
use super::options::{ClassifierOptions, Engine};
use super::outputs::Wanted;
use crate::architecture::Architecture;
#[cfg(feature = "cpu")]
use crate::cpu;
#[cfg(any(feature = "gpu", feature = "cpu"))]
use crate::engine::{LoadOptions, ProgressCallback};
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::{Gpu, Model};
#[cfg(feature = "gpu")]
use crate::kernels::AdapterKind;
use crate::labels;
use crate::precision::Precision;
use crate::weights::{self, Weights};

/// Pictures of one pass on a GPU. On software adapters single pictures are as fast, and the first answer comes sooner.
#[cfg(feature = "gpu")]
const GPU_BATCH: usize = 8;
/// Pictures of one pass on the CPU engine: small networks gain by several, large ones by none, and four need little memory.
#[cfg(feature = "cpu")]
const CPU_BATCH: usize = 4;

impl Classifier {
    /// Opens a weight file of any supported format, on the best engine of this machine: a GPU, else the CPU engine
    /// ([`Engine::open`]).
    ///
    /// # Errors
    /// As [`weights::open`] for the file, and as [`Classifier::new`].
    #[cfg(feature = "files")]
    pub async fn open(path: impl AsRef<Path>) -> Result<Classifier> {
        Classifier::open_with(path, ClassifierOptions::default()).await
    }

    /// Opens a weight file with options.
    ///
    /// # Errors
    /// As [`Classifier::open`] and [`Classifier::new`].
    #[cfg(feature = "files")]
    pub async fn open_with(path: impl AsRef<Path>, options: ClassifierOptions) -> Result<Classifier> {
        check(&options.cancel)?;
        let weights = weights::open_with(path, &options.open)?;
        Classifier::new(weights, options).await
    }

    /// The embedded digit model.
    ///
    /// # Errors
    /// As [`Classifier::new`].
    #[cfg(feature = "safetensors")]
    pub async fn embedded(options: ClassifierOptions) -> Result<Classifier> {
        Classifier::new(weights::embedded()?, options).await
    }

    /// Makes a classifier of weights that are already in memory.
    ///
    /// # Errors
    /// [`Error::Input`] if options contradict the network or the engine, [`Error::NoAdapter`] if what is asked for is not
    /// there, [`Error::Cancelled`]; the errors of [`Weights::preprocessing`], [`Engine::open`] and
    /// [`Model::load`](crate::Model::load).
    pub async fn new(weights: Weights, mut options: ClassifierOptions) -> Result<Classifier> {
        let parts = Parts::new(&weights, &mut options)?;
        let or_cpu = or_cpu(&options);
        let engine = std::mem::take(&mut options.engine).open_for(wants_adapter(&options)).await?;
        check(&options.cancel)?;
        let loaded = match parts.load(engine, &weights, &mut options).await {
            Ok(loaded) => loaded,
            Err(error) => parts.load(instead(error, or_cpu)?, &weights, &mut options).await?,
        };
        Ok(parts.classifier(loaded, options))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Classifier {
    /// Blocking twin of [`Classifier::open`].
    ///
    /// # Errors
    /// As [`Classifier::open`].
    #[cfg(feature = "files")]
    pub fn open_blocking(path: impl AsRef<Path>) -> Result<Classifier> {
        Classifier::open_with_blocking(path, ClassifierOptions::default())
    }

    /// Blocking twin of [`Classifier::open_with`].
    ///
    /// # Errors
    /// As [`Classifier::open_with`].
    #[cfg(feature = "files")]
    pub fn open_with_blocking(path: impl AsRef<Path>, options: ClassifierOptions) -> Result<Classifier> {
        check(&options.cancel)?;
        let weights = weights::open_with(path, &options.open)?;
        Classifier::new_blocking(weights, options)
    }

    /// Blocking twin of [`Classifier::embedded`].
    ///
    /// # Errors
    /// As [`Classifier::embedded`].
    #[cfg(feature = "safetensors")]
    pub fn embedded_blocking(options: ClassifierOptions) -> Result<Classifier> {
        Classifier::new_blocking(weights::embedded()?, options)
    }

    /// Blocking twin of [`Classifier::new`].
    ///
    /// # Errors
    /// As [`Classifier::new`].
    pub fn new_blocking(weights: Weights, mut options: ClassifierOptions) -> Result<Classifier> {
        let parts = Parts::new(&weights, &mut options)?;
        let or_cpu = or_cpu(&options);
        let engine = std::mem::take(&mut options.engine).open_for_blocking(wants_adapter(&options))?;
        check(&options.cancel)?;
        let loaded = match parts.load_blocking(engine, &weights, &mut options) {
            Ok(loaded) => loaded,
            Err(error) => parts.load_blocking(instead(error, or_cpu)?, &weights, &mut options)?,
        };
        Ok(parts.classifier(loaded, options))
    }
}

/// Whether options ask for what only adapters have.
fn wants_adapter(options: &ClassifierOptions) -> bool {
    options.kernels.is_some() || options.precision == Precision::F16
}

/// Whether the CPU engine may take the place of a GPU.
fn or_cpu(options: &ClassifierOptions) -> bool {
    matches!(options.engine, Engine::Best) && !wants_adapter(options)
}

/// What the caller knows of the adapter from another time.
#[cfg(feature = "gpu")]
fn recall(gpu: &Gpu, options: &ClassifierOptions) {
    if let Some(memory) = &options.memory
        && !gpu.recall(memory)
    {
        log::debug!("the memory is of another adapter, driver or version: it is ignored");
    }
}

/// [`Engine::open`] leaves neither; the reference never stands in unasked.
fn not_opened() -> Error {
    Error::NoAdapter("the engine was not opened".into())
}

/// What is decided before an engine is opened, so that mistakes show at once.
struct Parts {
    architecture: Architecture,
    origin: weights::Origin,
    labels: Arc<[String]>,
    preparation: Preparation,
    gradient: Option<HeadGradient>,
}

impl Parts {
    fn new(weights: &Weights, options: &mut ClassifierOptions) -> Result<Parts> {
        check(&options.cancel)?;
        let mut architecture = weights.architecture().clone();
        if let Some(activation) = options.activation {
            architecture.activation = activation;
            architecture.head.branches.iter_mut().for_each(|branch| branch.activation = activation);
        }
        let preprocessing = options.preprocessing.take().map_or_else(|| weights.preprocessing(), Ok)?;
        let preparation = Preparation {
            preprocessing,
            channels: architecture.input_channels,
            size: options.size,
            orientation: options.orientation,
            keeps_pictures: options.outputs.contains(&Wanted::ClassMaps),
        };
        let labels = class_names(options.labels.take(), weights)?.into();
        let on_host = options.outputs.contains(&Wanted::ClassMaps) && !architecture.head.is_plain();
        let gradient = on_host.then(|| HeadGradient::new(weights)).transpose()?;
        Ok(Parts { architecture, origin: weights.origin().clone(), labels, preparation, gradient })
    }

    /// Loads onto an engine that is open.
    #[cfg_attr(
        not(any(feature = "gpu", feature = "cpu")),
        allow(unused_variables, reason = "the reference has no options")
    )]
    async fn load(&self, engine: Engine, weights: &Weights, options: &mut ClassifierOptions) -> Result<Loaded> {
        match engine {
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => {
                recall(&gpu, options);
                Model::load(&gpu, weights, self.load_options(options)).await.map(Loaded::Gpu)
            }
            #[cfg(feature = "cpu")]
            Engine::Cpu(cpu) => cpu::Model::load(&cpu, weights, self.load_options(options)).await.map(Loaded::Cpu),
            Engine::Reference => Ok(Loaded::Reference(Arc::new(weights.clone()))),
            Engine::Best | Engine::Adapter(_) => Err(not_opened()),
        }
    }

    /// Blocking twin of [`Parts::load`].
    #[cfg(not(target_arch = "wasm32"))]
    #[cfg_attr(
        not(any(feature = "gpu", feature = "cpu")),
        allow(unused_variables, reason = "the reference has no options")
    )]
    fn load_blocking(&self, engine: Engine, weights: &Weights, options: &mut ClassifierOptions) -> Result<Loaded> {
        match engine {
            #[cfg(feature = "gpu")]
            Engine::Gpu(gpu) => {
                recall(&gpu, options);
                Model::load_blocking(&gpu, weights, self.load_options(options)).map(Loaded::Gpu)
            }
            #[cfg(feature = "cpu")]
            Engine::Cpu(cpu) => cpu::Model::load_blocking(&cpu, weights, self.load_options(options)).map(Loaded::Cpu),
            Engine::Reference => Ok(Loaded::Reference(Arc::new(weights.clone()))),
            Engine::Best | Engine::Adapter(_) => Err(not_opened()),
        }
    }

    #[cfg(any(feature = "gpu", feature = "cpu"))]
    fn load_options(&self, options: &mut ClassifierOptions) -> LoadOptions {
        let mut load = LoadOptions::default().precision(options.precision).cancel(options.cancel.clone());
        load = load.self_test(options.self_test).tuning(options.tuning).batch(options.batch.unwrap_or(1));
        load.kernels = options.kernels;
        load.size = self.preparation.size.or(self.preparation.preprocessing.size());
        load.class_maps = options.outputs.contains(&Wanted::ClassMaps);
        load.progress = options.progress.take().map(|progress| shared(progress, &mut options.progress));
        load.pause = options.pause.clone();
        load
    }

    fn classifier(self, loaded: Loaded, options: ClassifierOptions) -> Classifier {
        let batch = options.batch.unwrap_or_else(|| default_batch(&loaded));
        let widths =
            self.architecture.outputs().into_iter().map(|(name, width, _)| (name.to_string(), width)).collect();
        let inner = Inner {
            loaded,
            widths,
            architecture: self.architecture,
            origin: self.origin,
            labels: self.labels,
            preparation: self.preparation,
            gradient: self.gradient,
            outputs: options.outputs,
            batch,
            cancel: options.cancel,
            pool: Default::default(),
        };
        Classifier { inner: Arc::new(inner) }
    }
}

/// The same callback twice: once for this load, and once in `again`, for another that takes its place.
#[cfg(any(feature = "gpu", feature = "cpu"))]
fn shared(progress: ProgressCallback, again: &mut Option<ProgressCallback>) -> ProgressCallback {
    let progress = Arc::new(Mutex::new(progress));
    let twin = |progress: Arc<Mutex<ProgressCallback>>| -> ProgressCallback {
        Box::new(move |now| progress.lock().unwrap_or_else(PoisonError::into_inner)(now))
    };
    *again = Some(twin(progress.clone()));
    twin(progress)
}

fn default_batch(loaded: &Loaded) -> usize {
    match loaded {
        #[cfg(feature = "gpu")]
        Loaded::Gpu(model) if model.gpu().facts().kind != AdapterKind::Software => GPU_BATCH,
        #[cfg(feature = "cpu")]
        Loaded::Cpu(_) => CPU_BATCH,
        _ => 1,
    }
}

fn class_names(given: Option<Vec<String>>, weights: &Weights) -> Result<Vec<String>> {
    let Some(classes) = weights.architecture().classes() else { return Ok(Vec::new()) };
    match given {
        Some(names) if names.len() != classes => Err(Error::Input(format!(
            "{} class names, but the network has {classes} classes: one name for each is expected",
            names.len()
        ))),
        Some(names) => Ok(names),
        None => Ok(weights.labels().map_or_else(|| labels::for_outputs(weights.architecture()), <[String]>::to_vec)),
    }
}
