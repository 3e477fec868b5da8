//! `densenet features`: pictures as vectors.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use densenet_wgpu::files::AtomicFile;
use densenet_wgpu::{Input, Prediction};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Verdict, print_json};
use crate::cli::output::OutputArgs;
use crate::cli::source::SourceArgs;
use crate::engine::{self, WithoutAdapter};
use crate::pictures::{self, Outcome, PictureArgs};
use crate::tensor;

/// Write the pooled feature vectors of pictures, one row per picture
///
/// They are what the classifier reads: the last feature maps after norm and ReLU, averaged. A bad picture is reported and
/// has no row, and the exit status is then 1. The output says which row is which picture.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet features --weights densenet121.safetensors --output features.npy holiday/
  densenet features --weights densenet121.safetensors --output features.safetensors --json photo.jpg
The .safetensors holds the tensor `features`, and the paths as a JSON array in its metadata.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pictures: PictureArgs,
    /// The file to write: [N, channels] float32
    #[arg(long, value_name = "F.npy|F.safetensors", value_parser = output_path)]
    output: PathBuf,
    #[command(flatten)]
    overwrite: OutputArgs,
    /// Print one JSON document: {"model": .., "adapter": .., "output": .., "images": [..]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

pub(crate) fn features(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let pictures = arguments.pictures.find()?;
    let output = arguments.overwrite.file(&arguments.output);
    output.check()?;
    // A network without a classifier yields the classifier's input.
    let weights = arguments.source.open(None)?.without_classifier();
    let columns = weights.architecture().output_channels();
    let classifier = engine::open(&arguments.adapter, weights, arguments.pictures.options(), WithoutAdapter::Fail)?;

    let bar = pictures::bar(&pictures);
    let (mut data, mut paths, mut images) = (Vec::new(), Vec::new(), Vec::<Value>::new());
    let inputs: Vec<Input> = pictures.iter().map(pictures::input).collect();
    for ((path, _), answer) in pictures.iter().zip(classifier.classify_many_blocking(inputs)) {
        let outcome = Outcome::told(path, answer, &bar)?;
        bar.inc(1);
        let (path, row) = (path.to_string_lossy(), outcome.prediction.as_ref().and_then(Prediction::features));
        images.push(json!({
            "path": path,
            "row": row.map(|_| paths.len()),
            "error": outcome.error,
            "warnings": outcome.warnings(),
        }));
        if let Some(row) = row {
            data.extend_from_slice(row);
            paths.push(path.into_owned());
        }
    }
    bar.finish_and_clear();
    anyhow::ensure!(!paths.is_empty(), "{}: not written, since no picture could be read", arguments.output.display());
    let shape = [paths.len(), columns];
    let replaced = write(&output, shape, &data, &paths)?;

    if arguments.json {
        print_json(&json!({
            "model": engine::classifier_json(&classifier),
            "adapter": engine::engine_json(&classifier)?,
            "output": { "path": arguments.output.to_string_lossy(), "shape": shape, "replaced": replaced },
            "images": images,
        }))?;
    } else {
        if replaced {
            eprintln!("{}: replaced the file that was there", arguments.output.display());
        }
        let mut out = std::io::stdout().lock();
        for (row, path) in paths.iter().enumerate() {
            writeln!(out, "{row} {}", path.replace(char::is_control, "\u{fffd}"))?;
        }
    }
    Ok(if paths.len() == pictures.len() { Verdict::Success } else { Verdict::Failure })
}

fn write(output: &AtomicFile, shape: [usize; 2], data: &[f32], paths: &[String]) -> anyhow::Result<bool> {
    if is_npy(output.path()) {
        return Ok(tensor::write(output, &shape, data)?);
    }
    let view = TensorView::new(Dtype::F32, shape.to_vec(), bytemuck::cast_slice(data))?;
    let metadata = HashMap::from([("paths".to_string(), json!(paths).to_string())]);
    let bytes = safetensors::serialize([("features", view)], Some(metadata))?;
    Ok(output.write(|file| file.write_all(&bytes))?)
}

fn is_npy(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"))
}

fn output_path(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let is_safetensors = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
    if is_safetensors || is_npy(&path) {
        Ok(path)
    } else {
        Err("a path that ends in .npy or .safetensors is expected".into())
    }
}
