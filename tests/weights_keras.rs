//! Files of every Keras, opened by their path alone, against the logits that Keras computed.

#![cfg(feature = "keras")]

mod compare;

use std::fs::File;
use std::path::{Path, PathBuf};

use compare::{assert_close, compare};
use densenet_wgpu::InputSize;
use densenet_wgpu::architecture::Activation;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, OpenOptions, Weights, random};
use serde::Deserialize;

/// As a fraction of the logit range.
const TOLERANCE: f64 = 1e-5;

/// A file as `tests/golden/make_keras_files.py` describes it.
#[derive(Deserialize)]
struct Case {
    /// Of the file.
    name: String,
    seed: u64,
    batch: usize,
    height: usize,
    width: usize,
    eps: f64,
    activation: Activation,
    preset: Option<String>,
    logits: Vec<f32>,
}

impl Case {
    fn logits_of(&self, weights: &Weights) -> Vec<f32> {
        let size = InputSize { height: self.height, width: self.width };
        let input = random::input(self.seed, self.batch * 3 * self.height * self.width);
        let outputs = forward_keeping(weights, &input, self.batch, size, |_| false).unwrap();
        outputs.logits().to_vec()
    }

    /// By path alone: a tenth of the tolerance, since both sides compute in f64.
    fn check(&self, folder: &Path) -> Weights {
        let weights = weights::open(folder.join(&self.name)).unwrap_or_else(|e| panic!("{e}"));
        assert_close(&self.name, &self.logits_of(&weights), &self.logits, TOLERANCE / 10.0);
        let (name, network) = (&self.name, weights.architecture());
        assert_eq!((network.eps, network.activation), (self.eps, self.activation), "{name}");
        assert_eq!(weights.preset_value().and_then(|preset| preset.as_str()), self.preset.as_deref(), "{name}");
        weights
    }

    fn another_eps_is_noticed(&self, folder: &Path) {
        for eps in [1e-5, 1.001e-5, 1.1e-5, 1e-3].into_iter().filter(|eps| *eps != self.eps) {
            let options = OpenOptions { eps: Some(eps), ..OpenOptions::default() };
            let changed = weights::open_with(folder.join(&self.name), &options).unwrap();
            let result = compare(&self.logits_of(&changed), &self.logits, TOLERANCE);
            assert!(result.is_err(), "{}: eps {eps} passes with an error of {result:?}", self.name);
        }
    }
}

fn cases(list: &Path) -> Vec<Case> {
    serde_json::from_str(&std::fs::read_to_string(list).unwrap()).unwrap()
}

/// The small files, unpacked.
fn small() -> (tempfile::TempDir, Vec<Case>) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = tempfile::tempdir().unwrap();
    let archive = File::open(golden.join("keras-files.zip")).unwrap();
    zip::ZipArchive::new(archive).unwrap().extract(folder.path()).unwrap();
    (folder, cases(&golden.join("keras-files.json")))
}

#[test]
fn small_files_of_every_keras_give_its_logits() {
    let (folder, cases) = small();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), cases.len());
    for case in cases {
        case.check(folder.path());
        case.another_eps_is_noticed(folder.path());
    }
}

#[test]
#[ignore = "needs a folder that tests/golden/make_large_keras.py filled, named by DENSENET_LARGE_KERAS"]
fn large_files_of_every_keras_give_its_logits() {
    let folder = PathBuf::from(std::env::var_os("DENSENET_LARGE_KERAS").expect("DENSENET_LARGE_KERAS names a folder"));
    let cases = cases(&folder.join("keras-files.json"));
    assert!(!cases.is_empty());
    for case in cases {
        let weights = case.check(&folder);
        assert!(weights.architecture().name.starts_with("densenet"), "{}", weights.architecture().name);
        assert!(!weights.architecture().name.contains('-'), "{}", weights.architecture().name);
    }
}
