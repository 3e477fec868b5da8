//! One face for the adapter and the CPU reference.

use densenet_wgpu::Preprocessing;
use densenet_wgpu::weights::{Fact, Weights};
use densenet_wgpu::{Activation, Error, InputSize, Model, Output, Pending, Session, SessionOptions, reference};
use serde_json::{Value, json};

use crate::cli::adapter::{AdapterArgs, adapter_json};
use crate::cli::finish::Usage;
use crate::cli::source;

/// What to do on a machine without any adapter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithoutAdapter {
    /// Compute on the CPU, and say so.
    FallBack,
    /// Give up.
    Fail,
}

/// Runs a network somewhere.
pub(crate) enum Runner {
    Adapter { model: Model },
    Reference { weights: Box<Weights> },
}

/// The result of one run: rows of logits, and the tap that was asked for.
pub(crate) struct Outcome {
    pub(crate) logits: Vec<f32>,
    pub(crate) tap: Option<Tap>,
}

/// A layer's output, NCHW.
#[derive(Clone)]
pub(crate) struct Tap {
    pub(crate) shape: [usize; 3],
    pub(crate) data: Vec<f32>,
}

impl Outcome {
    fn of(output: &Output, tap: Option<&str>) -> Outcome {
        let tap = tap
            .and_then(|name| output.tap(name))
            .map(|value| Tap { shape: [value.channels, value.height, value.width], data: value.data.clone() });
        Outcome { logits: output.logits().to_vec(), tap }
    }
}

impl Runner {
    /// `class_maps`: whether the tap [`densenet_wgpu::CLASS_MAPS`] will be asked for.
    pub(crate) fn new(
        args: &AdapterArgs,
        weights: Weights,
        class_maps: bool,
        without: WithoutAdapter,
    ) -> anyhow::Result<Runner> {
        if args.is_cpu() {
            if args.kernels.is_some() {
                return Err(Usage::error("--kernels is for adapters: the CPU reference has none"));
            }
            return Ok(Runner::Reference { weights: Box::new(weights) });
        }
        match args.open() {
            Ok(gpu) => {
                let model = args.load(&gpu, &weights, class_maps)?;
                Ok(Runner::Adapter { model })
            }
            // A name that matches nothing is a mistake to be told, not a reason to compute elsewhere.
            Err(error @ Error::NoAdapter(_)) if without == WithoutAdapter::FallBack && args.adapter.is_none() => {
                eprintln!("warning: {error}");
                eprintln!("warning: computing on the CPU with the slow reference instead");
                Ok(Runner::Reference { weights: Box::new(weights) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The adapter as JSON.
    pub(crate) fn json(&self) -> serde_json::Result<Value> {
        match self {
            Runner::Adapter { model } => {
                let mut value = adapter_json(model.gpu().facts())?;
                value["kernels"] = json!(model.family().to_string());
                Ok(value)
            }
            Runner::Reference { .. } => Ok(json!({ "name": "cpu", "kind": "reference", "kernels": null })),
        }
    }

    /// Prepares for images of `size`.
    pub(crate) fn prepare(&self, size: InputSize, max_batch: usize, tap: Option<&str>) -> anyhow::Result<Prepared<'_>> {
        let tap = tap.map(str::to_string);
        match self {
            Runner::Adapter { model } => {
                let options = SessionOptions::new(size).max_batch(max_batch).taps(&tap);
                let session = model.session_blocking(options)?;
                Ok(Prepared::Adapter { session: Box::new(session), tap })
            }
            Runner::Reference { weights } => Ok(Prepared::Reference { weights, size, tap }),
        }
    }
}

/// Runs images of one size.
pub(crate) enum Prepared<'a> {
    Adapter { session: Box<Session>, tap: Option<String> },
    Reference { weights: &'a Weights, size: InputSize, tap: Option<String> },
}

/// A run that was started.
pub(crate) enum Flight {
    Adapter { pending: Pending, tap: Option<String> },
    Done(Outcome),
}

impl Flight {
    /// Waits for the result.
    pub(crate) fn land(self) -> anyhow::Result<Outcome> {
        match self {
            Flight::Adapter { pending, tap } => Ok(Outcome::of(&pending.wait_blocking()?, tap.as_deref())),
            Flight::Done(outcome) => Ok(outcome),
        }
    }
}

impl Prepared<'_> {
    /// Images that can be started at once.
    pub(crate) fn most(&self) -> usize {
        match self {
            Prepared::Adapter { session, .. } => session.batch(),
            Prepared::Reference { .. } => 1,
        }
    }

    /// Starts `batch` images, NCHW; [`Session::IN_FLIGHT`] such runs may be under way. The CPU reference is done at once.
    pub(crate) fn start(&mut self, images: &[f32], batch: usize) -> anyhow::Result<Flight> {
        match self {
            Prepared::Adapter { session, tap } => {
                Ok(Flight::Adapter { pending: session.submit(images)?, tap: tap.clone() })
            }
            Prepared::Reference { .. } => Ok(Flight::Done(self.run(images, batch)?)),
        }
    }

    /// Runs `batch` images, NCHW.
    pub(crate) fn run(&mut self, images: &[f32], batch: usize) -> anyhow::Result<Outcome> {
        match self {
            Prepared::Adapter { session, tap } => Ok(Outcome::of(&session.run_blocking(images)?, tap.as_deref())),
            Prepared::Reference { weights, size, tap } => on_cpu(weights, images, batch, *size, tap.as_deref()),
        }
    }
}

/// Image by image, so that only one image's feature maps are held.
fn on_cpu(
    weights: &Weights,
    images: &[f32],
    batch: usize,
    size: InputSize,
    tap: Option<&str>,
) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome { logits: Vec::new(), tap: None };
    for image in images.chunks(images.len() / batch) {
        let outputs = reference::forward_keeping(weights, image, 1, size, |name| Some(name) == tap)?;
        outcome.logits.extend_from_slice(outputs.logits());
        if let Some(name) = tap {
            let value = outputs.get(name).ok_or_else(|| Error::Tap {
                name: name.to_string(),
                hint: "neither a layer nor a tap of this network; `densenet inspect --plan` lists the layers".into(),
            })?;
            let shape = [value.channels, value.height, value.width];
            let all = outcome.tap.get_or_insert(Tap { shape, data: Vec::new() });
            all.data.extend_from_slice(&value.data);
        }
    }
    Ok(outcome)
}

/// Where each statement about weights comes from, as JSON.
pub(crate) fn facts_json(facts: &[Fact]) -> Value {
    facts.iter().map(|fact| json!({ "what": fact.what, "value": fact.value, "from": fact.from })).collect()
}

/// Weights as JSON: what the network is, and where it came from.
pub(crate) fn model_json(weights: &Weights, preset: &Preprocessing, activation: Activation) -> Value {
    let (architecture, origin) = (weights.architecture(), weights.origin());
    json!({
        "name": source::name_of(architecture),
        "path": origin.path.as_ref().map(|path| path.to_string_lossy()),
        "format": origin.format,
        "scheme": origin.scheme,
        "classes": architecture.classes,
        "preset": preset.to_string(),
        "activation": activation,
    })
}
