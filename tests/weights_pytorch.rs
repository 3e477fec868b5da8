//! PyTorch's files of every age, opened by their path alone, against the logits that PyTorch computed.

#![cfg(feature = "pytorch")]

mod compare;
mod framework_files;

use std::fs::File;
use std::io::Write;
use std::path::Path;

use densenet_wgpu::weights::{self, OpenOptions, Weights};
use framework_files::{Golden, unpacked};
use serde::Deserialize;
use zip::write::SimpleFileOptions;

/// A file as `tests/golden/make_torch_files.py` describes it.
#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    golden: Golden,
    format: String,
    scheme: String,
}

impl Case {
    fn check(&self, folder: &Path) -> Weights {
        let weights = self.golden.open(folder);
        let origin = weights.origin();
        assert_eq!((&origin.format, &origin.scheme), (&self.format, &self.scheme), "{}", self.golden.name);
        weights
    }
}

/// The value of a fact, or nothing.
fn fact<'a>(weights: &'a Weights, what: &str) -> &'a str {
    weights.origin().facts.iter().find(|fact| fact.what == what).map_or("", |fact| &fact.value)
}

/// The error of a file, after its path: one line.
fn error(path: &Path) -> String {
    let error = weights::open(path).expect_err(&path.display().to_string()).to_string();
    assert!(!error.contains('\n'), "{error}");
    error.strip_prefix(&format!("{}: ", path.display())).unwrap_or_else(|| panic!("{error}")).to_string()
}

#[test]
fn files_of_every_age_give_pytorchs_logits() {
    let (folder, cases) = unpacked::<Case>("torch-files");
    assert!(!cases.is_empty());
    for case in &cases {
        let weights = case.check(folder.path());
        let options = OpenOptions::default().eps(1.1e-5);
        let changed = weights::open_with(folder.path().join(&case.golden.name), &options).unwrap();
        let result = case.golden.compare(&changed);
        assert!(result.is_err(), "{}: another eps passes with {result:?} of the tolerance", case.golden.name);
        let ignored = match case.golden.name.as_str() {
            "thresholds.pt" => "op_threshs",
            "ema.pt" => "state_dict (67 tensors)",
            "nested.pth.tar" => "optimizer (34 tensors)",
            _ => "",
        };
        assert_eq!(fact(&weights, "ignored"), ignored, "{}", case.golden.name);
    }
}

#[test]
fn bytes_in_memory_are_read_like_a_file() {
    let (folder, cases) = unpacked::<Case>("torch-files");
    for case in cases {
        let bytes = std::fs::read(folder.path().join(&case.golden.name)).unwrap();
        let weights = weights::from_bytes(&bytes, &case.golden.name, &OpenOptions::default()).unwrap();
        case.golden.assert_logits(&weights);
    }
}

#[test]
fn files_without_a_network_of_ours_are_refused() {
    let (folder, _) = unpacked::<Case>("torch-files");
    for (name, expected) in [
        ("missing.pth", "tensor 'features.denseblock2.denselayer1.norm2.bias' of shape [8] is missing"),
        ("mis-shaped.pth", "has shape [8, 5, 1, 1], expected [8, 12, 1, 1]"),
        ("integers.pth", "'classifier.bias' holds I32"),
        ("module-legacy.pt", "a PyTorch file that cannot be read"),
        ("resnet.pth", "no DenseNet in a naming scheme known here"),
        ("torchscript.pt", "no DenseNet in a naming scheme known here"),
    ] {
        let error = error(&folder.path().join(name));
        assert!(error.contains(expected), "{name}: {error}");
    }
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let (folder, _) = unpacked::<Case>("torch-files");
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
    assert!(error.starts_with("plain text, not a weight file: it begins with 'epoch,loss 1,0.5"), "{error}");
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
fn an_archive_whose_first_name_has_30_bytes_is_read() {
    let (folder, cases) = unpacked::<Case>("torch-files");
    let mut whole = zip::ZipArchive::new(File::open(folder.path().join("zip.pth")).unwrap()).unwrap();
    let path = folder.path().join("renamed.pth");
    let mut renamed = zip::ZipWriter::new(File::create(&path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for index in 0..whole.len() {
        let mut member = whole.by_index(index).unwrap();
        let name = String::from_utf8_lossy(member.name_raw()).replace("archive/", "a_name_of_21_letters_/");
        renamed.start_file(name, stored).unwrap();
        std::io::copy(&mut member, &mut renamed).unwrap();
    }
    renamed.finish().unwrap();
    // The 64-bit record of the end, and what points to it, as PyTorch writes them. This archive needs neither.
    let bytes = std::fs::read(&path).unwrap();
    let (directory, end) = bytes.split_at(bytes.len() - 22);
    let record = directory.len() as u64;
    let of_end = |at: usize| u64::from(u32::from_le_bytes(end[at..at + 4].try_into().unwrap()));
    let count = u64::from(u16::from_le_bytes(end[8..10].try_into().unwrap()));
    let mut with_record = [directory, b"PK\x06\x06", &44u64.to_le_bytes(), &[0x1e, 3, 0x2d, 0], &[0; 8]].concat();
    for number in [count, count, of_end(12), of_end(16)] {
        with_record.extend(number.to_le_bytes());
    }
    with_record.extend([&b"PK\x06\x07\0\0\0\0"[..], &record.to_le_bytes(), &1u32.to_le_bytes(), end].concat());
    std::fs::write(&path, with_record).unwrap();
    let error = zip::ZipArchive::new(File::open(&path).unwrap()).err().map(|e| e.to_string());
    assert_eq!(
        error.as_deref(),
        Some("invalid Zip archive: Invalid Central Directory header"),
        "the library reads it now"
    );
    let case = cases.iter().find(|case| case.golden.name == "zip.pth").unwrap();
    case.golden.assert_logits(&weights::open(&path).unwrap());
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
    for name in ["a/archive_format", "serialized_exported_program.json"] {
        archive(&path, &[(name, b"pt2")]);
        assert!(error(&path).starts_with("a program of torch.export (.pt2): load it with torch.export.load"));
    }
    archive(&path, &[("weights/readme.txt", b"none")]);
    assert!(error(&path).starts_with("a zip without data.pkl, so not a PyTorch checkpoint"));
}
