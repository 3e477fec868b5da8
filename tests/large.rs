//! DenseNets as large as people use them, in files that PyTorch and timm wrote, by their path alone. The files are
//! made by tests/golden/make_large.py; `cargo xtask test --large` does both.

mod compare;

use std::path::PathBuf;
use std::time::Instant;

use compare::assert_close;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::{InputSize, weights};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    weights: String,
    seed: u64,
    batch: usize,
    height: usize,
    width: usize,
    logits: Vec<f32>,
}

#[test]
#[ignore = "needs the folder of DENSENET_LARGE_FILES: cargo xtask test --large"]
fn large_files_give_their_frameworks_logits_by_path_alone() {
    let folder = PathBuf::from(std::env::var_os("DENSENET_LARGE_FILES").expect("DENSENET_LARGE_FILES names a folder"));
    let cases: Vec<Case> = serde_json::from_str(&std::fs::read_to_string(folder.join("large.json")).unwrap()).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let start = Instant::now();
        let weights = weights::open(folder.join(&case.weights)).unwrap();
        let took = start.elapsed();
        let size = InputSize { height: case.height, width: case.width };
        let input = weights::random::input(case.seed, case.batch * 3 * case.height * case.width);
        let outputs = forward_keeping(&weights, &input, case.batch, size, |_| false).unwrap();
        assert_close(&case.weights, outputs.logits(), &case.logits, 1e-6);
        println!("{}: {}, {}, read in {took:?}", case.weights, weights.origin().format, weights.origin().scheme);
    }
}
