//! `densenet-bench`: how fast a network runs on an adapter, after showing that what runs is right.
#![allow(clippy::print_stderr, reason = "a command line tool reports on stderr")]

#[path = "../cli/mod.rs"]
mod cli;
mod measure;
mod plot;
mod report;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use densenet_wgpu::InputSize;
use serde_json::Value;

use cli::adapter::AdapterArgs;
use cli::finish::{Usage, Verdict};
use cli::output::OutputArgs;
use cli::source::SourceArgs;

/// Time a network on an adapter.
///
/// The first output is checked against the CPU reference, and nothing is reported if it is wrong. Each of several batch
/// sizes runs in a process of its own, so that the time to the first logits means the same in every row.
#[derive(Parser)]
#[command(name = "densenet-bench", version, after_help = EXAMPLES)]
struct Arguments {
    /// Input size, N or HxW; without it, the size that the network is usually run at (224 for ImageNet's)
    #[arg(long, value_name = "N|HxW")]
    size: Option<InputSize>,
    /// Batch sizes, separated by commas
    #[arg(long, value_name = "N,..", default_value = "1", value_delimiter = ',', value_parser = cli::positive)]
    batch: Vec<usize>,
    /// Timed runs
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = cli::positive)]
    runs: usize,
    /// Untimed runs before the timed ones
    #[arg(long, value_name = "N", default_value_t = 3)]
    warmup: usize,
    /// Add the time of every step, for the first batch size; each step is timed in a compute pass of its own
    #[arg(long)]
    layers: bool,
    /// Draw the time of every step, for the first batch size, as an SVG picture with bars coloured by kernel
    #[arg(long, value_name = "F.svg", value_parser = svg_path)]
    plot: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OutputArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

const EXAMPLES: &str = "Examples:
  densenet-bench --arch densenet121 --size 224 --batch 1,8
  densenet-bench --weights densenet121.safetensors --runs 50 --json
  densenet-bench --arch densenet121 --layers --plot layers.svg";

impl Arguments {
    /// Whether the time of every step is needed.
    fn times_layers(&self) -> bool {
        self.layers || self.plot.is_some()
    }
}

fn main() -> ExitCode {
    let start = Instant::now();
    cli::environment::without_wayland();
    cli::finish::start_logging();
    cli::finish::finish(bench(&Arguments::parse(), start))
}

fn bench(arguments: &Arguments, start: Instant) -> anyhow::Result<Verdict> {
    if arguments.adapter.is_cpu() {
        return Err(Usage::error("densenet-bench times adapters: the CPU reference is what they are checked against"));
    }
    let plot = arguments.plot.as_ref().map(|path| arguments.overwrite.file(path));
    if let Some(file) = &plot {
        file.check()?;
    }
    let mut document = match arguments.batch.as_slice() {
        &[batch] => measure::measure(arguments, batch, start)?,
        several => {
            // The first failure ends it: the others would fail too, or leave half a table.
            let documents = several.iter().enumerate().map_while(|(index, &batch)| {
                let timed_layers = index == 0 && arguments.times_layers();
                in_own_process(batch, timed_layers).transpose()
            });
            let documents = documents.collect::<Result<Vec<_>, _>>()?;
            match (documents.len() == several.len()).then_some(documents).and_then(report::merge) {
                Some(document) => document,
                // The process that failed has said why.
                None => return Ok(Verdict::Failure),
            }
        }
    };
    if let Some(file) = &plot {
        let picture = plot::svg(&document)?;
        file.write(|out| out.write_all(picture.as_bytes()))?;
    }
    // Timed for the picture alone: the report shows them only with --layers.
    if !arguments.layers
        && let Some(keys) = document.as_object_mut()
    {
        keys.remove("layers");
    }
    if arguments.json {
        cli::finish::print_json(&document)?
    } else {
        report::print(&document)?
    }
    Ok(Verdict::Success)
}

/// Starts this program again, with the same arguments but one batch size; none if it failed.
fn in_own_process(batch: usize, timed_layers: bool) -> anyhow::Result<Option<Value>> {
    let program = std::env::current_exe().context("this program's own path is unknown")?;
    let mut command = Command::new(program);
    let mut arguments = std::env::args_os().skip(1);
    while let Some(argument) = arguments.next() {
        let text = argument.to_string_lossy();
        match text.as_ref() {
            "--batch" => drop(arguments.next()),
            "--json" => {}
            // This process draws the picture.
            "--plot" => drop(arguments.next()),
            "--layers" => {}
            _ if text.starts_with("--batch=") || text.starts_with("--plot=") => {}
            _ => drop(command.arg(&argument)),
        }
    }
    command.args(timed_layers.then_some("--layers"));
    command.args(["--json", "--batch", &batch.to_string()]);
    let output = command.stderr(Stdio::inherit()).output().context("this program could not be started again")?;
    if !output.status.success() {
        return Ok(None);
    }
    serde_json::from_slice(&output.stdout)
        .map(Some)
        .context("the process for one batch size printed something else than its report")
}

fn svg_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("svg") => Ok(path),
        _ => Err("an SVG picture is drawn: a path that ends in .svg is expected".into()),
    }
}
