//! Texts: an architecture, a preprocessing, and the `config.json` beside a weight file.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use densenet_fuzz::{check_file, checked};
use densenet_wgpu::architecture::{Recipe, Stem};
use densenet_wgpu::weights;
use densenet_wgpu::{Architecture, InputSize, Precision, Preprocessing, Weights};
use tempfile::TempDir;

/// A folder with a weight file, and where its `config.json` belongs.
static BESIDE: LazyLock<(TempDir, PathBuf, PathBuf)> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let [file, config] = ["model.safetensors", "config.json"].map(|name| folder.path().join(name));
    let recipe = Recipe { stem: Stem::cifar(2), classes: Some(2), ..Recipe::imagenet(1, &[1]) };
    let architecture = recipe.build("densenet-tiny");
    let weights = Weights::random(&architecture, 0);
    std::fs::write(&file, weights::to_safetensors(&weights.unwrap(), Precision::F32).unwrap()).unwrap();
    (folder, file, config)
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (_folder, file, config) = &*BESIDE;
    std::fs::write(config, bytes).unwrap();
    check_file(file);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Some(architecture) = checked(Architecture::from_json(text)) {
        let _ = checked(architecture.walk(InputSize::square(32)));
        assert_eq!(Architecture::from_json(&architecture.to_json()).unwrap(), architecture);
    }
    if let Some(preprocessing) = checked(Preprocessing::parse(text)) {
        let _ = preprocessing.with_size(InputSize::square(97)).to_string();
    }
});
