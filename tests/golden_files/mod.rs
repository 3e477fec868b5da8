//! The goldens in `tests/golden/`, made there by PyTorch and Keras.

use std::path::{Path, PathBuf};

use densenet_wgpu::weights::{self, Statistics, Weights};
use densenet_wgpu::{Architecture, InputSize};
use serde::Deserialize;

/// A network, an input, and the logits that another framework computed for them in f64.
pub(crate) struct GoldenCase {
    /// Unique among the cases.
    pub(crate) name: String,
    /// Images of the input.
    pub(crate) batch: usize,
    /// Of each image.
    pub(crate) size: InputSize,
    /// NCHW.
    pub(crate) input: Vec<f32>,
    /// `[batch, classes]`.
    pub(crate) logits: Vec<f32>,
    /// The running variances are 1e-4 to 1e-3: another framework's epsilon must be noticed.
    #[allow(dead_code, reason = "of no use to tests that run an adapter")]
    pub(crate) eps_matters: bool,
    network: Network,
}

enum Network {
    Seeded(Box<Architecture>, u64, Statistics),
    File(PathBuf),
}

impl GoldenCase {
    /// The network's weights, made from the seed or read from the file.
    pub(crate) fn weights(&self) -> Weights {
        match &self.network {
            Network::Seeded(architecture, seed, statistics) => Weights::random_with(architecture, *seed, *statistics),
            Network::File(path) => weights::open(path),
        }
        .unwrap_or_else(|e| panic!("{}: {e}", self.name))
    }
}

/// A case as `tests/golden/description.py` writes it.
#[derive(Deserialize)]
struct Written {
    name: String,
    seed: u64,
    batch: usize,
    height: usize,
    width: usize,
    architecture: Option<serde_json::Value>,
    statistics: Option<String>,
    weights: Option<String>,
    logits: Vec<f32>,
}

/// Every golden case; those with weights in a file too.
pub(crate) fn cases() -> Vec<GoldenCase> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = Vec::new();
    for file in ["torch.json", "keras.json"] {
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        let written: Vec<Written> = serde_json::from_str(&text).unwrap();
        cases.extend(written.into_iter().map(|case| read(case, &folder)));
    }
    cases
}

fn read(case: Written, folder: &Path) -> GoldenCase {
    let small = case.statistics.as_deref() != Some("ordinary");
    let (network, channels) = match (case.architecture, case.weights) {
        (Some(described), None) => {
            let architecture = match described.as_str() {
                Some(preset) => Architecture::preset(preset).unwrap(),
                None => Architecture::from_json(&described.to_string()).unwrap(),
            };
            let channels = architecture.input_channels;
            let statistics = if small { Statistics::Small } else { Statistics::Ordinary };
            (Network::Seeded(Box::new(architecture), case.seed, statistics), channels)
        }
        (None, Some(file)) => (Network::File(folder.join(file)), 3),
        _ => panic!("{}: either an architecture or a file of weights", case.name),
    };
    GoldenCase {
        input: weights::random::input(case.seed, case.batch * channels * case.height * case.width),
        name: case.name,
        batch: case.batch,
        size: InputSize { height: case.height, width: case.width },
        logits: case.logits,
        eps_matters: small,
        network,
    }
}
