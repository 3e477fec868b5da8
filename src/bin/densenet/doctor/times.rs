//! How long a network takes on an engine, step by step, and by which kernels.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use densenet_wgpu::weights::random;
use densenet_wgpu::{Engine, LoadOptions, SessionOptions, StepTime, Weights};

use super::cases::USUAL_SIZE;
use super::findings::{Choice, Times};
use crate::cli::model::{AnyModel, AnySession};
use crate::cli::{progress, source};

/// Warm runs at most, and the time after which no other one begins.
const RUNS: usize = 9;
const LONG: Duration = Duration::from_secs(3);

/// Times a network as every command would run it: with what was remembered about the adapter.
pub(crate) fn time(engine: &Engine, weights: &Weights) -> anyhow::Result<Times> {
    let start = Instant::now();
    let options = LoadOptions::default().size(USUAL_SIZE).progress(progress::loading());
    let model = AnyModel::load(engine, weights, options)?;
    let mut session = model.session(SessionOptions::new(USUAL_SIZE))?;
    let input = random::input(0, session.image_elements());
    session.run(&input)?;
    let first = milliseconds(start.elapsed());

    let start = Instant::now();
    let mut runs = Vec::new();
    while runs.is_empty() || (runs.len() < RUNS && start.elapsed() < LONG) {
        let start = Instant::now();
        session.run(&input)?;
        runs.push(milliseconds(start.elapsed()));
    }
    runs.sort_by(f64::total_cmp);
    // Not every device can time its steps.
    let steps = match engine {
        Engine::Gpu(gpu) if !gpu.facts().timestamps => Vec::new(),
        _ => session.profile(&input)?,
    };
    Ok(Times {
        arch: source::name_of(weights.architecture()).into(),
        size: USUAL_SIZE.to_string(),
        batch: 1,
        first,
        median: runs[runs.len() / 2],
        kernels: kernels(&steps),
        choices: choices(engine, &session, &steps),
    })
}

/// The kernels with their steps and milliseconds, the longest first.
fn kernels(steps: &[StepTime]) -> Vec<(String, usize, f64)> {
    let mut kernels = BTreeMap::<&str, (usize, f64)>::new();
    for step in steps {
        let total = kernels.entry(kernel_of(&step.kernel)).or_default();
        *total = (total.0 + 1, total.1 + milliseconds(step.time));
    }
    let mut kernels: Vec<_> = kernels.into_iter().map(|(name, (steps, ms))| (name.to_string(), steps, ms)).collect();
    kernels.sort_by(|a, b| b.2.total_cmp(&a.2));
    kernels
}

/// `buffer/conv3x3_tiled` of `buffer/conv3x3_tiled:8x8+norm/64`.
fn kernel_of(variant: &str) -> &str {
    let kernel = variant.split([':', '+']).next().unwrap_or(variant);
    match kernel.match_indices('/').nth(1) {
        Some((end, _)) => &kernel[..end],
        None => kernel,
    }
}

/// The variants of layers that have several, in the order in which they run.
fn choices(engine: &Engine, session: &AnySession, steps: &[StepTime]) -> Vec<Choice> {
    let (Engine::Gpu(gpu), AnySession::Gpu(session)) = (engine, session) else { return Vec::new() };
    let (experience, program) = (gpu.experience(), session.program());
    let mut choices = Vec::<(Choice, Vec<f64>)>::new();
    for (index, dispatch) in program.dispatches.iter().enumerate() {
        let Some(layer) = dispatch.layer else { continue };
        let (name, ms) = (layer.to_string(), steps.get(index).map(|step| milliseconds(step.time)));
        match choices.iter_mut().find(|(choice, _)| choice.layer == name) {
            Some((_, times)) => times.extend(ms),
            None => {
                let (variant, measured) = (program.variants[dispatch.variant], experience.choice(&layer).is_some());
                let choice = Choice { layer: name, variant: variant.to_string(), ms: None, measured };
                choices.push((choice, Vec::from_iter(ms)));
            }
        }
    }
    let mean = |times: &[f64]| (!times.is_empty()).then(|| times.iter().sum::<f64>() / times.len() as f64);
    choices.into_iter().map(|(choice, times)| Choice { ms: mean(&times), ..choice }).collect()
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_added_up_by_kernel() {
        let step = |kernel: &str, ms| StepTime {
            name: String::new(),
            kernel: kernel.into(),
            time: Duration::from_millis(ms),
            macs: 0,
        };
        let steps = [
            step("buffer/stem/64", 1),
            step("buffer/conv3x3_tiled:8x8+norm/64", 3),
            step("buffer/conv3x3_tiled:4x4/32", 4),
            step("winograd", 2),
        ];
        let wanted = [("buffer/conv3x3_tiled", 2, 7.0), ("winograd", 1, 2.0), ("buffer/stem", 1, 1.0)];
        assert_eq!(kernels(&steps), wanted.map(|(name, steps, ms)| (name.to_string(), steps, ms)));
        assert!(kernels(&[]).is_empty());
    }
}
