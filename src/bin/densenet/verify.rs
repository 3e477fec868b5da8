//! `densenet verify`: the adapter against the CPU reference, tap by tap.

use std::io::Write as _;

use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::weights::random;
use densenet_wgpu::{FeatureMaps, InputSize, SessionOptions, reference};
use serde_json::{Value, json};

use crate::cli::adapter::{AdapterArgs, adapter_json};
use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::source::{self, SourceArgs};
use crate::cli::{host_elements, positive, table};
use crate::runner;

/// Compare the adapter with the CPU reference on seeded input, every tap
///
/// The exit status is 1 where a tap is beyond its tolerance, or where there is no adapter.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet verify
  densenet verify --arch densenet121
  densenet verify --weights densenet121.safetensors --size 97x131 --batch 2")]
pub(crate) struct Arguments {
    /// Input size, N or HxW; what the network is usually run at where not given
    #[arg(long, value_name = "N|HxW")]
    size: Option<InputSize>,
    /// Images
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    batch: usize,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// Of a tap's range (maximum - minimum): f32 sums of some thousand products, one after the other through every layer,
/// against f64. A wrong index, weight or border is off by percents.
const TOLERANCE: f64 = 1e-5;

pub(crate) fn verify(arguments: &Arguments) -> anyhow::Result<Verdict> {
    if arguments.adapter.is_cpu() {
        return Err(Usage::error("verify compares an adapter with the CPU reference: --adapter cpu compares nothing"));
    }
    let weights = arguments.source.open(Some(0))?;
    let architecture = weights.architecture();
    let preset = weights.preprocessing()?;
    let size = arguments.size.unwrap_or_else(|| source::natural_size(&preset));
    let batch = arguments.batch;
    let taps = Plan::new(architecture, size, 1)?.taps.iter().map(|tap| tap.name.clone()).collect::<Vec<_>>();
    let gpu = arguments.adapter.open()?;
    let model = arguments.adapter.load(&gpu, &weights, false)?;
    let options = SessionOptions::new(size).max_batch(batch).taps(&taps);
    let mut session = model.session_blocking(options)?;
    let input = random::input(0, host_elements(batch, session.image_elements())?);
    let output = session.run_blocking(&input)?;
    let wanted = reference::forward_keeping(&weights, &input, batch, size, |name| taps.iter().any(|tap| tap == name))?;

    let tolerance = arguments.adapter.tolerance(TOLERANCE);
    let compared: Vec<Compared> =
        taps.iter().map(|name| Compared::new(name, output.tap(name), wanted.get(name), tolerance)).collect();
    let first = compared.iter().find(|tap| !tap.ok);
    if arguments.json {
        let mut adapter = adapter_json(gpu.facts())?;
        adapter["kernels"] = json!(model.family().to_string());
        print_json(&json!({
            "adapter": adapter,
            "model": runner::model_json(&weights, &preset, architecture.activation),
            "size": size.to_string(),
            "batch": batch,
            "taps": compared.iter().map(Compared::json).collect::<Vec<_>>(),
            "first_beyond": first.map(|tap| &tap.name),
        }))?;
    } else {
        let mut table = table::new(&["tap", "shape", "max abs error", "tolerance", "of it", ""], &[2, 3, 4]);
        for tap in &compared {
            table.add_row(tap.row());
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", table.trim_fmt())?;
        let what = format!("{} at {size}, batch {batch}", source::name_of(architecture));
        let facts = gpu.facts();
        let whom = format!("{} ({}, {} kernels)", facts.name, facts.backend, model.family());
        match first {
            None => writeln!(out, "{what}: all {} taps of {whom} agree with the CPU reference", compared.len())?,
            Some(tap) => writeln!(out, "{what}: {whom} disagrees with the CPU reference, first at {}", tap.name)?,
        }
    }
    Ok(if first.is_none() { Verdict::Success } else { Verdict::Failure })
}

/// One tap's verdict.
struct Compared {
    name: String,
    shape: String,
    /// Not finite where a value is not, or where shapes differ.
    error: f64,
    tolerance: f64,
    ok: bool,
}

impl Compared {
    fn new(name: &str, got: Option<&FeatureMaps>, want: Option<&FeatureMaps>, tolerance: f64) -> Compared {
        let mut compared =
            Compared { name: name.into(), shape: "missing".into(), error: f64::INFINITY, tolerance: 0.0, ok: false };
        let (Some(got), Some(want)) = (got, want) else { return compared };
        compared.shape = format!("{}x{}x{}", got.channels, got.height, got.width);
        let same = (got.channels, got.height, got.width) == (want.channels, want.height, want.width);
        if !same || got.data.len() != want.data.len() {
            compared.shape += &format!(" for {}x{}x{}", want.channels, want.height, want.width);
            return compared;
        }
        let (low, high) = want.data.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
            (low.min(f64::from(x)), high.max(f64::from(x)))
        });
        // A constant has no range: then its magnitude counts.
        let range = if high > low { high - low } else { high.abs().max(f64::MIN_POSITIVE) };
        compared.tolerance = tolerance * range;
        compared.error = max_abs_error(&got.data, &want.data);
        // Infinite values have an infinite tolerance, which anything would meet.
        compared.ok = compared.error.is_finite() && compared.error <= compared.tolerance;
        compared
    }

    fn row(&self) -> [String; 6] {
        let share = if self.tolerance > 0.0 { 100.0 * self.error / self.tolerance } else { f64::NAN };
        [
            self.name.clone(),
            self.shape.clone(),
            format!("{:.2e}", self.error),
            format!("{:.2e}", self.tolerance),
            format!("{share:.1} %"),
            if self.ok { "ok" } else { "BEYOND" }.into(),
        ]
    }

    fn json(&self) -> Value {
        // JSON has no infinity: null then says that there is no number to give.
        json!({
            "name": self.name, "shape": self.shape, "max_abs_error": self.error, "tolerance": self.tolerance,
            "ok": self.ok,
        })
    }
}

/// Infinite where a value is not finite, so that no comparison lets it pass.
fn max_abs_error(got: &[f32], want: &[f32]) -> f64 {
    let error = |(&got, &want): (&f32, &f32)| {
        let error = (f64::from(got) - f64::from(want)).abs();
        if error.is_finite() { error } else { f64::INFINITY }
    };
    got.iter().zip(want).map(error).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(got: &[f32], want: &[f32]) -> bool {
        let shape = |data: &[f32]| (1, 1, data.len());
        let (channels, height, width) = shape(got);
        let got = FeatureMaps { channels, height, width, data: got.to_vec() };
        let (channels, height, width) = shape(want);
        let want = FeatureMaps { channels, height, width, data: want.to_vec() };
        Compared::new("tap", Some(&got), Some(&want), TOLERANCE).ok
    }

    #[test]
    fn only_what_is_close_passes() {
        assert!(verdict(&[0.0, 1.000001], &[0.0, 1.0]));
        assert!(!verdict(&[0.0, 1.001], &[0.0, 1.0]));
        assert!(!verdict(&[1.0, 0.0], &[0.0, 1.0]));
        assert!(!verdict(&[0.0, f32::NAN], &[0.0, 1.0]));
        assert!(!verdict(&[0.0, f32::NAN], &[0.0, f32::NAN]));
        assert!(!verdict(&[0.0, f32::INFINITY], &[0.0, f32::INFINITY]));
        assert!(!verdict(&[0.0], &[0.0, 1.0]));
        assert!(!Compared::new("tap", None, None, TOLERANCE).ok);
    }

    #[test]
    fn a_constant_is_judged_by_its_magnitude() {
        assert!(verdict(&[3.0, 3.0], &[3.0, 3.0]));
        assert!(verdict(&[0.0, 0.0], &[0.0, 0.0]));
        assert!(!verdict(&[3.0, 3.1], &[3.0, 3.0]));
        assert!(!verdict(&[0.0, 1e-6], &[0.0, 0.0]));
    }
}
