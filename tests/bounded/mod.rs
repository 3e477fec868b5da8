//! Reading a file of a stranger within bounds: of time, of heap, and of stack.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use densenet_wgpu::weights::{self, OpenOptions, Weights};

use crate::heap::peak;

pub(crate) const MEBIBYTE: usize = 1 << 20;

/// Tests take turns: what one prepares would count as what another reads.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads on a thread of little stack, in time, on a heap of so many MiB. An error is one line that a terminal can show.
pub(crate) fn read(what: &str, bytes: &[u8], most_mebibytes: usize) -> Result<Weights, String> {
    let start = Instant::now();
    let (result, heap) = peak(|| {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(256 << 10);
            let work = || weights::from_bytes(bytes, "x", &OpenOptions::default()).map_err(|e| e.to_string());
            thread.spawn_scoped(scope, work).unwrap().join().unwrap()
        })
    });
    if let Err(error) = &result {
        assert!(!error.chars().any(char::is_control) && error.len() < 2500, "{what}: {error:?}");
    }
    let spent = start.elapsed();
    assert!(spent < Duration::from_secs(5), "{what}: {spent:?}");
    assert!(heap <= most_mebibytes * MEBIBYTE, "{what}: {} MiB of heap", heap / MEBIBYTE);
    result
}

/// As [`read`], of a file that must be refused for a reason.
pub(crate) fn refused(what: &str, bytes: &[u8], most_mebibytes: usize, reason: &str) {
    let error = read(what, bytes, most_mebibytes).expect_err(what);
    assert!(error.contains(reason), "{what}: '{error}' does not say '{reason}'");
}
