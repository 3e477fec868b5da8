//! Opens a classifier as the arguments say, and describes it.

use anyhow::Context as _;
use densenet_wgpu::weights::{Fact, Origin, Weights};
use densenet_wgpu::{Activation, Architecture, Classifier, ClassifierOptions, Error, Preprocessing};
use serde_json::{Value, json};

use crate::cli::adapter::{AdapterArgs, adapter_json};
use crate::cli::finish::Usage;
use crate::cli::{progress, source};

/// What to do on a machine without an adapter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum WithoutAdapter {
    /// Compute on the CPU, and say so.
    FallBack,
    /// Give up.
    Fail,
}

/// Loads `weights` onto the engine that the arguments name, with a progress bar.
pub(crate) fn open(
    args: &AdapterArgs,
    weights: Weights,
    options: ClassifierOptions,
    without: WithoutAdapter,
) -> anyhow::Result<Classifier> {
    if args.is_cpu() && args.kernels.is_some() {
        return Err(Usage::error("--kernels is for adapters: the CPU reference has none"));
    }
    let mut options = options.precision(args.precision).progress(progress::loading());
    options.kernels = args.kernels;
    options = match args.is_cpu() {
        true => options.engine("reference"),
        false => match args.open() {
            Ok(gpu) => options.engine(gpu),
            // A name that matches nothing is a mistake to report, not a reason to compute elsewhere.
            Err(error @ Error::NoAdapter(_)) if args.adapter.is_none() => match without {
                WithoutAdapter::FallBack => {
                    eprintln!("warning: {error}");
                    eprintln!("warning: computing on the CPU with the slow reference instead");
                    options.engine("reference")
                }
                WithoutAdapter::Fail => {
                    return Err(error).context("there is nothing to run on; --adapter cpu computes on the CPU, slowly");
                }
            },
            Err(error) => return Err(error.into()),
        },
    };
    let classifier = Classifier::new_blocking(weights, options)?;
    log::info!("running on {}", classifier.engine());
    Ok(classifier)
}

/// What runs the network, as JSON.
pub(crate) fn engine_json(classifier: &Classifier) -> serde_json::Result<Value> {
    match classifier.model() {
        Some(model) => {
            let mut value = adapter_json(model.gpu().adapter())?;
            value["kernels"] = json!(model.family().to_string());
            Ok(value)
        }
        None => Ok(json!({ "name": "cpu", "kind": "reference", "kernels": null })),
    }
}

/// The network of a classifier as JSON.
pub(crate) fn classifier_json(classifier: &Classifier) -> Value {
    let (preprocessing, activation) = (classifier.preprocessing(), classifier.activation());
    model_json(classifier.architecture(), classifier.origin(), preprocessing, activation)
}

/// A network as JSON: what it is, and where it comes from.
pub(crate) fn model_json(
    architecture: &Architecture,
    origin: &Origin,
    preprocessing: &Preprocessing,
    activation: Activation,
) -> Value {
    json!({
        "name": source::name_of(architecture),
        "path": origin.path.as_ref().map(|path| path.to_string_lossy()),
        "format": origin.format,
        "scheme": origin.scheme,
        "classes": architecture.classes(),
        "preset": preprocessing.to_string(),
        "activation": activation,
        "head": architecture.head.to_string(),
        "warnings": origin.warnings,
    })
}

/// Where each statement about weights comes from, as JSON.
pub(crate) fn facts_json(facts: &[Fact]) -> Value {
    facts.iter().map(|fact| json!({ "what": fact.what, "value": fact.value, "from": fact.from })).collect()
}
