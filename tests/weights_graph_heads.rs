//! Heads, outputs and preprocessing of models that hold their graph, Keras' and ONNX, against the logits that Keras and
//! PyTorch computed.

#![cfg(all(feature = "keras", feature = "onnx"))]

mod adapter;
mod compare;
mod framework_files;

use std::path::Path;

use densenet_wgpu::weights::{self, OpenOptions, Weights};
use densenet_wgpu::{Activation, Precision, SessionOptions};
use framework_files::{Golden, unpacked};
use serde::Deserialize;

/// A file as `tests/golden/make_keras_heads.py`, `make_onnx_heads.py` and `make_tf2onnx_heads.py` describe it.
#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    golden: Golden,
    head: String,
    /// What the model does to its input, in words.
    transform: Option<String>,
    /// Of the only output, or by the names of several.
    activation: Option<serde_json::Value>,
    #[serde(default)]
    outputs: Vec<(String, usize)>,
}

const ARCHIVES: [&str; 3] = ["keras-heads", "onnx-heads", "tf2onnx-heads"];

impl Case {
    /// Opens the file by its path alone: right, and nothing is assumed.
    fn open(&self, folder: &Path) -> Weights {
        let weights = self.golden.open(folder);
        let (name, network) = (&self.golden.name, weights.architecture());
        assert_eq!(weights.origin().warnings, Vec::<String>::new(), "{name}");
        assert_eq!(network.head.to_string(), self.head, "{name}");
        assert_eq!(network.input.is_some(), self.transform.is_some(), "{name}: {:?}", network.input);
        weights
    }

    /// The activation that the file states for an output; none where it leaves that open, as ONNX without one does.
    fn activation(&self, output: &str) -> Option<Activation> {
        let word = match self.activation.as_ref()? {
            serde_json::Value::String(word) => word,
            by_output => by_output[output].as_str()?,
        };
        word.parse().ok()
    }
}

fn each(mut check: impl FnMut(&str, &Path, &Case)) {
    for archive in ARCHIVES {
        let (folder, cases) = unpacked::<Case>(archive);
        assert!(!cases.is_empty());
        cases.iter().for_each(|case| check(archive, folder.path(), case));
    }
}

#[test]
fn each_file_gives_the_frameworks_logits_by_its_path_alone() {
    let mut count = 0;
    each(|archive, folder, case| {
        let weights = case.open(folder);
        let outputs = weights.architecture().outputs();
        for ((name, width), (own, own_width, _)) in case.outputs.iter().zip(&outputs) {
            assert_eq!((name.as_str(), *width), (*own, *own_width), "{archive} {}", case.golden.name);
        }
        for (name, _, activation) in outputs {
            // What tf2onnx makes of no activation is no statement.
            if let Some(stated) = case.activation(name).filter(|a| *a != Activation::None || archive == "keras-heads") {
                assert_eq!(activation, stated, "{archive} {}", case.golden.name);
            }
        }
        count += 1;
    });
    assert!(count > 30);
}

#[test]
fn pictures_of_a_model_that_normalises_pixels_are_fed_as_they_are() {
    each(|archive, folder, case| {
        let Some(transform) = &case.transform else { return };
        let preprocessing = case.open(folder).preprocessing().unwrap();
        let own = (preprocessing.scale, preprocessing.mean.as_slice(), preprocessing.std.as_slice());
        match transform.contains('/') || transform.contains('-') {
            true => assert_eq!(own, (1.0, &[0.0][..], &[1.0][..]), "{archive} {}", case.golden.name),
            // It only copies channels.
            false => assert_ne!(own.0, 1.0, "{archive} {}", case.golden.name),
        }
        assert_eq!(preprocessing.size(), Some(case.golden.size()), "{archive} {}", case.golden.name);
    });
}

#[test]
fn what_was_read_of_a_graph_is_saved_with_the_weights() {
    each(|_, folder, case| {
        let weights = case.open(folder);
        let bytes = weights::to_safetensors(&weights, Precision::F32).unwrap();
        let again = weights::from_bytes(&bytes, "saved", &OpenOptions::default()).unwrap();
        assert_eq!((again.architecture(), again.tensors()), (weights.architecture(), weights.tensors()));
        assert_eq!(again.preprocessing().unwrap(), weights.preprocessing().unwrap());
    });
}

#[test]
fn adapters_agree_with_keras_and_pytorch() {
    let _turn = adapter::turn();
    each(|archive, folder, case| {
        let weights = case.open(folder);
        let golden = &case.golden;
        let reference = golden.run(&weights);
        let tolerances = compare::tolerances(&reference, reference.logits_name());
        for choice in [adapter::CHOICES[0], adapter::CHOICES[3]] {
            let model = choice.load(&weights);
            let options = SessionOptions::new(golden.size()).max_batch(golden.batch);
            let mut session = model.session_blocking(options).unwrap();
            let output = session.run_blocking(&golden.input()).unwrap();
            let got: Vec<f32> = (0..golden.batch).flat_map(|image| output.row(image).to_vec()).collect();
            compare::assert_close(&format!("{archive} {} {choice:?}", golden.name), &got, &golden.logits, &tolerances);
        }
    });
}

#[test]
fn what_is_no_densenet_is_refused_by_its_node() {
    let (folder, _) = unpacked::<Case>("onnx-heads");
    for (name, reason) in [
        (
            "residual.onnx",
            "node '/Add' (Add) of its graph: it adds or multiplies feature maps; a DenseNet concatenates",
        ),
        ("attention.onnx", "(ReduceMean) of its graph: global pooling belongs after the last batch norm"),
    ] {
        let error = weights::open(folder.path().join(name)).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn tensors_beside_a_model_need_its_folder() {
    let (folder, cases) = unpacked::<Case>("onnx-heads");
    let case = cases.iter().find(|case| case.golden.name == "external.onnx").unwrap();
    let path = folder.path().join(&case.golden.name);
    let bytes = std::fs::read(&path).unwrap();
    let error = weights::from_bytes(&bytes, "external.onnx", &OpenOptions::default()).unwrap_err().to_string();
    assert!(error.contains("only a model that is opened by its path has a folder with other files"), "{error}");
    let data = folder.path().join("external.onnx.data");
    let whole = std::fs::read(&data).unwrap();
    std::fs::write(&data, &whole[..whole.len() / 2]).unwrap();
    let error = weights::open(&path).unwrap_err().to_string();
    assert!(error.contains("'external.onnx.data', which has"), "{error}");
    std::fs::remove_file(&data).unwrap();
    let error = weights::open(&path).unwrap_err().to_string();
    assert!(error.contains("cannot be opened in the folder of the model"), "{error}");
}

#[test]
fn several_outputs_state_an_activation_each() {
    let (folder, cases) = unpacked::<Case>("keras-heads");
    let two = cases.iter().find(|case| case.golden.name == "two.keras").unwrap().open(folder.path());
    let fact = two.origin().facts.iter().find(|fact| fact.what == "activation").unwrap();
    assert_eq!((fact.value.as_str(), fact.from.as_str()), ("years: none; class: softmax", "config.json"));
}
