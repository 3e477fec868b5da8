//! What reading Keras' files takes: little for hostile ones, and at most 2.5 times the tensors for any.

#![cfg(feature = "keras")]

mod heap;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use densenet_wgpu::weights;
use heap::peak;

/// Opens a file as a thread of little stack does.
fn open(path: &Path) -> Result<weights::Weights, String> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(256 << 10);
        let thread = thread.spawn_scoped(scope, || weights::open(path).map_err(|e| e.to_string()));
        thread.unwrap().join().unwrap()
    })
}

#[test]
fn hostile_files_give_one_line_and_take_neither_memory_nor_time_nor_stack() {
    let folder = tempfile::tempdir().unwrap();
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/keras-hostile.zip");
    zip::ZipArchive::new(File::open(archive).unwrap()).unwrap().extract(folder.path()).unwrap();
    let mut count = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let start = Instant::now();
        let (result, bytes) = peak(|| open(&path));
        let error = result.expect_err(&path.to_string_lossy());
        assert!(!error.contains('\n'), "{error}");
        assert!(bytes < 32 << 20, "{}: {bytes} bytes", path.display());
        assert!(start.elapsed() < Duration::from_secs(5), "{}: {:?}", path.display(), start.elapsed());
        count += 1;
    }
    assert_eq!(count, 14);
}

#[test]
#[ignore = "needs a folder that tests/golden/make_large_keras.py filled, named by DENSENET_LARGE_KERAS"]
fn large_files_take_at_most_two_and_a_half_times_their_tensors() {
    let folder = PathBuf::from(std::env::var_os("DENSENET_LARGE_KERAS").expect("DENSENET_LARGE_KERAS names a folder"));
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "h5" || ending == "keras"));
    assert!(!files.is_empty());
    for path in files {
        let (weights, bytes) = peak(|| weights::open(&path).unwrap());
        let tensors: usize = weights.tensors().values().map(|tensor| 4 * tensor.data.len()).sum();
        let ratio = bytes as f64 / tensors as f64;
        assert!(ratio <= 2.5, "{}: {ratio:.2} times its {tensors} bytes", path.display());
        eprintln!("{}: {ratio:.2}", path.display());
    }
}
