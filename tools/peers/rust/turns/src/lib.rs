//! What every Rust peer shares: the arguments, the check of the logits, the timing, the line of JSON.
//!
//! compare_peers.py starts a peer as `PEER MODELS ARCH BATCH RUNS BUDGET THREADS STARTED`. The peer prints one line of JSON with
//! the fields that python_peers.py prints. It times nothing until its logits agree with MODELS/ARCH.logits.npy.

use std::env::args;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use cpu_time::ProcessTime;
use npyz::NpyFile;
use serde_json::json;

/// Runs between the checked one and the timed ones.
const WARMUP: usize = 3;

/// The largest accepted difference from PyTorch's logits, relative to their range. Every runtime here stays below 1e-5.
const TOLERANCE: f32 = 1e-3;

/// What a peer is asked to run.
pub struct Case {
    /// Folder of the models.
    pub models: PathBuf,
    /// Name of the network, with which the names of its files begin.
    pub arch: String,
    /// Images in a run.
    pub batch: usize,
    /// Threads for runtimes on the CPU.
    pub threads: usize,
}

impl Case {
    /// The network's file with this extension.
    pub fn file(&self, ending: &str) -> PathBuf {
        self.models.join(format!("{}.{ending}", self.arch))
    }
}

/// What a runtime's own housekeeping may add to its threads, as a part of one processor.
const HOUSEKEEPING: f64 = 0.15;

/// What a peer runs on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The CPU, where no more than the threads that were asked for may work.
    Cpu,
    /// An adapter, whose driver may have threads of its own.
    Adapter,
}

/// A batch of images, NCHW.
pub struct Input {
    /// N, C, H, W.
    pub shape: [usize; 4],
    /// Row-major values.
    pub values: Vec<f32>,
}

/// An inference: from an input to the logits on the host.
pub type Run = Box<dyn FnMut(&Input) -> Result<Vec<f32>>>;

/// Loads a network with `load`, checks its logits and times it.
pub fn answer(version: &str, place: Place, load: fn(&Case) -> Result<Run>) -> Result<()> {
    let words: Vec<String> = args().skip(1).collect();
    let [models, arch, batch, runs, budget, threads, started] = words.as_slice() else {
        anyhow::bail!("arguments: MODELS ARCH BATCH RUNS BUDGET THREADS STARTED, as compare_peers.py passes them");
    };
    let (batch, threads) = (batch.parse().context("BATCH")?, threads.parse().context("THREADS")?);
    let case = Case { models: models.into(), arch: arch.clone(), batch, threads };
    let (runs, budget): (usize, f64) = (runs.parse().context("RUNS")?, budget.parse().context("BUDGET")?);
    let started: f64 = started.parse().context("STARTED, in seconds since 1970")?;

    let (shape, values) = npy(&case.file("input.npy"), batch)?;
    let input = Input { shape: shape.try_into().ok().context("the input is not N, C, H, W")?, values };
    let (_, expected) = npy(&case.file("logits.npy"), batch)?;

    let mut run = load(&case)?;
    let logits = run(&input)?;
    let first_ms = (SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64() - started) * 1e3;
    let error = relative_error(&logits, &expected)?;
    ensure!(error < TOLERANCE, "wrong logits: {error} of their range away from PyTorch's");

    let mut time = || -> Result<f64> {
        let start = Instant::now();
        run(&input)?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    let (mut warmed, mut last) = (0.0, 0.0);
    for _ in 0..WARMUP {
        last = time()?;
        warmed += last;
        if warmed > budget * 500.0 {
            break;
        }
    }
    let affordable = (budget * 1e3 / last) as usize;
    let (used, start) = (ProcessTime::now(), Instant::now());
    let mut times = (0..runs.min(affordable).max(2)).map(|_| time()).collect::<Result<Vec<f64>>>()?;
    let busy = used.elapsed().as_secs_f64() / start.elapsed().as_secs_f64();
    let within = place == Place::Adapter || busy <= threads as f64 + HOUSEKEEPING;
    ensure!(within, "it kept {busy:.2} processors busy where {threads} threads were asked for");
    times.sort_by(f64::total_cmp);
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    let line = json!({
        "version": version, "median_ms": (low + high) / 2.0, "min_ms": times[0], "runs": times.len(),
        "first_ms": first_ms, "peak_mb": peak_mb(), "busy": busy, "error": error,
    });
    println!("{line}");
    Ok(())
}

/// The shape and values of the first `batch` rows of a file.
fn npy(path: &Path, batch: usize) -> Result<(Vec<usize>, Vec<f32>)> {
    let file = BufReader::new(File::open(path).with_context(|| path.display().to_string())?);
    let file = NpyFile::new(file).with_context(|| path.display().to_string())?;
    let mut shape: Vec<usize> = file.shape().iter().map(|&n| n as usize).collect();
    ensure!(shape.first().is_some_and(|&rows| rows >= batch), "{}: fewer than {batch} images", path.display());
    shape[0] = batch;
    let wanted = shape.iter().product();
    Ok((shape, file.data::<f32>()?.take(wanted).collect::<Result<_, _>>()?))
}

/// The most memory that was resident, in megabytes; none where there is no /proc.
fn peak_mb() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib: f64 =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

/// Largest difference, relative to the range of the expected values.
fn relative_error(values: &[f32], expected: &[f32]) -> Result<f32> {
    ensure!(values.len() == expected.len(), "{} logits where {} were expected", values.len(), expected.len());
    ensure!(values.iter().all(|v| v.is_finite()), "logits that are not finite");
    let (low, high) = expected.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    Ok(values.iter().zip(expected).fold(0.0, |e: f32, (a, b)| e.max((a - b).abs())) / (high - low))
}

#[cfg(test)]
mod tests {
    use super::relative_error;

    #[test]
    fn errors_are_relative_to_the_range_and_nan_is_refused() {
        let expected = [-1.0, 0.0, 3.0];
        assert_eq!(relative_error(&expected, &expected).unwrap(), 0.0);
        assert_eq!(relative_error(&[-1.0, 1.0, 3.0], &expected).unwrap(), 0.25);
        assert!(relative_error(&[-1.0, f32::NAN, 3.0], &expected).is_err());
        assert!(relative_error(&[-1.0, 0.0], &expected).is_err());
    }
}
