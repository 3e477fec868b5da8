//! `densenet-bench`: how fast a network runs on an adapter or the CPU engine, after showing that what runs is right.
#![allow(clippy::print_stderr, reason = "a command line tool reports on stderr")]

mod arguments;
#[path = "../cli/mod.rs"]
mod cli;
mod measure;
mod plot;
mod report;
mod resident;

use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use clap::Parser;
use serde_json::Value;

use arguments::Arguments;
use cli::finish::{Usage, Verdict};

fn main() -> ExitCode {
    let start = Instant::now();
    cli::environment::without_wayland();
    cli::finish::start_logging();
    cli::finish::finish(bench(&Arguments::parse(), start))
}

fn bench(arguments: &Arguments, start: Instant) -> anyhow::Result<Verdict> {
    if arguments.adapter.is_reference() {
        return Err(Usage::error("densenet-bench times engines: the CPU reference is what they are checked against"));
    }
    arguments.adapter.check()?;
    let plot = arguments.plot.as_ref().map(|path| arguments.overwrite.file(path));
    if let Some(file) = &plot {
        file.check()?;
    }
    // The time to the first logits is that of weights which are here.
    let fetched = arguments.source.fetch()?;
    let mut document = match arguments.batch.as_slice() {
        &[batch] if !fetched => measure::measure(arguments, batch, start)?,
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
