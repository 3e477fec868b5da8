//! A classifier of the library, and what makes another when its device is lost.

use std::cell::{Cell, RefCell};

use densenet_wgpu::{Classifier, ClassifierOptions, Engine, Error, Input, KernelFamily, Prediction, Wanted, Weights};
use send_wrapper::SendWrapper;
use wasm_bindgen::JsValue;

use crate::abort::Abort;
use crate::adapter::is_on_gpu;
#[cfg(feature = "gpu")]
use crate::memory;
use crate::options::{self, Load};
use crate::rest::pause;

/// A loaded network.
pub(crate) struct Network {
    classifier: RefCell<Classifier>,
    /// None on the CPU, which is not lost.
    spare: Option<Spare>,
    is_lost: Cell<bool>,
}

/// What a new device is loaded from.
struct Spare {
    weights: Weights,
    engine: options::Engine,
    kernels: Option<KernelFamily>,
    labels: Option<Vec<String>>,
}

impl Network {
    pub(crate) async fn load(weights: Weights, options: Load, abort: &Abort) -> Result<Network, JsValue> {
        let Load { engine, kernels, labels, progress, .. } = options;
        let spare = (engine != options::Engine::Cpu).then(|| Spare {
            weights: weights.clone(),
            engine,
            kernels,
            labels: labels.clone(),
        });
        let progress = SendWrapper::new(progress);
        let choice = choice(&weights, engine, kernels, labels)
            .cancel(abort.token.clone())
            .pause(pause())
            .progress(move |state| progress.tell("load", state.done as f64, Some(state.total as f64), &state.what));
        let classifier = made(weights, choice).await.map_err(|error| abort.failure(&error))?;
        let spare = spare.filter(|_| is_on_gpu(&classifier));
        Ok(Network { classifier: RefCell::new(classifier), spare, is_lost: Cell::new(false) })
    }

    /// The classifier as it is.
    pub(crate) fn classifier(&self) -> Classifier {
        self.classifier.borrow().clone()
    }

    /// Classifies pictures: on a GPU several in one pass, else one after the other. A lost device fails this call, and the next one
    /// gets another.
    pub(crate) async fn classify(
        &self,
        inputs: Vec<Input>,
        outputs: &[Wanted],
        abort: &Abort,
    ) -> Result<Vec<Prediction>, JsValue> {
        let classifier = self.ready(abort).await?;
        // What the classifier was loaded for is what passes of several pictures give.
        let in_passes = inputs.len() > 1 && self.pass() > 1 && outputs.iter().all(|it| *it == Wanted::ClassMaps);
        let mut predictions = Vec::new();
        let mut inputs = inputs.into_iter().peekable();
        while inputs.peek().is_some() {
            abort.check()?;
            let pass: Vec<Input> = inputs.by_ref().take(if in_passes { self.pass() } else { 1 }).collect();
            let found = match in_passes {
                true => classifier.classify_many(pass).await.and_then(|answers| answers.into_iter().collect()),
                false => one_by_one(&classifier, pass, outputs).await,
            };
            let found: Vec<Prediction> = found.map_err(|error| {
                if matches!(error, Error::DeviceLost(_)) && self.spare.is_some() {
                    self.is_lost.set(true);
                }
                abort.failure(&error)
            })?;
            predictions.extend(found);
        }
        Ok(predictions)
    }

    /// Pictures that go through the engine together.
    pub(crate) fn pass(&self) -> usize {
        let classifier = self.classifier();
        if is_on_gpu(&classifier) { classifier.batch() } else { 1 }
    }

    async fn ready(&self, abort: &Abort) -> Result<Classifier, JsValue> {
        if let (true, Some(spare)) = (self.is_lost.get(), &self.spare) {
            let choice = choice(&spare.weights, spare.engine, spare.kernels, spare.labels.clone())
                .cancel(abort.token.clone())
                .pause(pause());
            let new = made(spare.weights.clone(), choice).await.map_err(|error| abort.failure(&error))?;
            self.classifier.replace(new);
            self.is_lost.set(false);
        }
        Ok(self.classifier())
    }
}

/// A classifier whose device remembers what was found out about it.
async fn made(weights: Weights, options: ClassifierOptions) -> densenet_wgpu::Result<Classifier> {
    #[cfg(feature = "gpu")]
    let options = match memory::kept().await {
        Some(memory) => options.memory(memory),
        None => options,
    };
    let classifier = Classifier::new(weights, options).await?;
    #[cfg(feature = "gpu")]
    if let Some(model) = classifier.model() {
        memory::keep(model.gpu()).await;
    }
    Ok(classifier)
}

async fn one_by_one(
    classifier: &Classifier,
    inputs: Vec<Input>,
    outputs: &[Wanted],
) -> densenet_wgpu::Result<Vec<Prediction>> {
    let mut predictions = Vec::new();
    for input in inputs {
        predictions.push(classifier.classify_wanting(input, outputs).await?);
    }
    Ok(predictions)
}

/// How a classifier of these weights is loaded.
fn choice(
    weights: &Weights,
    engine: options::Engine,
    kernels: Option<KernelFamily>,
    labels: Option<Vec<String>>,
) -> ClassifierOptions {
    let mut choice = ClassifierOptions::default().engine(match engine {
        options::Engine::Auto => Engine::Best,
        // Any adapter, software too.
        options::Engine::Gpu => Engine::Adapter(String::new()),
        options::Engine::Cpu => Engine::Adapter("cpu".into()),
    });
    if weights.architecture().classes().is_some() {
        choice = choice.outputs([Wanted::ClassMaps]);
    }
    choice.kernels = kernels;
    choice.labels = labels;
    choice
}
