//! Opens a classifier as the arguments say, and describes it.

use std::io::IsTerminal as _;

use densenet_wgpu::weights::{Fact, Origin, Weights};
use densenet_wgpu::{Activation, Architecture, Classifier, ClassifierOptions, Preprocessing};
use serde_json::{Value, json};

use crate::cli::adapter::{AdapterArgs, adapter_json, cpu_json};
use crate::cli::{progress, source};

/// Loads `weights` onto the engine that the arguments name, with a progress bar. People are told which it is.
pub(crate) fn open(args: &AdapterArgs, weights: Weights, options: ClassifierOptions) -> anyhow::Result<Classifier> {
    let mut options = options.engine(args.engine()?).precision(args.precision).progress(progress::loading());
    options = options.self_test(!args.no_self_test).tuning(args.tuning());
    options.kernels = args.kernels;
    let classifier = Classifier::new_blocking(weights, options)?;
    log::info!("running on {}", classifier.engine());
    if std::io::stderr().is_terminal() {
        eprintln!("on {}", classifier.engine());
    }
    Ok(classifier)
}

/// What runs the network, as JSON.
pub(crate) fn engine_json(classifier: &Classifier) -> serde_json::Result<Value> {
    match (classifier.model(), classifier.cpu_model()) {
        (Some(model), _) => {
            let mut value = adapter_json(model.gpu().adapter())?;
            value["kernels"] = json!(model.family().to_string());
            Ok(value)
        }
        (None, Some(model)) => Ok(cpu_json(model.cpu())),
        (None, None) => Ok(json!({ "name": "cpu", "kind": "reference", "kernels": null })),
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
