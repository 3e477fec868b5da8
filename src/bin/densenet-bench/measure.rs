//! One batch size: the first output, its check, the timed runs.

use std::time::{Duration, Instant};

use densenet_wgpu::weights::{Weights, random};
use densenet_wgpu::{InputSize, Session, SessionOptions, reference};
use serde_json::{Value, json};

use crate::Arguments;
use crate::cli::adapter::adapter_json;
use crate::cli::{host_elements, source};

/// The first output may be off by this part of the reference's range, in f32.
const TOLERANCE: f64 = 1e-4;

/// Measures, and returns the whole JSON document with its one result.
pub(crate) fn measure(arguments: &Arguments, batch: usize, start: Instant) -> anyhow::Result<Value> {
    let weights = arguments.source.open(Some(0))?;
    let architecture = weights.architecture();
    let size = match arguments.size {
        Some(size) => size,
        None => source::natural_size(&weights.preprocessing()?),
    };
    let macs: u64 = architecture.walk(size)?.iter().map(|layer| layer.macs).sum();
    let gpu = arguments.adapter.open()?;
    if arguments.times_layers() && !gpu.facts().timestamps {
        anyhow::bail!(
            "'{}' ({}) takes no timestamps, so steps cannot be timed: leave out --layers and --plot, or choose another \
             adapter",
            gpu.facts().name,
            gpu.facts().backend
        );
    }
    let model = arguments.adapter.load(&gpu, &weights, false)?;
    let mut session = model.session_blocking(SessionOptions::new(size).max_batch(batch))?;
    let input = random::input(0, host_elements(batch, session.image_elements())?);
    let first = session.run_blocking(&input)?;
    let first_ms = milliseconds(start.elapsed());
    let max_abs_error = check(&weights, &input, size, first.logits(), arguments.adapter.tolerance(TOLERANCE))?;

    for _ in 0..arguments.warmup {
        session.run_blocking(&input)?;
    }
    let (times, encodes) = timed_runs(&mut session, &input, arguments.runs)?;
    let median = quantile(&times, 0.5);
    let gflop = 2.0 * macs as f64 * batch as f64 * 1e-9;
    let mut document = json!({
        "adapter": adapter_json(gpu.facts())?,
        "arch": source::name_of(architecture),
        "size": size.to_string(),
        "kernels": model.family().to_string(),
        "precision": model.precision().to_string(),
        "runs": arguments.runs,
        "results": [{
            "batch": batch,
            "first_ms": first_ms,
            "median_ms": median,
            "min_ms": quantile(&times, 0.0),
            "p95_ms": quantile(&times, 0.95),
            "images_per_s": batch as f64 / median * 1e3,
            "gflops": gflop / median * 1e3,
            "dispatches": session.dispatches(),
            "encode_ms": quantile(&encodes, 0.5),
            "device_bytes": session.device_bytes(),
            "max_abs_error": max_abs_error,
        }],
    });
    if arguments.times_layers() {
        document["layers"] = layers(&mut session, &input)?;
    }
    Ok(document)
}

/// Passes of which the median is taken for each step.
const TIMED_PASSES: usize = 5;

/// The median time of every step, in a compute pass of its own.
fn layers(session: &mut Session, input: &[f32]) -> anyhow::Result<Value> {
    let passes = (0..TIMED_PASSES).map(|_| session.profile_blocking(input)).collect::<Result<Vec<_>, _>>()?;
    let layer = |index: usize| {
        let mut times: Vec<f64> = passes.iter().map(|steps| milliseconds(steps[index].time)).collect();
        times.sort_by(f64::total_cmp);
        let (ms, step) = (quantile(&times, 0.5), &passes[0][index]);
        let gflops = 2.0 * step.macs as f64 * 1e-6 / ms;
        json!({ "name": step.name, "kernel": step.kernel, "ms": ms, "gflops": gflops })
    };
    Ok((0..passes[0].len()).map(layer).collect())
}

/// Sorted milliseconds of whole runs, from host values to host values, and of their recording.
fn timed_runs(session: &mut Session, input: &[f32], runs: usize) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (mut times, mut encodes) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        session.run_blocking(input)?;
        times.push(milliseconds(start.elapsed()));
        encodes.push(session.last_encode_ms());
    }
    times.sort_by(f64::total_cmp);
    encodes.sort_by(f64::total_cmp);
    Ok((times, encodes))
}

/// The largest error of all rows, or why they are wrong.
fn check(weights: &Weights, input: &[f32], size: InputSize, got: &[f32], tolerance: f64) -> anyhow::Result<f64> {
    let image = weights.architecture().input_channels * size.height * size.width;
    let mut want = Vec::with_capacity(got.len());
    // Image by image, so that only one image's feature maps are held.
    for image in input.chunks(image) {
        want.extend_from_slice(reference::forward_keeping(weights, image, 1, size, |_| false)?.logits());
    }
    compare(got, &want, tolerance)
}

fn compare(got: &[f32], want: &[f32], tolerance: f64) -> anyhow::Result<f64> {
    anyhow::ensure!(got.len() == want.len(), "the output has {} values in place of {}", got.len(), want.len());
    let (low, high) = want
        .iter()
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| (low.min(f64::from(x)), high.max(f64::from(x))));
    let errors = got.iter().zip(want).map(|(&got, &want)| (f64::from(got) - f64::from(want)).abs());
    // Not `f64::max`, which would let a NaN pass.
    let error = errors.fold(0.0, |worst: f64, error| if error > worst || error.is_nan() { error } else { worst });
    let allowed = tolerance * (high - low);
    anyhow::ensure!(
        error.is_finite() && error <= allowed,
        "the output is wrong, so nothing is reported: it differs from the CPU reference by {error:.3e}, and {allowed:.3e} \
         is allowed; `densenet verify` with the same arguments names the first layer that is off"
    );
    Ok(error)
}

/// Of sorted values, the one at or above the fraction `q` of them.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::{TOLERANCE, compare, quantile};

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(quantile(&twenty, 0.0), 1.0);
        assert_eq!(quantile(&twenty, 0.5), 10.0);
        assert_eq!(quantile(&twenty, 0.95), 19.0);
        assert_eq!(quantile(&[7.0], 0.95), 7.0);
    }

    #[test]
    fn a_wrong_output_is_not_reported() {
        let want = [0.0, 1.0, 2.0];
        assert!(compare(&[0.0, 1.0, 2.0001], &want, TOLERANCE).is_ok());
        for wrong in [[0.0, 1.0, 2.1], [f32::NAN, 1.0, 2.0], [0.0, f32::NAN, 2.0], [0.0, f32::INFINITY, 2.0]] {
            assert!(compare(&wrong, &want, TOLERANCE).is_err(), "{wrong:?}");
        }
        assert!(compare(&[0.0, 1.0], &want, TOLERANCE).is_err());
    }
}
