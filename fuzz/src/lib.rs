//! What must hold for every file, whoever made it.

#[path = "../../tests/heap/mod.rs"]
mod heap;

use std::path::Path;

use densenet_wgpu::weights::{self, OpenOptions};
use densenet_wgpu::{InputSize, Precision, Result, Weights};

/// More than docs/security.md promises is a finding.
pub const MAX_HEAP_BYTES: usize = 256 << 20;
pub const HEAP_FOR_EACH_BYTE: usize = 64;

/// Reads bytes as a weight file. The result is an error of one line or a usable network, in little memory.
pub fn check(bytes: &[u8]) {
    let (result, heap) = heap::peak(|| weights::from_bytes(bytes, "fuzzed", &OpenOptions::default()));
    let most = MAX_HEAP_BYTES + HEAP_FOR_EACH_BYTE * bytes.len();
    assert!(heap <= most, "{heap} bytes of heap for a file of {}, at most {most} are expected", bytes.len());
    if let Some(weights) = checked(result) {
        usable(&weights);
    }
}

/// The same for a file on disk, which may have a description beside it.
pub fn check_file(path: &Path) {
    if let Some(weights) = checked(weights::open(path)) {
        shown(&weights);
    }
}

/// The value, if there is one. An error must be one line that a terminal can show.
pub fn checked<T>(result: Result<T>) -> Option<T> {
    result.inspect_err(|error| printable(&error.to_string())).ok()
}

fn printable(text: &str) {
    assert!(!text.chars().any(char::is_control) && text.len() < 4000, "{text:?}");
}

/// An accepted network can be shown, walked, written, and read again unchanged.
fn usable(weights: &Weights) {
    shown(weights);
    let written = weights::to_safetensors(weights, Precision::F32).expect("what was read can be written");
    let again =
        weights::from_bytes(&written, "written", &OpenOptions::default()).expect("what was written can be read");
    assert_eq!(again.tensors(), weights.tensors());
    assert_eq!(again.architecture(), weights.architecture());
}

fn shown(weights: &Weights) {
    for fact in &weights.origin().facts {
        printable(&fact.value);
    }
    printable(&weights.origin().scheme);
    printable(&weights.architecture().name);
    weights.labels().into_iter().flatten().for_each(|label| assert!(!label.chars().any(char::is_control), "{label:?}"));
    let _ = checked(weights.preprocessing());
    let _ = checked(weights.architecture().walk(InputSize::square(64)));
}
