//! PyTorch's files of every age, opened by their path alone, against the logits that PyTorch computed.

#![cfg(feature = "pytorch")]

mod compare;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use compare::{assert_close, compare};
use densenet_wgpu::InputSize;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, OpenOptions, Weights, random};
use serde::Deserialize;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

/// As a fraction of the logit range.
const TOLERANCE: f64 = 1e-5;

/// A file as `tests/golden/make_torch_files.py` describes it.
#[derive(Deserialize)]
struct Case {
    /// Of the file.
    name: String,
    seed: u64,
    batch: usize,
    height: usize,
    width: usize,
    format: String,
    scheme: String,
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
        let origin = weights.origin();
        assert_eq!((&origin.format, &origin.scheme), (&self.format, &self.scheme), "{}", self.name);
        weights
    }
}

/// The files, unpacked, and the cases of those that are read.
fn files() -> (TempDir, Vec<Case>) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = tempfile::tempdir().unwrap();
    let archive = File::open(golden.join("torch-files.zip")).unwrap();
    zip::ZipArchive::new(archive).unwrap().extract(folder.path()).unwrap();
    let cases = serde_json::from_str(&std::fs::read_to_string(golden.join("torch-files.json")).unwrap()).unwrap();
    (folder, cases)
}

/// The value of a fact, or nothing.
fn fact<'a>(weights: &'a Weights, what: &str) -> &'a str {
    weights.origin().facts.iter().find(|fact| fact.what == what).map_or("", |fact| &fact.value)
}

/// The error of a file, behind its path: one line.
fn error(path: &Path) -> String {
    let error = weights::open(path).expect_err(&path.display().to_string()).to_string();
    assert!(!error.contains('\n'), "{error}");
    error.strip_prefix(&format!("{}: ", path.display())).unwrap_or_else(|| panic!("{error}")).to_string()
}

#[test]
fn files_of_every_age_give_pytorchs_logits() {
    let (folder, cases) = files();
    assert!(!cases.is_empty());
    for case in &cases {
        let weights = case.check(folder.path());
        let options = OpenOptions { eps: Some(1.1e-5), ..OpenOptions::default() };
        let changed = weights::open_with(folder.path().join(&case.name), &options).unwrap();
        let result = compare(&case.logits_of(&changed), &case.logits, TOLERANCE);
        assert!(result.is_err(), "{}: another eps passes with an error of {result:?}", case.name);
        let ignored = match case.name.as_str() {
            "thresholds.pt" => "op_threshs",
            "ema.pt" => "state_dict (67 tensors)",
            "nested.pth.tar" => "optimizer (34 tensors)",
            _ => "",
        };
        assert_eq!(fact(&weights, "ignored"), ignored, "{}", case.name);
    }
}

#[test]
fn bytes_in_memory_are_read_like_a_file() {
    let (folder, cases) = files();
    for case in cases {
        let bytes = std::fs::read(folder.path().join(&case.name)).unwrap();
        let weights = weights::from_bytes(&bytes, &case.name, &OpenOptions::default()).unwrap();
        assert_close(&case.name, &case.logits_of(&weights), &case.logits, TOLERANCE / 10.0);
    }
}

#[test]
fn files_without_a_network_of_ours_are_refused() {
    let (folder, _) = files();
    for (name, expected) in [
        ("missing.pth", "tensor 'features.denseblock2.denselayer1.norm2.bias' of shape [8] is missing"),
        ("mis-shaped.pth", "has shape [8, 5, 1, 1], expected [8, 12, 1, 1]"),
        ("integers.pth", "'classifier.bias' holds I32"),
        ("module-legacy.pt", "a PyTorch file that cannot be read"),
        ("resnet.pth", "no DenseNet in a naming scheme known here"),
        ("torchscript.pt", "a TorchScript archive, which holds a program"),
    ] {
        let error = error(&folder.path().join(name));
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let (folder, _) = files();
    for (name, expected) in [("zip.pth", "truncated or damaged"), ("legacy.pth", "a PyTorch file that cannot be read")]
    {
        let whole = std::fs::read(folder.path().join(name)).unwrap();
        for length in [20, whole.len() / 2, whole.len() - 5] {
            let path = folder.path().join(format!("cut-{length}-{name}"));
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = error(&path);
            assert!(error.contains(expected), "{error}");
        }
    }
    let path = folder.path().join("text.pth");
    std::fs::write(&path, "epoch,loss\n1,0.5\n2,0.25\n").unwrap();
    let error = error(&path);
    assert!(error.starts_with("no weight file: it begins with 'epoch,loss 1,0.5"), "{error}");
}

/// A PyTorch archive of these members, compressed.
fn archive(path: &Path, members: &[(&str, &[u8])]) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (name, content) in members {
        archive.start_file(*name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn zip_bombs_are_refused_before_they_unpack() {
    let folder = tempfile::tempdir().unwrap();
    let zeros = vec![0; 64 << 20];
    let path = folder.path().join("bomb.pth");
    for members in [&[("a/data.pkl", &b"\x80\x02}."[..]), ("a/data/0", &zeros)][..], &[("a/data.pkl", &zeros)]] {
        archive(&path, members);
        let error = error(&path);
        assert!(error.contains("that unpacks to 671088") && error.starts_with("a zip of "), "{error}");
    }
    archive(&path, &[("weights/readme.txt", b"none")]);
    assert!(error(&path).starts_with("a zip without data.pkl, so no PyTorch checkpoint"));
}
