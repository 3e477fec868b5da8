//! What is known of a network that was loaded, as the window shows it.

use std::path::PathBuf;

use densenet_wgpu::{Activation, AdapterFacts, Architecture, KernelFamily, Weights, labels};

use crate::reuse::{self, Reuse};
use crate::strips::Strip;

/// A loaded network.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) name: String,
    /// The file; none for the embedded model.
    pub(crate) path: Option<PathBuf>,
    /// Such as `safetensors, torchvision names`.
    pub(crate) format: String,
    /// The preparation of pictures.
    pub(crate) preset: String,
    pub(crate) architecture: Architecture,
    /// One for each class.
    pub(crate) labels: Vec<String>,
    pub(crate) parameters: u64,
    /// Whether it reads drawn digits.
    pub(crate) draws: bool,
    pub(crate) adapter: AdapterFacts,
    pub(crate) family: KernelFamily,
    /// Whether it runs on the window's own device.
    pub(crate) shared: bool,
    /// Bytes of the packed weights.
    pub(crate) weight_bytes: u64,
    pub(crate) strips: Vec<Strip>,
    pub(crate) reuse: Vec<Reuse>,
}

impl Network {
    /// What the weights alone say.
    ///
    /// # Errors
    /// Those of the preset and of the plan.
    pub(crate) fn of(weights: &Weights, adapter: AdapterFacts, family: KernelFamily) -> densenet_wgpu::Result<Network> {
        let architecture = weights.architecture().clone();
        let preset = weights.preprocessing()?;
        // Where a preset leaves pictures as they are, the strips are those of the smallest.
        let size = preset.size().map_or_else(|| architecture.least_square_size(), Ok)?;
        let strips = crate::strips::strips(&architecture, size)?;
        let classes = architecture.classes.unwrap_or(0);
        let labels = weights.labels().map_or_else(|| labels::for_classes(classes), <[String]>::to_vec);
        let origin = weights.origin();
        let file = origin.path.as_ref().and_then(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
        let named = Some(architecture.name.clone()).filter(|name| !name.is_empty());
        Ok(Network {
            name: named.or(file).unwrap_or_else(|| "DenseNet".into()),
            path: origin.path.clone(),
            format: format!("{}, {} names", origin.format, origin.scheme),
            draws: architecture.input_channels == 1 && preset.name == "mnist",
            preset: preset.to_string(),
            labels,
            parameters: weights
                .tensors()
                .iter()
                .filter(|(name, _)| is_trained(name))
                .map(|(_, t)| t.data.len() as u64)
                .sum(),
            adapter,
            family,
            shared: false,
            weight_bytes: 0,
            strips,
            reuse: reuse::of(weights)?,
            architecture,
        })
    }

    /// Whether scores are shares of one.
    pub(crate) fn has_probabilities(&self) -> bool {
        self.architecture.activation != Activation::None
    }

    /// Whether a strip shows this tap.
    pub(crate) fn has_tap(&self, tap: &str) -> bool {
        self.strips.iter().any(|strip| strip.view(false).tap == tap || strip.view(true).tap == tap)
    }

    /// A class's name.
    pub(crate) fn label(&self, class: usize) -> &str {
        self.labels.get(class).map_or("?", String::as_str)
    }
}

/// Running statistics are not counted, as is usual.
fn is_trained(name: &str) -> bool {
    !name.contains(".running_")
}
