//! `densenet verify`: an engine against the CPU reference, tap by tap.

use std::io::Write as _;

use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::reference::{self, Comparison, Outputs};
use densenet_wgpu::weights::random;
use densenet_wgpu::{FeatureMaps, InputSize, Precision, SessionOptions};
use serde_json::{Value, json};

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::model::AnyModel;
use crate::cli::source::{self, SourceArgs};
use crate::cli::{host_elements, positive, table};
use crate::engine;

/// Compare an adapter or the CPU engine with the CPU reference on seeded input, every tap
///
/// Without --adapter, what every command would run on is compared. Tolerances follow from the sums that make a value up, not
/// from the values' range. The exit status is 1 if a tap is beyond its tolerance, or if the adapter that is named is not
/// there.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet verify
  densenet verify --adapter cpu --arch densenet121
  densenet verify --weights densenet121.safetensors --size 97x131 --batch 2")]
pub(crate) struct Arguments {
    /// Input size, N or HxW [default: the network's usual size]
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

pub(crate) fn verify(arguments: &Arguments) -> anyhow::Result<Verdict> {
    if arguments.adapter.is_reference() {
        return Err(Usage::error(
            "verify compares an engine with the CPU reference: --adapter reference compares nothing",
        ));
    }
    arguments.adapter.check()?;
    let weights = arguments.source.open(Some(0))?;
    let architecture = weights.architecture();
    let preset = weights.preprocessing()?;
    let size = arguments.size.unwrap_or_else(|| source::natural_size(&preset));
    let batch = arguments.batch;
    let taps = Plan::new(architecture, size, 1)?.taps.iter().map(|tap| tap.name.clone()).collect::<Vec<_>>();
    let engine = arguments.adapter.open()?;
    let model = AnyModel::load(&engine, &weights, arguments.adapter.load_options(&weights, false))?;
    let options = SessionOptions::new(size).max_batch(batch).taps(&taps);
    let mut session = model.session(options)?;
    let input = random::input(0, host_elements(batch, session.image_elements())?);
    let output = session.run(&input)?;
    let wanted = reference::forward_keeping(&weights, &input, batch, size, |name| taps.iter().any(|tap| tap == name))?;

    let precision = arguments.adapter.precision;
    let compared: Vec<Compared> =
        taps.iter().map(|name| Compared::new(name, output.tap(name), &wanted, precision)).collect();
    let first = compared.iter().find(|tap| !tap.ok());
    if arguments.json {
        print_json(&json!({
            "adapter": model.json()?,
            "model": engine::model_json(architecture, weights.origin(), &preset, architecture.activation),
            "size": size.to_string(),
            "batch": batch,
            "taps": compared.iter().map(Compared::json).collect::<Vec<_>>(),
            "first_beyond": first.map(|tap| &tap.name),
        }))?;
    } else {
        let mut table = table::new(&["tap", "shape", "error", "tolerance", "of it", ""], &[2, 3, 4]);
        for tap in &compared {
            table.add_row(tap.row());
        }
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", table::text(table))?;
        let what = format!("{} at {size}, batch {batch}", source::name_of(architecture));
        match first {
            None => writeln!(out, "{what}: all {} taps of {model} agree with the CPU reference", compared.len())?,
            Some(tap) => writeln!(out, "{what}: {model} disagrees with the CPU reference, first at {}", tap.name)?,
        }
    }
    Ok(if first.is_none() { Verdict::Success } else { Verdict::Failure })
}

/// One tap's verdict.
struct Compared {
    name: String,
    shape: String,
    /// The largest error; infinite where a value is not finite, or where shapes differ.
    max_abs_error: f64,
    /// The value that comes nearest to its tolerance, or exceeds it by most.
    nearest: Comparison,
}

impl Compared {
    fn new(name: &str, got: Option<&FeatureMaps>, wanted: &Outputs, precision: Precision) -> Compared {
        let nothing = reference::compare(&[], &[], &[]);
        let mut compared =
            Compared { name: name.into(), shape: "missing".into(), max_abs_error: f64::INFINITY, nearest: nothing };
        let (Some(got), Some(want)) = (got, wanted.get(name)) else { return compared };
        compared.shape = got.shape().to_string();
        if got.shape() != want.shape() || got.data.len() != want.data.len() {
            compared.shape += &format!(" for {}", want.shape());
            return compared;
        }
        compared.max_abs_error = max_abs_error(&got.data, &want.data);
        let tolerances = wanted.tolerances(name, precision).unwrap_or_default();
        compared.nearest = reference::compare(&got.data, &want.data, &tolerances);
        compared
    }

    fn ok(&self) -> bool {
        self.nearest.agrees()
    }

    fn row(&self) -> [String; 6] {
        [
            self.name.clone(),
            self.shape.clone(),
            format!("{:.2e}", self.nearest.error),
            format!("{:.2e}", self.nearest.tolerance),
            format!("{:.1} %", 100.0 * self.nearest.share()),
            if self.ok() { "ok" } else { "BEYOND" }.into(),
        ]
    }

    fn json(&self) -> Value {
        // JSON has no infinity: null then says that there is no number to give.
        json!({
            "name": self.name, "shape": self.shape, "max_abs_error": self.max_abs_error, "error": self.nearest.error,
            "tolerance": self.nearest.tolerance, "ok": self.ok(),
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
    use densenet_wgpu::architecture::{Recipe, Stem};
    use densenet_wgpu::weights::Weights;

    use super::*;

    /// A small network's outputs.
    fn wanted() -> Outputs {
        let recipe = Recipe { stem: Stem::cifar(4), classes: Some(1), ..Recipe::imagenet(4, &[1, 1]) };
        let weights = Weights::random(&recipe.build("small"), 1).expect("it can exist");
        let size = InputSize::square(8);
        reference::forward(&weights, &random::input(1, 3 * 8 * 8), 1, size).expect("it runs")
    }

    fn verdict(wanted: &Outputs, tap: &str, change: impl Fn(&mut FeatureMaps)) -> bool {
        let mut got = wanted.get(tap).expect("every layer is kept").clone();
        change(&mut got);
        Compared::new(tap, Some(&got), wanted, Precision::F32).ok()
    }

    #[test]
    fn only_what_is_close_passes() {
        let wanted = wanted();
        for tap in ["features.conv0", "features.denseblock2", "classifier"] {
            let value = wanted.get(tap).expect("kept").data[0];
            assert!(verdict(&wanted, tap, |_| {}));
            assert!(verdict(&wanted, tap, |got| got.data[0] = f32::from_bits(value.to_bits() + 1)), "an ulp, {tap}");
            assert!(!verdict(&wanted, tap, |got| got.data[0] += 1e-3), "{tap}");
            for bad in [f32::NAN, f32::INFINITY] {
                assert!(!verdict(&wanted, tap, |got| got.data[0] = bad), "{tap}");
            }
            assert!(!verdict(&wanted, tap, |got| got.height += 1), "{tap}");
            assert!(!verdict(&wanted, tap, |got| got.data.push(0.0)), "{tap}");
        }
        assert!(!verdict(&wanted, "features.conv0", |got| got.data.reverse()));
        assert!(!Compared::new("classifier", None, &wanted, Precision::F32).ok());
    }
}
