//! Heads of PyTorch's files, read from names and shapes or as stated, against the logits that PyTorch computed.

#![cfg(feature = "pytorch")]

mod adapter;
mod compare;
mod framework_files;

use std::path::Path;

use densenet_wgpu::weights::{self, OpenOptions, Weights, random};
use densenet_wgpu::{InputSize, Precision, SessionOptions};
use framework_files::{Golden, unpacked};
use serde::Deserialize;

/// A file as `tests/golden/make_torch_heads.py` describes it.
#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    golden: Golden,
    /// The true head.
    head: String,
    /// What the file says of it.
    reading: String,
    #[serde(default)]
    outputs: Vec<(String, usize)>,
}

impl Case {
    fn stated(&self) -> OpenOptions {
        OpenOptions::default().head(self.head.parse::<weights::HeadSpec>().unwrap())
    }

    fn open(&self, folder: &Path, options: &OpenOptions) -> Result<Weights, String> {
        weights::open_with(folder.join(&self.golden.name), options).map_err(|e| e.to_string())
    }

    /// Opens the file with its head stated: right, without a warning.
    fn assert_stated(&self, folder: &Path) -> Weights {
        let weights = self.open(folder, &self.stated()).unwrap_or_else(|e| panic!("{e}"));
        assert!(weights.origin().warnings.is_empty(), "{:?}", weights.origin().warnings);
        assert_eq!(weights.architecture().head.to_string(), self.head, "{}", self.golden.name);
        self.golden.assert_logits(&weights);
        let fact = weights.origin().facts.iter().find(|fact| fact.what == "head").unwrap();
        assert_eq!((fact.value.as_str(), fact.from.as_str()), (self.head.as_str(), "option"));
        let outputs = weights.architecture().outputs();
        for ((name, width), (own, own_width, _)) in self.outputs.iter().zip(outputs) {
            assert_eq!((name.as_str(), *width), (own, own_width), "{}", self.golden.name);
        }
        weights
    }
}

/// The one warning, which names a head to write.
fn warning(weights: &Weights) -> &str {
    let [warning] = &weights.origin().warnings[..] else { panic!("{:?}", weights.origin()) };
    let head = format!("--head \"{}\"", weights.architecture().head);
    assert!(warning.contains(&head) && warning.contains("Assumed: "), "{warning}");
    warning
}

#[test]
fn each_file_is_right_alone_or_says_what_is_open() {
    let (folder, cases) = unpacked::<Case>("torch-heads");
    let folder = folder.path();
    assert!(cases.len() > 25);
    for case in &cases {
        let name = &case.golden.name;
        let alone = case.open(folder, &OpenOptions::default());
        match case.reading.as_str() {
            "stated" => {
                let weights = alone.unwrap_or_else(|e| panic!("{e}"));
                assert!(weights.origin().warnings.is_empty(), "{name}: {:?}", weights.origin().warnings);
                case.golden.assert_logits(&weights);
            }
            "assumed" => {
                let weights = alone.unwrap_or_else(|e| panic!("{e}"));
                warning(&weights);
                assert_eq!(weights.architecture().head.to_string(), case.head, "{name}");
                case.golden.assert_logits(&weights);
            }
            "other" => {
                let weights = alone.unwrap_or_else(|e| panic!("{e}"));
                warning(&weights);
                assert!(case.golden.compare(&weights).is_err(), "{name}: the likeliest reading is another one");
            }
            // Or right, with a warning.
            "refused" => match alone {
                Err(error) => assert!(error.contains("state it, as in --head \""), "{name}: {error}"),
                Ok(weights) => {
                    warning(&weights);
                    case.golden.assert_logits(&weights);
                }
            },
            "part" => {
                let error = alone.expect_err(name);
                let (_, part) = error.split_once("--part ").unwrap_or_else(|| panic!("{error}"));
                let part = part.split_whitespace().next().unwrap();
                let weights = case.open(folder, &OpenOptions::default().part(part.to_string())).unwrap();
                assert_eq!(weights.architecture().classes(), None);
                case.golden.assert_logits(&weights);
                continue;
            }
            other => panic!("{name}: {other}"),
        }
        case.assert_stated(folder);
    }
}

#[test]
fn what_was_assumed_or_stated_is_saved_with_the_weights() {
    let (folder, cases) = unpacked::<Case>("torch-heads");
    for case in cases.iter().filter(|case| case.reading != "part") {
        let weights = case.open(folder.path(), &case.stated()).unwrap();
        let bytes = weights::to_safetensors(&weights, Precision::F32).unwrap();
        let again = weights::from_bytes(&bytes, "saved", &OpenOptions::default()).unwrap();
        assert_eq!(again.origin().warnings, Vec::<String>::new());
        assert_eq!((again.architecture(), again.tensors()), (weights.architecture(), weights.tensors()));
        // It says itself what its head is. Another can still be stated, if its layers are the file's.
        assert!(weights::from_bytes(&bytes, "saved", &case.stated()).is_ok(), "{}", case.golden.name);
        let other = OpenOptions::default().head("relu, avg, linear 77".parse::<weights::HeadSpec>().unwrap());
        let error = weights::from_bytes(&bytes, "saved", &other).unwrap_err().to_string();
        assert!(error.contains("the head stated, 'relu, avg, linear 77', is not the file's"), "{error}");
    }
}

#[test]
fn adapters_agree_with_pytorch() {
    let (folder, cases) = unpacked::<Case>("torch-heads");
    let _turn = adapter::turn();
    for case in cases.iter().filter(|case| !["part", "stated"].contains(&case.reading.as_str())) {
        let weights = case.open(folder.path(), &case.stated()).unwrap();
        let reference = case.golden.run(&weights);
        let tolerances = compare::tolerances(&reference, reference.logits_name());
        let input = random::input(case.golden.seed, case.golden.batch * 3 * case.golden.height * case.golden.width);
        let size = InputSize { height: case.golden.height, width: case.golden.width };
        for choice in [adapter::CHOICES[0], adapter::CHOICES[3]] {
            let model = choice.load(&weights);
            let mut session = model.session_blocking(SessionOptions::new(size).max_batch(case.golden.batch)).unwrap();
            let output = session.run_blocking(&input).unwrap();
            let got: Vec<f32> = (0..case.golden.batch).flat_map(|image| output.row(image).to_vec()).collect();
            compare::assert_close(&format!("{} {choice:?}", case.golden.name), &got, &case.golden.logits, &tolerances);
        }
    }
}

#[test]
fn parts_are_named_where_they_are_wrong() {
    let (folder, cases) = unpacked::<Case>("torch-heads");
    let case = cases.iter().find(|case| case.golden.name == "encoder.pth").unwrap();
    let error = |part: &str| case.open(folder.path(), &OpenOptions::default().part(part.to_string())).unwrap_err();
    assert!(
        error("encodr")
            .ends_with("no part 'encodr' in this file: the nearest is 'encoder'; it has a DenseNet in 'encoder'")
    );
    assert!(error("decoder").contains("no DenseNet in a naming scheme known here"), "{}", error("decoder"));
    let named = case.open(folder.path(), &OpenOptions::default().part("encoder.features".to_string())).unwrap();
    case.golden.assert_logits(&named);
    let ignored = named.origin().facts.iter().find(|fact| fact.what == "ignored").unwrap();
    assert!(ignored.value.ends_with("tensors outside of 'encoder.features'"), "{}", ignored.value);
}
