//! What every Rust peer shares: the arguments, the check of the logits, the timing, the line of JSON.
//!
//! compare_peers.py starts a peer as `PEER MODELS ARCH RUNS BUDGET THREADS STARTED`. The peer prints one line of JSON with the
//! fields that python_peers.py prints. It times nothing until its logits agree with MODELS/ARCH.logits.npy.

use std::env::args;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
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
    /// Threads for runtimes on the CPU.
    pub threads: usize,
}

impl Case {
    /// The network's file with this extension.
    pub fn file(&self, ending: &str) -> PathBuf {
        self.models.join(format!("{}.{ending}", self.arch))
    }
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
pub fn answer(version: &str, load: fn(&Case) -> Result<Run>) -> Result<()> {
    let words: Vec<String> = args().skip(1).collect();
    let [models, arch, runs, budget, threads, started] = words.as_slice() else {
        anyhow::bail!("arguments: MODELS ARCH RUNS BUDGET THREADS STARTED, as compare_peers.py passes them");
    };
    let case = Case { models: models.into(), arch: arch.clone(), threads: threads.parse().context("THREADS")? };
    let (runs, budget): (usize, f64) = (runs.parse().context("RUNS")?, budget.parse().context("BUDGET")?);
    let started: f64 = started.parse().context("STARTED, in seconds since 1970")?;

    let (shape, values) = npy(&case.file("input.npy"))?;
    let shape: Vec<usize> = shape.into_iter().map(|n| n as usize).collect();
    let shape = shape.try_into().ok().context("the input is not N, C, H, W")?;
    let input = Input { shape, values };
    let (_, expected) = npy(&case.file("logits.npy"))?;

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
    let mut times = (0..runs.min(affordable).max(2)).map(|_| time()).collect::<Result<Vec<f64>>>()?;
    times.sort_by(f64::total_cmp);
    let (low, high) = (times[(times.len() - 1) / 2], times[times.len() / 2]);
    let line = json!({
        "version": version, "median_ms": (low + high) / 2.0, "min_ms": times[0], "runs": times.len(),
        "first_ms": first_ms, "error": error,
    });
    println!("{line}");
    Ok(())
}

fn npy(path: &Path) -> Result<(Vec<u64>, Vec<f32>)> {
    let file = BufReader::new(File::open(path).with_context(|| path.display().to_string())?);
    let file = NpyFile::new(file).with_context(|| path.display().to_string())?;
    Ok((file.shape().to_vec(), file.into_vec()?))
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
