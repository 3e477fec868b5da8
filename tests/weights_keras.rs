//! Files of every Keras, opened by their path alone, against the logits that Keras computed.

#![cfg(feature = "keras")]

mod compare;
mod framework_files;

use std::path::{Path, PathBuf};

use densenet_wgpu::architecture::Activation;
use densenet_wgpu::weights::{self, OpenOptions, Weights};
use framework_files::{Golden, cases, unpacked};
use serde::Deserialize;

/// A file as `tests/golden/make_keras_files.py` describes it.
#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    golden: Golden,
    eps: f64,
    activation: Activation,
    preset: Option<String>,
}

impl Case {
    fn check(&self, folder: &Path) -> Weights {
        let weights = self.golden.open(folder);
        let (name, network) = (&self.golden.name, weights.architecture());
        assert_eq!((network.eps, network.activation), (self.eps, self.activation), "{name}");
        let preset = weights.origin().facts.iter().find(|fact| fact.what == "preset").map(|fact| &fact.value);
        assert_eq!(preset, self.preset.as_ref(), "{name}");
        weights
    }

    fn another_eps_is_noticed(&self, folder: &Path) {
        for eps in [1e-5, 1.001e-5, 1.1e-5, 1e-3].into_iter().filter(|eps| *eps != self.eps) {
            let options = OpenOptions::default().eps(eps);
            let changed = weights::open_with(folder.join(&self.golden.name), &options).unwrap();
            let result = self.golden.compare(&changed);
            assert!(result.is_err(), "{}: eps {eps} passes with {result:?} of the tolerance", self.golden.name);
        }
    }
}

#[test]
fn small_files_of_every_keras_give_its_logits() {
    let (folder, cases) = unpacked::<Case>("keras-files");
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
    let cases: Vec<Case> = cases(&folder.join("keras-files.json"));
    assert!(!cases.is_empty());
    for case in cases {
        let weights = case.check(&folder);
        assert!(weights.architecture().name.starts_with("densenet"), "{}", weights.architecture().name);
        assert!(!weights.architecture().name.contains('-'), "{}", weights.architecture().name);
    }
}
