//! One picture at a time, from any number of threads.

use std::fmt;
use std::sync::Arc;

use super::engine::{Loaded, Row, Runner, Shape};
use super::gradient::HeadGradient;
use super::input::{Input, Preparation, Ready};
use super::outputs::{FEATURES, Wanted, taps};
use super::pool::Pool;
use super::prediction::Prediction;
use crate::architecture::{Activation, Architecture, InputSize};
use crate::cancel::CancelToken;
#[cfg(feature = "cpu")]
use crate::cpu;
use crate::error::Result;
#[cfg(feature = "gpu")]
use crate::gpu::Model;
use crate::maps::{CLASS_MAPS, FeatureMaps, POOLED_MAPS};
use crate::picture::{Orientation, Preprocessing};
use crate::weights::Origin;

/// A network with its engine, its preprocessing and the names of its classes. Cheap to clone, and shared by clones and
/// threads.
///
/// ```
/// # #[cfg(all(feature = "safetensors", not(target_arch = "wasm32")))]
/// # fn main() -> densenet_wgpu::Result<()> {
/// use densenet_wgpu::{Classifier, ClassifierOptions, Wanted};
///
/// let options = ClassifierOptions::default().engine("reference").outputs([Wanted::ClassMaps]);
/// let classifier = Classifier::embedded_blocking(options)?;
/// let prediction = classifier.classify_blocking("tests/images/digits/5-plain.png")?;
/// assert_eq!(prediction.top(1)[0].label, "5");
/// assert_eq!(prediction.class_maps().unwrap().channels, 10);
/// # Ok(())
/// # }
/// # #[cfg(not(all(feature = "safetensors", not(target_arch = "wasm32"))))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Classifier {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) loaded: Loaded,
    pub(super) architecture: Architecture,
    pub(super) origin: Origin,
    pub(super) labels: Arc<[String]>,
    /// Name and width of each output.
    pub(super) widths: Arc<[(String, usize)]>,
    pub(super) preparation: Preparation,
    /// For class maps of a head that is not plain.
    pub(super) gradient: Option<HeadGradient>,
    pub(super) outputs: Vec<Wanted>,
    pub(super) batch: usize,
    pub(super) cancel: Option<CancelToken>,
    pub(super) pool: Pool,
}

impl Classifier {
    /// The network.
    pub fn architecture(&self) -> &Architecture {
        &self.inner.architecture
    }

    /// Where the weights came from.
    pub fn origin(&self) -> &Origin {
        &self.inner.origin
    }

    /// Names of the classes, one for each output.
    pub fn labels(&self) -> &[String] {
        &self.inner.labels
    }

    /// What is done to pictures.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.inner.preparation.preprocessing
    }

    /// Which way up picture files are read.
    pub fn orientation(&self) -> Orientation {
        self.inner.preparation.orientation
    }

    /// What turns logits into scores, where the network has one output; several have their own
    /// ([`Architecture::outputs`]).
    pub fn activation(&self) -> Activation {
        self.inner.architecture.activation
    }

    /// Pictures of one pass.
    pub fn batch(&self) -> usize {
        self.inner.batch
    }

    /// What runs the network, as text: an adapter with its kernels, the CPU engine with its threads, or the CPU reference.
    pub fn engine(&self) -> String {
        self.inner.loaded.to_string()
    }

    /// The model on its adapter; `None` if the CPU runs it.
    #[cfg(feature = "gpu")]
    pub fn model(&self) -> Option<&Model> {
        match &self.inner.loaded {
            Loaded::Gpu(model) => Some(model),
            _ => None,
        }
    }

    /// The model on the CPU engine; `None` if an adapter or the CPU reference runs it.
    #[cfg(feature = "cpu")]
    pub fn cpu_model(&self) -> Option<&cpu::Model> {
        match &self.inner.loaded {
            Loaded::Cpu(model) => Some(model),
            _ => None,
        }
    }

    /// Bytes on the device, or of the CPU engine: the weights, and the activations of the size that was classified last.
    pub fn device_bytes(&self) -> u64 {
        let weights = match &self.inner.loaded {
            #[cfg(feature = "gpu")]
            Loaded::Gpu(model) => model.weight_bytes(),
            #[cfg(feature = "cpu")]
            Loaded::Cpu(model) => model.weight_bytes(),
            Loaded::Reference(_) => 0,
        };
        self.inner.pool.largest_device_bytes().max(weights)
    }

    /// Classifies one picture, or one tensor.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) and [`Error::File`](crate::Error::File) for a picture that cannot be read,
    /// [`Error::Input`](crate::Error::Input) and [`Error::Limit`](crate::Error::Limit) for one that the network or the
    /// adapter does not admit, [`Error::Tap`](crate::Error::Tap) for an unknown tap,
    /// [`Error::Cancelled`](crate::Error::Cancelled), and the errors of [`Session::run`](crate::Session::run).
    pub async fn classify(&self, picture: impl Into<Input>) -> Result<Prediction> {
        self.classify_wanting(picture, &self.inner.outputs).await
    }

    /// As [`Classifier::classify`], with other outputs than those of [`ClassifierOptions::outputs`](super::ClassifierOptions).
    ///
    /// # Errors
    /// As [`Classifier::classify`]; [`Error::Tap`](crate::Error::Tap) for class maps that were not among the outputs when the
    /// classifier was opened.
    pub async fn classify_wanting(&self, picture: impl Into<Input>, outputs: &[Wanted]) -> Result<Prediction> {
        let ready = self.prepare(picture.into())?;
        let shape = self.shape(ready.size, outputs, 1);
        let (shape, mut runner) = match self.inner.pool.take(&shape) {
            Some(idle) => idle,
            None => (shape.clone(), self.inner.loaded.runner(&shape, self.inner.cancel.as_ref()).await?),
        };
        let rows = runner.run(&ready.data).await;
        self.one(ready, rows?, shape, runner)
    }

    /// Blocking twin of [`Classifier::classify`].
    ///
    /// # Errors
    /// As [`Classifier::classify`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn classify_blocking(&self, picture: impl Into<Input>) -> Result<Prediction> {
        self.classify_wanting_blocking(picture, &self.inner.outputs)
    }

    /// Blocking twin of [`Classifier::classify_wanting`].
    ///
    /// # Errors
    /// As [`Classifier::classify_wanting`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn classify_wanting_blocking(&self, picture: impl Into<Input>, outputs: &[Wanted]) -> Result<Prediction> {
        let ready = self.prepare(picture.into())?;
        let shape = self.shape(ready.size, outputs, 1);
        let (shape, mut runner) = match self.inner.pool.take(&shape) {
            Some(idle) => idle,
            None => (shape.clone(), self.inner.loaded.runner_blocking(&shape, self.inner.cancel.as_ref())?),
        };
        let rows = runner.run_blocking(&ready.data);
        self.one(ready, rows?, shape, runner)
    }

    /// Times every step of the network on this picture, on an adapter each in a compute pass of its own.
    ///
    /// # Errors
    /// As [`Classifier::classify`]; [`Error::Device`](crate::Error::Device) if the adapter has no timestamps, or the
    /// CPU reference runs.
    #[cfg(all(any(feature = "gpu", feature = "cpu"), not(target_arch = "wasm32")))]
    pub fn profile_blocking(&self, picture: impl Into<Input>) -> Result<Vec<crate::StepTime>> {
        let ready = self.prepare(picture.into())?;
        let shape = self.shape(ready.size, &self.inner.outputs, 1);
        let (shape, mut runner) = match self.inner.pool.take(&shape) {
            Some(idle) => idle,
            None => (shape.clone(), self.inner.loaded.runner_blocking(&shape, self.inner.cancel.as_ref())?),
        };
        let times = runner.profile_blocking(&ready.data)?;
        self.inner.pool.put(shape, runner);
        times.ok_or_else(|| crate::Error::Device("the CPU reference takes no timestamps: steps cannot be timed".into()))
    }

    pub(super) fn prepare(&self, input: Input) -> Result<Ready> {
        check(&self.inner.cancel)?;
        input.prepare(&self.inner.preparation)
    }

    pub(super) fn shape(&self, size: InputSize, outputs: &[Wanted], batch: usize) -> Shape {
        Shape { size, taps: taps(outputs, &self.inner.architecture), batch }
    }

    fn one(&self, ready: Ready, rows: Vec<Row>, shape: Shape, runner: Runner) -> Result<Prediction> {
        self.inner.pool.put(shape, runner);
        let row = rows.into_iter().next().expect("a run of one image yields one row");
        Ok(self.prediction(ready, row))
    }

    pub(super) fn prediction(&self, ready: Ready, row: Row) -> Prediction {
        let Row { values, mut taps } = row;
        let pooled = taps.iter().find(|(name, _)| name == POOLED_MAPS);
        if let (Some(gradient), Some((_, pooled))) = (&self.inner.gradient, pooled) {
            let maps = gradient.class_maps(pooled);
            taps.push((CLASS_MAPS.into(), maps));
        }
        let logits = match self.inner.architecture.classes() {
            Some(_) => values,
            None => {
                let (channels, height, width) = (values.len(), 1, 1);
                taps.push((FEATURES.into(), FeatureMaps { channels, height, width, data: values }));
                Vec::new()
            }
        };
        Prediction {
            scores: self.inner.architecture.scores(&logits),
            logits,
            region: ready.region,
            warnings: ready.warnings,
            labels: self.inner.labels.clone(),
            outputs: self.inner.widths.clone(),
            taps,
            picture: ready.picture,
        }
    }
}

/// [`CancelToken::check`], if there is a token.
pub(super) fn check(token: &Option<CancelToken>) -> Result<()> {
    token.as_ref().map_or(Ok(()), CancelToken::check)
}

impl fmt::Debug for Classifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classifier")
            .field("architecture", &self.inner.architecture.name)
            .field("engine", &self.engine())
            .finish_non_exhaustive()
    }
}
