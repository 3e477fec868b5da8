//! PyTorch's and timm's files of full size: logits, and what reading them takes of the heap.

#![cfg(feature = "pytorch")]

mod compare;

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use compare::assert_close;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, OpenOptions, Weights, random};
use densenet_wgpu::{Architecture, InputSize};
use serde::Deserialize;

/// Counts what is on the heap.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// The count is of the whole process: one measurement at a time.
static MEASURING: Mutex<()> = Mutex::new(());

// SAFETY: all work is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The weights, and the most bytes on the heap in relation to them.
fn measured(open: impl FnOnce() -> Weights) -> (Weights, f64) {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let weights = open();
    let peak = PEAK.load(Relaxed) - before;
    let tensors: usize = weights.tensors().values().map(|tensor| 4 * tensor.data.len()).sum();
    (weights, peak as f64 / tensors as f64)
}

#[test]
fn a_file_of_full_size_takes_at_most_two_and_a_half_times_its_tensors() {
    let _alone = MEASURING.lock().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("densenet121.safetensors");
    let weights = Weights::random(&Architecture::preset("densenet121").unwrap(), 1).unwrap();
    weights::save_safetensors(&weights, &path).unwrap();
    let (opened, ratio) = measured(|| weights::open(&path).unwrap());
    assert_eq!(opened.tensors(), weights.tensors());
    assert!((1.0..=2.5).contains(&ratio), "{ratio:.2} times");
    // From memory, with every tensor in the other channel order.
    let bytes = std::fs::read(&path).unwrap();
    let options = OpenOptions { channel_order: Some(weights::ChannelOrder::NewFirst), ..OpenOptions::default() };
    let (_, ratio) = measured(|| weights::from_bytes(&bytes, "x", &options).unwrap());
    assert!((1.0..=2.5).contains(&ratio), "{ratio:.2} times");
}

#[derive(Deserialize)]
struct Case {
    name: String,
    seed: u64,
    batch: usize,
    height: usize,
    width: usize,
    logits: Vec<f32>,
}

#[test]
#[ignore = "needs a folder that tests/golden/make_large_torch.py filled, named by DENSENET_LARGE_TORCH"]
fn large_files_of_pytorch_and_timm_give_their_logits_by_path_alone() {
    let _alone = MEASURING.lock().unwrap();
    let folder = PathBuf::from(std::env::var_os("DENSENET_LARGE_TORCH").expect("DENSENET_LARGE_TORCH names a folder"));
    let list = std::fs::read_to_string(folder.join("torch-files.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&list).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let start = Instant::now();
        let (weights, ratio) = measured(|| weights::open(folder.join(&case.name)).unwrap());
        let took = start.elapsed();
        assert!(ratio <= 2.5, "{}: {ratio:.2} times its tensors", case.name);
        let size = InputSize { height: case.height, width: case.width };
        let input = random::input(case.seed, case.batch * 3 * case.height * case.width);
        let outputs = forward_keeping(&weights, &input, case.batch, size, |_| false).unwrap();
        assert_close(&case.name, outputs.logits(), &case.logits, 1e-6);
        assert!(case.name.starts_with(&weights.architecture().name), "{}", weights.architecture().name);
        println!("{}: {}, {took:?}, {ratio:.2} times its tensors on the heap", case.name, weights.origin().scheme);
    }
}
