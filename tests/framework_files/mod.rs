//! Files that a framework wrote, packed in a zip beside the logits that it computed.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::fs::File;
use std::path::Path;

use densenet_wgpu::InputSize;
use densenet_wgpu::reference::{Outputs, forward_keeping};
use densenet_wgpu::weights::{self, Weights, random};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::compare::compare_logits;

/// What the logits may be off, as a share of what f32 rounding explains: both sides compute in f64.
pub(crate) const SHARE: f64 = 0.1;

/// What the generators in `tests/golden` say of every file.
#[derive(Deserialize)]
pub(crate) struct Golden {
    /// Of the file.
    pub(crate) name: String,
    pub(crate) seed: u64,
    pub(crate) batch: usize,
    pub(crate) height: usize,
    pub(crate) width: usize,
    #[serde(default = "three")]
    channels: usize,
    /// What the seeded input is multiplied by, and what is added.
    #[serde(default = "one")]
    scale: f32,
    #[serde(default)]
    offset: f32,
    pub(crate) logits: Vec<f32>,
}

fn three() -> usize {
    3
}

fn one() -> f32 {
    1.0
}

impl Golden {
    pub(crate) fn size(&self) -> InputSize {
        InputSize { height: self.height, width: self.width }
    }

    /// The images, NCHW.
    pub(crate) fn input(&self) -> Vec<f32> {
        let input = random::input(self.seed, self.batch * self.channels * self.height * self.width);
        input.into_iter().map(|x| x * self.scale + self.offset).collect()
    }

    /// What the reference makes of the weights.
    pub(crate) fn run(&self, weights: &Weights) -> Outputs {
        forward_keeping(weights, &self.input(), self.batch, self.size(), |_| false).unwrap()
    }

    /// Requires that the weights give the framework's logits.
    #[track_caller]
    pub(crate) fn assert_logits(&self, weights: &Weights) {
        let share = compare_logits(&self.run(weights), &self.logits, SHARE);
        share.unwrap_or_else(|reason| panic!("{}: {reason}", self.name));
    }

    /// Compares the logits within all that f32 rounding explains, which is what an adapter is allowed.
    pub(crate) fn compare(&self, weights: &Weights) -> Result<f64, String> {
        compare_logits(&self.run(weights), &self.logits, 1.0)
    }

    /// Opens the file by its path alone and checks its logits.
    pub(crate) fn open(&self, folder: &Path) -> Weights {
        let weights = weights::open(folder.join(&self.name)).unwrap_or_else(|e| panic!("{e}"));
        self.assert_logits(&weights);
        weights
    }
}

/// The descriptions in a list.
pub(crate) fn cases<T: DeserializeOwned>(list: &Path) -> Vec<T> {
    serde_json::from_str(&std::fs::read_to_string(list).unwrap()).unwrap()
}

/// The files of `tests/golden/NAME.zip`, unpacked, and what `NAME.json` says of them.
pub(crate) fn unpacked<T: DeserializeOwned>(name: &str) -> (tempfile::TempDir, Vec<T>) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = tempfile::tempdir().unwrap();
    let archive = File::open(golden.join(format!("{name}.zip"))).unwrap();
    zip::ZipArchive::new(archive).unwrap().extract(folder.path()).unwrap();
    (folder, cases(&golden.join(format!("{name}.json"))))
}
