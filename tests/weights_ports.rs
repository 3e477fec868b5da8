//! DenseNets with unknown names, recognised by structure, against the logits that PyTorch computed; and timm's description
//! beside a file.

#![cfg(all(feature = "pytorch", feature = "keras"))]

mod compare;
mod framework_files;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Once;

use densenet_wgpu::Architecture;
use densenet_wgpu::weights::{self, ChannelOrder, OpenOptions, Weights};
use framework_files::Golden;

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn cases() -> Vec<Golden> {
    framework_files::cases(&golden().join("ports.json"))
}

/// The files of those, which the first who asks unpacks.
fn folder() -> PathBuf {
    static UNPACKED: Once = Once::new();
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("ports");
    UNPACKED.call_once(|| {
        let archive = File::open(golden().join("ports.zip")).unwrap();
        zip::ZipArchive::new(archive).unwrap().extract(&folder).unwrap();
    });
    folder
}

fn path(file: &str) -> PathBuf {
    folder().join(file)
}

fn open(file: &str) -> Weights {
    weights::open(path(file)).unwrap_or_else(|e| panic!("{e}"))
}

/// Value and source of a fact.
fn fact<'a>(weights: &'a Weights, what: &str) -> (&'a str, &'a str) {
    let fact = weights.origin().facts.iter().find(|fact| fact.what == what);
    fact.map_or(("", ""), |fact| (fact.value.as_str(), fact.from.as_str()))
}

#[test]
fn strangers_ports_give_their_logits_by_path_alone() {
    let cases = cases();
    assert_eq!(cases.len(), 10);
    for case in cases {
        let weights = case.open(&folder());
        let scheme = if case.name.starts_with("timm") { "torchvision" } else { "recognised by structure" };
        assert_eq!(weights.origin().scheme, scheme, "{}", case.name);
        let options = OpenOptions::default().eps(1.1e-5);
        let changed = weights::open_with(path(&case.name), &options).unwrap();
        let result = case.compare(&changed);
        assert!(result.is_err(), "{}: another eps passes with {result:?} of the tolerance", case.name);
    }
}

#[test]
fn running_statistics_tell_the_channel_order() {
    assert_eq!(fact(&open("new-first.pth"), "channel order"), ("new-first", "running statistics"));
    // Random statistics do not tell.
    assert_eq!(fact(&open("staged.pth"), "channel order"), ("new-last", "default of torchvision"));
    let case = cases().into_iter().find(|case| case.name == "new-first.pth").unwrap();
    let error = |order| {
        let options = OpenOptions::default().channel_order(order);
        let weights = weights::open_with(path(&case.name), &options).unwrap();
        assert_eq!(fact(&weights, "channel order").1, "option");
        case.compare(&weights)
    };
    error(ChannelOrder::NewFirst).unwrap();
    assert!(error(ChannelOrder::NewLast).is_err());
}

#[test]
fn a_structural_reading_is_shown() {
    let weights = open("staged.pth");
    let facts = weights.origin().facts.iter();
    let reading: Vec<&str> = facts.filter(|fact| fact.what == "reading").map(|fact| fact.value.as_str()).collect();
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

#[test]
fn two_readings_are_refused() {
    let error = weights::open(path("alike.pth")).unwrap_err().to_string();
    assert!(error.contains("nor one by structure: two readings fit its shapes: '"), "{error}");
    assert!(error.ends_with("rename its tensors as torchvision does"), "{error}");
    // TensorFlow's padding of a stem or somebody's ZeroPadding2D: shapes do not tell.
    let path = path("automatic-7x7-weights.h5");
    let error = weights::open(&path).unwrap_err().to_string();
    assert!(error.contains("only the model's configuration says how its 7x7 stem is padded"), "{error}");
    let architecture = Architecture::from_json(ARCHITECTURE).unwrap();
    let options = OpenOptions::default().architecture(architecture).eps(1e-3);
    assert_eq!(weights::open_with(&path, &options).unwrap().architecture().stem.stride, 1);
}

/// Of automatic-7x7-weights.h5.
const ARCHITECTURE: &str = r#"{"input_channels": 3, "stem": {"channels": 6, "kernel": 7, "stride": 1, "padding": "same", "norm": false,
    "pool": null}, "growth_rate": 3, "layers": [3, 2], "bottleneck": 12, "transition_channels": [7], "eps": 1e-3, "classes": 4}"#;

#[test]
fn what_was_recognised_is_saved_and_opens_without_being_recognised_again() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.safetensors");
    for file in ["new-first.pth", "timm/model.safetensors"] {
        let weights = open(file);
        weights::save_safetensors(&weights, &saved).unwrap();
        let again = weights::open(&saved).unwrap();
        assert_eq!(again.tensors(), weights.tensors());
        assert_eq!(again.architecture(), weights.architecture());
        assert_eq!(again.preprocessing().unwrap(), weights.preprocessing().unwrap());
        assert_eq!(again.labels(), weights.labels());
        assert_eq!((fact(&again, "eps").1, fact(&again, "channel order")), ("metadata", ("new-last", "metadata")));
    }
}

#[test]
fn timms_description_beside_the_file_gives_preset_and_labels() {
    let weights = open("timm/model.safetensors");
    let scale = 1.0 / 255.0;
    // 224 / 0.95, rounded down.
    assert_eq!(
        weights.preprocessing().unwrap().to_string(),
        format!("resize=235,crop=224x224,scale={scale},mean=0.5:0.5:0.5,std=0.25:0.25:0.25,filter=bicubic,colour=rgb")
    );
    assert_eq!(fact(&weights, "preset").1, "config.json");
    assert_eq!(weights.labels().unwrap()[4], "tulip");
    // A description of another network is none of this one's.
    let folder = tempfile::tempdir().unwrap();
    let (beside, config) = (folder.path().join("model.pth"), folder.path().join("config.json"));
    std::fs::copy(path("staged.pth"), &beside).unwrap();
    std::fs::copy(path("timm/config.json"), &config).unwrap();
    let other = weights::open(&beside).unwrap();
    assert!(fact(&other, "preset") == ("", "") && other.labels().is_none());
    // Damaged ones neither.
    std::fs::copy(path("timm/model.safetensors"), &beside).unwrap();
    for text in ["", "{", "[1]", "{\"architecture\": \"densenet121\", \"pretrained_cfg\": {\"crop_pct\": 0}}"] {
        std::fs::write(&config, text).unwrap();
        assert_eq!(fact(&weights::open(&beside).unwrap(), "preset"), ("", ""), "{text}");
    }
    // What timm's DenseNets state is the preset of that name.
    std::fs::write(&config, "{\"architecture\": \"densenet121\", \"pretrained_cfg\": {\"crop_pct\": 0.875}}").unwrap();
    assert_eq!(weights::open(&beside).unwrap().preprocessing().unwrap().to_string(), "timm");
}
