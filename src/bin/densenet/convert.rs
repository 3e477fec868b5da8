//! `densenet convert`: weights in any format to safetensors that state everything.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use densenet_wgpu::weights::{self, ChannelOrder, OpenOptions};
use densenet_wgpu::{Activation, Architecture, Precision, Preprocessing, labels};
use indicatif::HumanBytes;
use serde_json::json;

use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::network::NetworkArgs;
use crate::cli::output::OutputArgs;
use crate::cli::source;
use crate::engine::facts_json;

/// Write weights as safetensors, with canonical names, architecture and preprocessing in the file
///
/// Nothing has to be inferred when such a file is opened. An existing file is replaced, whole or not at all; a link stays
/// a link.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet convert densenet121-a639ec97.pth densenet121.safetensors
  densenet convert model.keras model.safetensors --f16 --no-clobber
  densenet convert trained.pth trained.safetensors --head 'relu, avg, linear, gelu, dropout, linear'
  densenet convert chest.pt chest.safetensors --labels findings.txt --activation sigmoid --preset resize=224,mean=0.5,std=0.25")]
pub(crate) struct Arguments {
    /// Weight file in any supported format, or the name of published weights (`densenet pull --list`)
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// File to write
    #[arg(value_name = "OUT.safetensors", value_parser = safetensors_path)]
    output: PathBuf,
    /// Store kernels and matrices as f16, for half the size; norms and biases stay f32
    #[arg(long)]
    f16: bool,
    /// Preset such as densenet121, or a JSON description, to check or complete what the file says
    #[arg(long, value_name = "NAME|JSON", value_parser = Architecture::from_name_or_file)]
    arch: Option<Architecture>,
    /// Batch norm epsilon, instead of the file's
    #[arg(long, value_name = "X", value_parser = source::epsilon)]
    eps: Option<f64>,
    /// Where a dense layer's new channels stand in the file, `new-last` or `new-first`
    #[arg(long, value_name = "ORDER")]
    channel_order: Option<ChannelOrder>,
    /// What turns logits into scores, `softmax`, `sigmoid` or `none`, instead of the file's
    #[arg(long)]
    activation: Option<Activation>,
    /// Preprocessing of pictures, instead of the file's
    #[arg(long, value_name = "P", value_parser = Preprocessing::parse)]
    preset: Option<Preprocessing>,
    #[command(flatten)]
    reading: source::ReadingArgs,
    /// Class names, one a line or a JSON array, instead of the file's
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    network: NetworkArgs,
    #[command(flatten)]
    overwrite: OutputArgs,
    /// Print one JSON document that says what was read and written
    #[arg(long)]
    json: bool,
}

pub(crate) fn convert(arguments: &Arguments) -> anyhow::Result<Verdict> {
    if is_same_file(&arguments.input, &arguments.output) {
        return Err(Usage::error("IN and OUT are the same file: give OUT another name"));
    }
    let output = arguments.overwrite.file(&arguments.output);
    output.check()?;
    let options = OpenOptions::default()
        .architecture(arguments.arch.clone())
        .eps(arguments.eps)
        .activation(arguments.activation)
        .channel_order(arguments.channel_order)
        .preprocessing(arguments.preset.clone())
        .labels(arguments.labels.as_ref().map(labels::read).transpose()?);
    let input = arguments.network.locate(&arguments.input)?.path;
    let weights = weights::open_with(input, &arguments.reading.state(options))?;
    source::warn(weights.origin());
    // What is written is what other commands would have used: a preset that is a default is stated too.
    let preset = weights.preprocessing()?;
    let weights = weights.with_preprocessing(preset.clone());
    let preset = preset.to_string();
    let storage = if arguments.f16 { Precision::F16 } else { Precision::F32 };
    let bytes = weights::to_safetensors(&weights, storage)?;
    let replaced = output.write(|file| file.write_all(&bytes))?;

    let origin = weights.origin();
    let name = source::name_of(weights.architecture());
    let stored = if arguments.f16 { "f16" } else { "f32" };
    if arguments.json {
        print_json(&json!({
            "input": { "path": arguments.input.to_string_lossy(), "format": origin.format, "scheme": origin.scheme },
            "output": {
                "path": arguments.output.to_string_lossy(),
                "bytes": bytes.len(),
                "stored": stored,
                "replaced": replaced,
            },
            "name": name,
            "architecture": weights.architecture(),
            "facts": facts_json(&origin.facts),
            "warnings": origin.warnings,
            "preset": preset,
        }))?;
    } else {
        let (from, to) = (arguments.input.display(), arguments.output.display());
        writeln!(
            std::io::stdout().lock(),
            "{from} ({}, {}) -> {to} ({name}, {stored}, {}, preset {preset}{})",
            origin.format,
            origin.scheme,
            HumanBytes(bytes.len() as u64),
            if replaced { ", replaced" } else { "" }
        )?;
    }
    Ok(Verdict::Success)
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    std::fs::canonicalize(one).is_ok_and(|one| std::fs::canonicalize(other).is_ok_and(|other| one == other))
}

fn safetensors_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    match path.extension() {
        Some(ending) if ending.eq_ignore_ascii_case("safetensors") => Ok(path),
        _ => Err("a path that ends in .safetensors is expected".into()),
    }
}
