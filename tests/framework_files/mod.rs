//! Files that a framework wrote, packed in a zip beside the logits that it computed.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::fs::File;
use std::path::Path;

use densenet_wgpu::InputSize;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, Weights, random};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::compare::assert_close;

/// As a fraction of the logit range.
pub(crate) const TOLERANCE: f64 = 1e-5;

/// What the generators in `tests/golden` say of every file.
#[derive(Deserialize)]
pub(crate) struct Golden {
    /// Of the file.
    pub(crate) name: String,
    seed: u64,
    batch: usize,
    height: usize,
    width: usize,
    pub(crate) logits: Vec<f32>,
}

impl Golden {
    pub(crate) fn logits_of(&self, weights: &Weights) -> Vec<f32> {
        let size = InputSize { height: self.height, width: self.width };
        let input = random::input(self.seed, self.batch * 3 * self.height * self.width);
        let outputs = forward_keeping(weights, &input, self.batch, size, |_| false).unwrap();
        outputs.logits().to_vec()
    }

    /// By path alone: a tenth of the tolerance, since both sides compute in f64.
    pub(crate) fn open(&self, folder: &Path) -> Weights {
        let weights = weights::open(folder.join(&self.name)).unwrap_or_else(|e| panic!("{e}"));
        assert_close(&self.name, &self.logits_of(&weights), &self.logits, TOLERANCE / 10.0);
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
