//! `densenet verify`: an engine against the CPU reference, tap by tap.

use std::io::Write as _;

use densenet_wgpu::InputSize;
use serde_json::json;

use crate::agreement::{Compared, Question};
use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::model::AnyModel;
use crate::cli::source::{self, SourceArgs};
use crate::cli::{positive, table};
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
    let question = Question::new(&weights, size, batch)?;
    let engine = arguments.adapter.open()?;
    let options = arguments.adapter.load_options(&weights, false).size(size).batch(batch);
    let model = AnyModel::load(&engine, &weights, options)?;
    let answer = question.ask(&model)?;
    let compared = question.compare(&answer, &question.right()?, arguments.adapter.precision);
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
