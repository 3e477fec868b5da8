//! Weight files as other programs write them (tests/golden/files/): what is recognised in each, and what is refused.
//! That their logits are right `golden.rs` asks.
#![cfg(feature = "pytorch")]

mod compare;
mod golden_files;

use std::path::{Path, PathBuf};

use compare::compare;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, ChannelOrder, OpenOptions, Weights};
use golden_files::{GoldenCase, cases};

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/files").join(file)
}

fn open(file: &str) -> Weights {
    weights::open(path(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Value and source of a fact.
fn fact<'a>(weights: &'a Weights, what: &str) -> (&'a str, &'a str) {
    let fact = weights.origin().facts.iter().find(|fact| fact.what == what);
    fact.map_or(("", ""), |fact| (fact.value.as_str(), fact.from.as_str()))
}

#[test]
fn formats_and_naming_schemes_are_said() {
    for (file, format, scheme) in [
        ("zip.pth", "PyTorch (zip)", "torchvision"),
        ("module.pt", "PyTorch (zip)", "torchvision"),
        ("legacy-dotted.pth", "PyTorch (legacy pickle)", "torchvision, old dotted names"),
        ("training.bin", "PyTorch (zip)", "torchvision, behind 'state_dict_ema.module.'"),
        ("sigmoid.pth", "PyTorch (zip)", "torchvision, behind 'state_dict.module.densenet121.'"),
        ("timm/model.safetensors", "safetensors", "torchvision"),
        ("port-staged.pth", "PyTorch (zip)", "recognised by structure"),
        ("port-flat.safetensors", "safetensors", "recognised by structure"),
        ("port-plain.pth", "PyTorch (zip)", "recognised by structure"),
        ("port-lists.pt", "PyTorch (zip)", "recognised by structure"),
        ("port-new-first.pth", "PyTorch (zip)", "recognised by structure"),
    ] {
        let weights = open(file);
        assert_eq!((&*weights.origin().format, &*weights.origin().scheme), (format, scheme), "{file}");
    }
}

#[test]
fn what_is_not_the_networks_is_ignored_and_named() {
    let (ignored, from) = ("optimizer (1 tensors), state_dict (86 tensors)", "not the network's");
    assert_eq!(fact(&open("training.bin"), "ignored"), (ignored, from));
    assert_eq!(fact(&open("thresholds.pth"), "ignored"), ("op_threshs", from));
    assert_eq!(fact(&open("zip.pth"), "ignored"), ("", ""));
    assert_eq!(open("sigmoid.pth").architecture().classes, Some(14));
}

#[test]
fn a_structural_reading_is_shown() {
    let weights = open("port-staged.pth");
    let reading: Vec<&str> = (weights.origin().facts.iter())
        .filter(|fact| fact.what == "reading" && fact.from == "recognised by structure")
        .map(|fact| fact.value.as_str())
        .collect();
    assert_eq!(
        reading,
        [
            "stem: 'entry.0' to 'entry.1'",
            "denseblock1: 3 layers, 'stages.0.units.0.norm_a' to 'stages.0.units.2.grow'",
            "transition1: 'stages.0.down.bn' to 'stages.0.down.proj'",
            "denseblock2: 2 layers, 'stages.1.units.0.norm_a' to 'stages.1.units.1.grow'",
            "transition2: 'stages.1.down.bn' to 'stages.1.down.proj'",
            "denseblock3: 3 layers, 'stages.2.units.0.norm_a' to 'stages.2.units.2.grow'",
            "last norm: 'last_bn'",
            "classifier: 'fc'",
        ]
    );
}

fn golden(file: &str) -> GoldenCase {
    cases().into_iter().find(|case| case.name == file).unwrap()
}

/// The largest error in relation to the range, or what is wrong.
fn error(case: &GoldenCase, options: &OpenOptions) -> Result<f64, String> {
    let weights = weights::open_with(path(&case.name), options).map_err(|e| e.to_string())?;
    let outputs = forward_keeping(&weights, &case.input, case.batch, case.size, |_| false).unwrap();
    compare(outputs.logits(), &case.logits, 1e-5)
}

#[test]
fn running_statistics_tell_the_channel_order() {
    let order = |file| fact(&open(file), "channel order").0.to_string() + ", " + fact(&open(file), "channel order").1;
    assert_eq!(order("port-new-first.pth"), "new-first, running statistics");
    // Random statistics do not tell.
    assert_eq!(order("port-staged.pth"), "new-last, default of recognised by structure");
    let with = |channel_order| OpenOptions { channel_order: Some(channel_order), ..OpenOptions::default() };
    let case = golden("port-new-first.pth");
    error(&case, &with(ChannelOrder::NewFirst)).unwrap();
    assert!(error(&case, &with(ChannelOrder::NewLast)).is_err());
}

#[test]
fn another_epsilon_is_noticed_in_every_port() {
    let ports: Vec<GoldenCase> = cases().into_iter().filter(|case| case.name.starts_with("port-")).collect();
    assert_eq!(ports.len(), 5);
    for case in ports {
        error(&case, &OpenOptions::default()).unwrap();
        let other = OpenOptions { eps: Some(1.1e-5), ..OpenOptions::default() };
        assert!(error(&case, &other).is_err(), "{}", case.name);
    }
}

#[test]
fn timms_description_beside_the_file_gives_preset_and_labels() {
    let weights = open("timm/model.safetensors");
    let preset = weights.preset().unwrap();
    // 224 / 0.95, rounded down.
    assert_eq!(
        preset.to_string(),
        format!(
            "resize=235,crop=224x224,scale={},mean=0.5:0.5:0.5,std=0.25:0.25:0.25,filter=bicubic,colour=rgb",
            1.0 / 255.0
        )
    );
    assert_eq!(fact(&weights, "preset").1, "config.json");
    assert_eq!(weights.labels().unwrap()[4], "tulip");
    // A description of another network is none of this one's.
    let folder = tempfile::tempdir().unwrap();
    let beside = folder.path().join("model.pth");
    std::fs::copy(path("sigmoid.pth"), &beside).unwrap();
    std::fs::copy(path("timm/config.json"), folder.path().join("config.json")).unwrap();
    let other = weights::open(&beside).unwrap();
    assert!(other.preset_value().is_none() && other.labels().is_none());
    // Damaged ones neither.
    for text in ["", "{", "[1]", "{\"architecture\": \"densenet121\", \"pretrained_cfg\": {\"crop_pct\": 0}}"] {
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        assert!(weights::open(&beside).unwrap().preset_value().is_none(), "{text}");
    }
}

#[test]
fn memory_serves_as_well_as_a_path() {
    for file in ["zip.pth", "legacy-dotted.pth", "port-flat.safetensors"] {
        let bytes = std::fs::read(path(file)).unwrap();
        let read = weights::from_bytes(&bytes, file, &OpenOptions::default()).unwrap();
        assert_eq!(read.tensors(), open(file).tensors(), "{file}");
    }
}

#[test]
fn what_was_read_is_saved_and_opens_without_being_recognised_again() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.safetensors");
    for file in ["port-new-first.pth", "timm/model.safetensors"] {
        let weights = open(file);
        weights::save_safetensors(&weights, &saved).unwrap();
        let again = weights::open(&saved).unwrap();
        assert_eq!(again.tensors(), weights.tensors());
        assert_eq!(again.architecture(), weights.architecture());
        assert_eq!(again.preset().unwrap(), weights.preset().unwrap());
        assert_eq!(again.labels(), weights.labels());
        assert_eq!(fact(&again, "eps").1, "metadata");
        assert_eq!(fact(&again, "channel order").0, "new-last");
    }
}
