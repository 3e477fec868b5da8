//! `densenet tune`: the fastest kernels for a network on an adapter, by measurement.

use std::io::Write as _;
use std::time::Duration;

use densenet_wgpu::gpu::{Gpu, GpuOptions, Tuned};
use densenet_wgpu::{Engine, InputSize, KernelFamily, LoadOptions, Model, Precision, Tuning};
use serde_json::{Value, json};

use crate::cli::adapter::{AdapterArgs, adapter_json};
use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::source::{self, SourceArgs};
use crate::cli::{positive, table};

/// Measure the kernels that could run each layer of a network on this adapter, and remember the fastest
///
/// Every later run of the same layers on the same adapter and driver takes them, whichever command or program it is. A network that is
/// loaded on a GPU is measured for a moment anyway; this takes its time, and says what came of it. Layers that have their choice already
/// are left alone without --again. Results differ by rounding only.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet tune --arch densenet121
  densenet tune --weights densenet121.safetensors --batch 8 --again
  densenet tune --arch densenet121 --adapter 0 --kernels buffer --within 300
  densenet tune --show
  densenet tune --forget")]
pub(crate) struct Arguments {
    /// Input size, N or HxW [default: the network's usual size]
    #[arg(long, value_name = "N|HxW")]
    size: Option<InputSize>,
    /// Images of a pass: other numbers have choices of their own
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    batch: usize,
    /// The time after which no more is measured; layers that were measured in part have the best of what was
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    within: Duration,
    /// Measure layers anew that have their choice already
    #[arg(long)]
    again: bool,
    /// Show what is remembered for the adapter, and measure nothing
    #[arg(long, conflicts_with_all = ["again", "forget"])]
    show: bool,
    /// Forget every choice for the adapter, and measure nothing. What its self-test found stays
    #[arg(long, conflicts_with = "again")]
    forget: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

/// More than anybody waits for.
const MAX_SECONDS: f64 = 1e6;

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds: &f64| (0.0..=MAX_SECONDS).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "a number of seconds is expected, such as 60".into())
}

pub(crate) fn tune(arguments: &Arguments) -> anyhow::Result<Verdict> {
    if arguments.adapter.no_tune {
        return Err(Usage::error("--no-tune ignores what was measured: tune measures"));
    }
    match (arguments.show, arguments.forget) {
        (true, _) => show(&open(arguments)?, arguments.json),
        (_, true) => forget(&open(arguments)?, arguments.json),
        _ => measure(arguments),
    }
}

/// The adapter that the arguments name, else the best GPU.
fn open(arguments: &Arguments) -> anyhow::Result<Gpu> {
    const NOTHING: &str = "there is nothing to choose: it has no kernels of which one might be faster";
    let args = &arguments.adapter;
    match args.engine()? {
        Engine::Cpu(_) => Err(Usage::error(format!("tune is for adapters. For the CPU engine {NOTHING}"))),
        Engine::Reference => Err(Usage::error(format!("tune is for adapters. For the CPU reference {NOTHING}"))),
        Engine::Best if args.wants_adapter() => Ok(Gpu::new_blocking(GpuOptions::default())?),
        engine => match engine.open_blocking()? {
            Engine::Gpu(gpu) => Ok(gpu),
            _ if args.adapter.is_some() => {
                Err(Usage::error(format!("tune is for adapters. For the CPU engine {NOTHING}")))
            }
            _ => anyhow::bail!(
                "there is no GPU, so that the CPU engine runs, and for it {NOTHING}; `densenet adapters` lists software adapters, \
                 which --adapter names"
            ),
        },
    }
}

fn measure(arguments: &Arguments) -> anyhow::Result<Verdict> {
    arguments.adapter.check()?;
    let weights = arguments.source.open(Some(0))?;
    let size = match arguments.size {
        Some(size) => size,
        None => source::natural_size(&weights.preprocessing()?),
    };
    let gpu = open(arguments)?;
    let options: LoadOptions = arguments.adapter.load_options(&weights, false).size(size).batch(arguments.batch);
    let model = Model::load_blocking(&gpu, &weights, options.tuning(Tuning::Remembered))?;
    if model.family() == KernelFamily::Texture {
        anyhow::bail!(
            "texture kernels, which suit '{}', have no variants to choose: there is something to measure with --kernels buffer",
            gpu.adapter().name
        );
    }
    let before = gpu.memory();
    if arguments.again {
        gpu.forget_choices();
    }
    let tuned = model.tune_blocking(size, arguments.batch, arguments.within)?;
    if arguments.again {
        // What other networks, sizes and batches chose stays as it was.
        let now = gpu.memory();
        gpu.recall(&before);
        gpu.recall(&now);
    }
    let file = gpu.save_memory()?;
    let gain: f64 = tuned.iter().filter_map(gain).sum();
    let name = source::name_of(weights.architecture());
    if arguments.json {
        let mut adapter = adapter_json(gpu.adapter())?;
        adapter["kernels"] = json!(model.family().to_string());
        print_json(&json!({
            "adapter": adapter,
            "arch": name,
            "size": size.to_string(),
            "batch": arguments.batch,
            "precision": arguments.adapter.precision.to_string(),
            "tuned": tuned.iter().map(tuned_json).collect::<Vec<_>>(),
            "gain_ms": gain,
            "file": file.map(|path| path.to_string_lossy().into_owned()),
        }))?;
        return Ok(Verdict::Success);
    }
    let mut out = std::io::stdout().lock();
    let facts = gpu.facts();
    let precision = if arguments.adapter.precision == Precision::F16 { ", f16" } else { "" };
    let what = format!("{name} at {size}, batch {}{precision}, on {} ({})", arguments.batch, facts.name, facts.backend);
    if tuned.is_empty() {
        writeln!(out, "{what}: every layer has its choice already; --again measures them anew, --show lists them")?;
        return Ok(Verdict::Success);
    }
    let mut table = table::new(&["layer", "layers", "chosen", "ms", "expected", "ms", "gain ms"], &[1, 3, 5, 6]);
    for one in &tuned {
        table.add_row(row(one));
    }
    writeln!(out, "{}", table::text(table))?;
    writeln!(out, "{what}: {gain:.3} ms of a pass gained over what was expected to be best")?;
    if let Some(file) = file {
        writeln!(out, "remembered in {}", file.display())?;
    }
    Ok(Verdict::Success)
}

fn show(gpu: &Gpu, as_json: bool) -> anyhow::Result<Verdict> {
    let experience = gpu.experience();
    let choices: Vec<(&str, String)> =
        experience.choices().map(|(layer, variant)| (layer, variant.to_string())).collect();
    if as_json {
        let list: Vec<Value> =
            choices.iter().map(|(layer, variant)| json!({ "layer": layer, "variant": variant })).collect();
        print_json(&json!({ "adapter": adapter_json(gpu.adapter())?, "choices": list, "file": file_json(gpu) }))?;
        return Ok(Verdict::Success);
    }
    let mut out = std::io::stdout().lock();
    if !choices.is_empty() {
        let mut table = table::new(&["layer", "chosen"], &[]);
        for (layer, variant) in &choices {
            table.add_row([layer, variant.as_str()]);
        }
        writeln!(out, "{}", table::text(table))?;
    }
    writeln!(out, "{}: {} choices are remembered{}", gpu.facts().name, choices.len(), in_file(gpu))?;
    Ok(Verdict::Success)
}

fn forget(gpu: &Gpu, as_json: bool) -> anyhow::Result<Verdict> {
    let forgotten = gpu.experience().choices().count();
    gpu.forget_choices();
    // Without a memory there is no file to make.
    if forgotten > 0 {
        gpu.save_memory()?;
    }
    if as_json {
        let adapter = adapter_json(gpu.adapter())?;
        print_json(&json!({ "adapter": adapter, "forgotten": forgotten, "file": file_json(gpu) }))?;
    } else {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}: {forgotten} choices are forgotten{}", gpu.facts().name, in_file(gpu))?;
    }
    Ok(Verdict::Success)
}

fn file_json(gpu: &Gpu) -> Value {
    json!(gpu.memory_file().map(|path| path.to_string_lossy().into_owned()))
}

fn in_file(gpu: &Gpu) -> String {
    gpu.memory_file().map_or(String::new(), |path| format!(", in {}", path.display()))
}

/// Milliseconds; none of a variant that could not be measured.
fn milliseconds(time: Duration) -> Option<f64> {
    (time != Duration::MAX).then_some(time.as_secs_f64() * 1e3)
}

/// What a choice gains in a pass, in milliseconds.
fn gain(tuned: &Tuned) -> Option<f64> {
    Some((milliseconds(tuned.expected_time)? - milliseconds(tuned.time)?) * tuned.layers as f64)
}

fn row(tuned: &Tuned) -> [String; 7] {
    let number = |number: Option<f64>| number.map_or("-".into(), |number| format!("{number:.4}"));
    let same = tuned.variant == tuned.expected;
    [
        tuned.layer.to_string(),
        tuned.layers.to_string(),
        tuned.variant.to_string(),
        number(milliseconds(tuned.time)),
        if same { "the same".into() } else { tuned.expected.to_string() },
        if same { String::new() } else { number(milliseconds(tuned.expected_time)) },
        if same { String::new() } else { number(gain(tuned)) },
    ]
}

fn tuned_json(tuned: &Tuned) -> Value {
    json!({
        "layer": tuned.layer.to_string(),
        "layers": tuned.layers,
        "variant": tuned.variant.to_string(),
        "ms": milliseconds(tuned.time),
        "expected": tuned.expected.to_string(),
        "expected_ms": milliseconds(tuned.expected_time),
        "gain_ms": gain(tuned),
        "measured": tuned.measured,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_a_number_of_seconds() {
        assert_eq!(seconds("60"), Ok(Duration::from_secs(60)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["", "-1", "1e300", "NaN", "inf", "a minute"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_could_not_be_measured_has_no_time() {
        assert_eq!(milliseconds(Duration::from_micros(1500)), Some(1.5));
        assert_eq!(milliseconds(Duration::MAX), None);
    }
}
