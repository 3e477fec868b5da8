//! A loaded network, as the window describes it.

use std::path::PathBuf;

use densenet_wgpu::{Activation, AdapterFacts, Architecture, Classifier, KernelFamily, Model, cpu};

use crate::reuse::Reuse;
use crate::strips::Strip;

/// A loaded network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) name: String,
    /// The weight file; `None` is the embedded model.
    pub(crate) path: Option<PathBuf>,
    /// Such as `safetensors, torchvision names`.
    pub(crate) format: String,
    /// What is done to pictures.
    pub(crate) preprocessing: String,
    pub(crate) architecture: Architecture,
    /// One per class.
    pub(crate) labels: Vec<String>,
    /// What its file leaves open and was assumed.
    pub(crate) warnings: Vec<String>,
    pub(crate) parameters: u64,
    /// Whether it reads digits, so that there is a sheet to draw on.
    pub(crate) draws: bool,
    /// What runs it, in short: the adapter's name.
    pub(crate) engine: String,
    /// The same, with all that is known about it.
    pub(crate) engine_facts: String,
    /// Adapters alone have kernel families.
    pub(crate) family: Option<KernelFamily>,
    /// Whether it runs on the window's own device.
    pub(crate) shared: bool,
    /// Bytes of the packed weights.
    pub(crate) weight_bytes: u64,
    pub(crate) strips: Vec<Strip>,
    pub(crate) reuse: Vec<Reuse>,
}

impl Network {
    /// Describes a classifier, and the adapter that it runs on, if there is one. Feature reuse is left out: only the weights tell it.
    ///
    /// # Errors
    /// Those of the plan.
    pub(crate) fn of(classifier: &Classifier, adapter: Option<&AdapterFacts>) -> densenet_wgpu::Result<Network> {
        let architecture = classifier.architecture().clone();
        let preprocessing = classifier.preprocessing();
        // Without a fixed input size, the strips are those of the smallest picture.
        let size = preprocessing.size().map_or_else(|| architecture.least_size(), Ok)?;
        let strips = crate::strips::strips(&architecture, size)?;
        let origin = classifier.origin();
        let file = origin.path.as_ref().and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
        let named = Some(architecture.name.clone()).filter(|name| !name.is_empty());
        let (model, on_cpu) = (classifier.model(), classifier.cpu_model());
        let (engine, engine_facts) = match adapter {
            Some(facts) => {
                let all = format!("{} ({}, {} {})", facts.name, facts.kind, facts.backend, facts.driver);
                (facts.name.clone(), all)
            }
            None => ("CPU".into(), classifier.engine()),
        };
        Ok(Network {
            name: named.or(file).unwrap_or_else(|| "DenseNet".into()),
            path: origin.path.clone(),
            format: format!("{}, {} names", origin.format, origin.scheme),
            draws: architecture.input_channels == 1 && preprocessing.name == "mnist",
            preprocessing: preprocessing.to_string(),
            labels: classifier.labels().to_vec(),
            warnings: classifier.origin().warnings.clone(),
            parameters: architecture.parameter_count()?,
            engine,
            engine_facts,
            family: model.map(Model::family),
            shared: false,
            weight_bytes: model.map(Model::weight_bytes).or(on_cpu.map(cpu::Model::weight_bytes)).unwrap_or(0),
            strips,
            reuse: Vec::new(),
            architecture,
        })
    }

    /// Whether scores are probabilities.
    pub(crate) fn has_probabilities(&self) -> bool {
        self.architecture.outputs().iter().all(|(_, _, activation)| *activation != Activation::None)
    }

    /// Classes of each output.
    pub(crate) fn output_widths(&self) -> Vec<usize> {
        self.architecture.outputs().into_iter().map(|(_, width, _)| width).collect()
    }

    /// Whether a strip shows this tap.
    pub(crate) fn has_tap(&self, tap: &str) -> bool {
        self.strips.iter().any(|strip| strip.view(false).tap == tap || strip.view(true).tap == tap)
    }

    /// The name of a class.
    pub(crate) fn label(&self, class: usize) -> &str {
        self.labels.get(class).map_or("?", String::as_str)
    }
}
