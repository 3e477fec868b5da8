//! PyTorch's and timm's files of full size: logits, and what reading them takes of the heap.

#![cfg(feature = "pytorch")]

mod compare;
mod framework_files;
mod heap;

use std::path::PathBuf;
use std::time::Instant;

use densenet_wgpu::Architecture;
use densenet_wgpu::weights::{self, OpenOptions, Weights};
use framework_files::{Golden, cases};
use heap::peak;

/// The weights, and the most bytes on the heap in relation to them.
fn measured(open: impl FnOnce() -> Weights) -> (Weights, f64) {
    let (weights, peak) = peak(open);
    let tensors: usize = weights.tensors().values().map(|tensor| 4 * tensor.data.len()).sum();
    (weights, peak as f64 / tensors as f64)
}

#[test]
fn a_file_of_full_size_takes_at_most_two_and_a_half_times_its_tensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("densenet121.safetensors");
    let weights = Weights::random(&Architecture::preset("densenet121").unwrap(), 1).unwrap();
    weights::save_safetensors(&weights, &path).unwrap();
    let (opened, ratio) = measured(|| weights::open(&path).unwrap());
    assert_eq!(opened.tensors(), weights.tensors());
    assert!((1.0..=2.5).contains(&ratio), "{ratio:.2} times");
    // From memory, with every tensor in the other channel order.
    let bytes = std::fs::read(&path).unwrap();
    let options = OpenOptions::default().channel_order(weights::ChannelOrder::NewFirst);
    let (_, ratio) = measured(|| weights::from_bytes(&bytes, "x", &options).unwrap());
    assert!((1.0..=2.5).contains(&ratio), "{ratio:.2} times");
}

#[test]
#[ignore = "needs a folder that tests/golden/make_large_torch.py filled, named by DENSENET_LARGE_TORCH"]
fn large_files_of_pytorch_and_timm_give_their_logits_by_path_alone() {
    let folder = PathBuf::from(std::env::var_os("DENSENET_LARGE_TORCH").expect("DENSENET_LARGE_TORCH names a folder"));
    let cases: Vec<Golden> = cases(&folder.join("torch-files.json"));
    assert!(!cases.is_empty());
    for case in cases {
        let start = Instant::now();
        let (weights, ratio) = measured(|| weights::open(folder.join(&case.name)).unwrap());
        let took = start.elapsed();
        assert!(ratio <= 2.5, "{}: {ratio:.2} times its tensors", case.name);
        case.assert_logits(&weights);
        assert!(case.name.starts_with(&weights.architecture().name), "{}", weights.architecture().name);
        eprintln!("{}: {}, {took:?}, {ratio:.2} times its tensors on the heap", case.name, weights.origin().scheme);
    }
}
