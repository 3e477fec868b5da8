//! One batch size: the first output, its check, the timed runs.

use std::time::{Duration, Instant};

use densenet_wgpu::reference::{self, Outputs};
use densenet_wgpu::weights::{Weights, random};
use densenet_wgpu::{Engine, InputSize, Precision, SessionOptions};
use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::cli::model::{AnyModel, AnySession};
use crate::cli::{host_elements, source};
use crate::resident;

/// Measures, and returns the whole JSON document with its one result.
pub(crate) fn measure(arguments: &Arguments, batch: usize, start: Instant) -> anyhow::Result<Value> {
    let weights = arguments.source.open(Some(0))?;
    let architecture = weights.architecture();
    let size = match arguments.size {
        Some(size) => size,
        None => source::natural_size(&weights.preprocessing()?),
    };
    let macs: u64 = architecture.walk(size)?.iter().map(|layer| layer.macs).sum();
    let engine = arguments.adapter.open()?;
    if let Engine::Gpu(gpu) = &engine
        && arguments.times_layers()
        && !gpu.facts().timestamps
    {
        anyhow::bail!(
            "'{}' ({}) takes no timestamps, so steps cannot be timed: leave out --layers and --plot, or choose another \
             adapter",
            gpu.facts().name,
            gpu.facts().backend
        );
    }
    // What is chosen while loading is chosen for what will be timed.
    let options = arguments.adapter.load_options(&weights, false).size(size).batch(batch);
    let model = AnyModel::load(&engine, &weights, options)?;
    let mut session = model.session(SessionOptions::new(size).max_batch(batch))?;
    let input = random::input(0, host_elements(batch, session.image_elements())?);
    let first = session.run(&input)?;
    let first_ms = milliseconds(start.elapsed());
    // Before the reference, which takes more.
    let rss_bytes = resident::peak();
    let max_abs_error = check(&weights, &input, size, first.logits(), arguments.adapter.precision)?;

    for _ in 0..arguments.warmup {
        session.run(&input)?;
    }
    let (times, encodes) = timed_runs(&mut session, &input, arguments.runs)?;
    let median = quantile(&times, 0.5);
    let gflop = 2.0 * macs as f64 * batch as f64 * 1e-9;
    let mut document = json!({
        "adapter": model.json()?,
        "arch": source::name_of(architecture),
        "size": size.to_string(),
        "kernels": model.family().map(|family| family.to_string()),
        "precision": arguments.adapter.precision.to_string(),
        "runs": arguments.runs,
        "results": [{
            "batch": batch,
            "first_ms": first_ms,
            "median_ms": median,
            "min_ms": quantile(&times, 0.0),
            "p95_ms": quantile(&times, 0.95),
            "images_per_s": batch as f64 / median * 1e3,
            "gflops": gflop / median * 1e3,
            "dispatches": session.steps(),
            "encode_ms": (!encodes.is_empty()).then(|| quantile(&encodes, 0.5)),
            "device_bytes": session.bytes(),
            "rss_bytes": rss_bytes,
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

/// The median time of every step, on an adapter in a compute pass of its own.
fn layers(session: &mut AnySession, input: &[f32]) -> anyhow::Result<Value> {
    let passes = (0..TIMED_PASSES).map(|_| session.profile(input)).collect::<Result<Vec<_>, _>>()?;
    let layer = |index: usize| {
        let mut times: Vec<f64> = passes.iter().map(|steps| milliseconds(steps[index].time)).collect();
        times.sort_by(f64::total_cmp);
        let (ms, step) = (quantile(&times, 0.5), &passes[0][index]);
        let gflops = 2.0 * step.macs as f64 * 1e-6 / ms;
        json!({ "name": step.name, "kernel": step.kernel, "ms": ms, "gflops": gflops })
    };
    Ok((0..passes[0].len()).map(layer).collect())
}

/// Sorted milliseconds of whole runs, from host values to host values, and of their recording, if there is any.
fn timed_runs(session: &mut AnySession, input: &[f32], runs: usize) -> anyhow::Result<(Vec<f64>, Vec<f64>)> {
    let (mut times, mut encodes) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        let start = Instant::now();
        session.run(input)?;
        times.push(milliseconds(start.elapsed()));
        encodes.extend(session.last_encode_ms());
    }
    times.sort_by(f64::total_cmp);
    encodes.sort_by(f64::total_cmp);
    Ok((times, encodes))
}

/// Which of so many images are checked: the reference takes seconds for each. Of a large batch the first, the last, and some between.
fn checked(images: usize) -> impl Iterator<Item = usize> {
    let count = images.min(CHECKED);
    (0..count).map(move |index| index * (images - 1) / (count - 1).max(1))
}

/// Images of a batch that are checked.
const CHECKED: usize = 8;

/// The largest error of the rows that are checked, or why they are wrong.
fn check(weights: &Weights, input: &[f32], size: InputSize, got: &[f32], precision: Precision) -> anyhow::Result<f64> {
    let architecture = weights.architecture();
    let image = architecture.input_channels * size.height * size.width;
    let (row, images) = (architecture.output_channels(), input.len() / image);
    anyhow::ensure!(got.len() == images * row, "the output has {} values in place of {}", got.len(), images * row);
    let mut worst = 0.0_f64;
    // Image by image, so that only one image's feature maps are held.
    for at in checked(images) {
        let (image, got) = (&input[at * image..][..image], &got[at * row..][..row]);
        let want = reference::forward_keeping(weights, image, 1, size, |_| false)?;
        worst = worst.max(compare(got, &want, precision)?);
    }
    Ok(worst)
}

/// The largest error of one row.
fn compare(got: &[f32], want: &Outputs, precision: Precision) -> anyhow::Result<f64> {
    let tolerances = want.tolerances(want.logits_name(), precision).unwrap_or_default();
    let nearest = reference::compare(got, want.logits(), &tolerances);
    anyhow::ensure!(
        nearest.agrees(),
        "the output is wrong, so nothing is reported: value {} differs from the CPU reference by {:.3e}, and {:.3e} is \
         allowed; `densenet verify` with the same arguments names the first layer that is off",
        nearest.element,
        nearest.error,
        nearest.tolerance
    );
    let errors = got.iter().zip(want.logits()).map(|(&got, &want)| (f64::from(got) - f64::from(want)).abs());
    Ok(errors.fold(0.0, f64::max))
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
    use densenet_wgpu::weights;

    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let twenty: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!(quantile(&twenty, 0.0), 1.0);
        assert_eq!(quantile(&twenty, 0.5), 10.0);
        assert_eq!(quantile(&twenty, 0.95), 19.0);
        assert_eq!(quantile(&[7.0], 0.95), 7.0);
    }

    #[test]
    fn of_large_batches_some_are_checked() {
        let all = |images| checked(images).collect::<Vec<_>>();
        assert_eq!(all(1), [0]);
        assert_eq!(all(3), [0, 1, 2]);
        assert_eq!(all(8), [0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(all(64), [0, 9, 18, 27, 36, 45, 54, 63]);
    }

    #[test]
    fn a_wrong_output_is_not_reported() {
        let weights = weights::embedded().expect("the embedded model");
        let size = InputSize::square(28);
        let input = random::input(1, 2 * 28 * 28);
        let run = |image: &[f32]| reference::forward_keeping(&weights, image, 1, size, |_| false).expect("it runs");
        let want: Vec<f32> = input.chunks(28 * 28).flat_map(|image| run(image).logits().to_vec()).collect();
        let checked = |got: &[f32]| check(&weights, &input, size, got, Precision::F32);
        assert_eq!(checked(&want).expect("it is right"), 0.0);
        for wrong in [want[13] + 1e-3, f32::NAN, f32::INFINITY] {
            let mut got = want.clone();
            got[13] = wrong;
            assert!(checked(&got).is_err(), "{wrong}");
        }
        assert!(checked(&want[..10]).is_err());
        assert!(checked(&[&want[10..], &want[..10]].concat()).is_err(), "images in another order");
    }
}
