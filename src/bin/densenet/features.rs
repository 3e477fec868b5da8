//! `densenet features`: pictures as vectors.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use densenet_wgpu::Prediction;
use densenet_wgpu::files::AtomicFile;
use indicatif::ProgressBar;
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Verdict, print_json};
use crate::cli::output::OutputArgs;
use crate::cli::source::SourceArgs;
use crate::engine;
use crate::interrupt;
use crate::pictures::PictureArgs;
use crate::results::{self, Outcome};
use crate::tensor;

/// Write the pooled feature vectors of pictures, one row per picture
///
/// They are what the classifier reads: the last feature maps after norm and ReLU, averaged. A bad picture is reported and
/// has no row, and the exit status is then 1. The output says which row is which picture. Ctrl-C ends the run within a step:
/// the file gets the rows that are finished, and the exit status is 130.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet features --weights densenet121.safetensors --output features.npy holiday/
  densenet features --weights densenet121.safetensors --output features.safetensors --json photo.jpg
  densenet features --weights densenet121.safetensors --jsonl archive/ > archive.jsonl
The .safetensors holds the tensor `features`, and the paths as a JSON array in its metadata.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pictures: PictureArgs,
    /// The file to write: [N, channels] float32
    #[arg(long, value_name = "F.npy|F.safetensors", value_parser = output_path, required_unless_present = "jsonl")]
    output: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OutputArgs,
    /// Print one JSON document: {"model": .., "adapter": .., "output": .., "images": [..]}
    #[arg(long)]
    json: bool,
    /// Print one JSON object for each picture, with its features, on a line of its own, as soon as it is known
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

pub(crate) fn features(arguments: &Arguments) -> anyhow::Result<Verdict> {
    // First, so that Ctrl-C ends a download at once.
    arguments.source.fetch()?;
    let cancel = interrupt::token();
    let files = arguments.pictures.find(&cancel)?;
    let count = files.pictures.len();
    let output = arguments.output.as_ref().map(|path| arguments.overwrite.file(path));
    output.as_ref().map_or(Ok(()), AtomicFile::check)?;
    // A network without a classifier yields the classifier's input.
    let weights = arguments.source.open(None)?.without_classifier();
    let columns = weights.architecture().output_channels();
    let options = arguments.pictures.options(&cancel);
    let classifier = match engine::open(&arguments.adapter, weights, options) {
        Err(error) if interrupt::is_cancelled(&error) => return Ok(interrupt::told(0, count)),
        classifier => classifier?,
    };

    let mut rows = Rows { form: Form::of(arguments), keeps: output.is_some(), ..Rows::default() };
    let result = results::run(&classifier, &files, |path, outcome, bar| rows.add(path, &outcome, bar));
    let shape = [rows.paths.len(), columns];
    let mut replaced = false;
    // Whatever ended the run, hours of work may be in these rows.
    if let Some(output) = output.filter(|_| !rows.paths.is_empty()) {
        replaced = write(&output, shape, &rows.data, &rows.paths)?;
        if replaced && !arguments.json {
            eprintln!("{}: replaced the file that was there", output.path().display());
        }
    }
    let done = result.with_context(|| format!("the run ended early, with the features of {} pictures", shape[0]))?;
    if let (Some(path), 0) = (&arguments.output, shape[0])
        && done == count
    {
        anyhow::bail!("{}: not written, since no picture could be read", path.display());
    }
    match rows.form {
        Form::Json(images) => print_json(&json!({
            "model": engine::classifier_json(&classifier),
            "adapter": engine::engine_json(&classifier)?,
            "orient": classifier.orientation().to_string(),
            "output": { "path": arguments.output.as_ref().map(|path| path.to_string_lossy()), "shape": shape, "replaced": replaced },
            "images": images,
            "left": count - done,
            "left_out": files.left_out.json(),
        }))?,
        Form::JsonLines => {}
        Form::Text => {
            let mut out = std::io::stdout().lock();
            for (row, path) in rows.paths.iter().enumerate() {
                writeln!(out, "{row} {}", path.replace(char::is_control, "\u{fffd}"))?;
            }
        }
    }
    Ok(match shape[0] {
        _ if done < count => interrupt::told(done, count),
        rows if rows == count => Verdict::Success,
        _ => Verdict::Failure,
    })
}

/// How results are printed.
#[derive(Default)]
enum Form {
    /// Which row is which picture.
    #[default]
    Text,
    /// The images of the document so far.
    Json(Vec<Value>),
    JsonLines,
}

impl Form {
    fn of(arguments: &Arguments) -> Form {
        match arguments {
            Arguments { json: true, .. } => Form::Json(Vec::new()),
            Arguments { jsonl: true, .. } => Form::JsonLines,
            _ => Form::Text,
        }
    }
}

/// A picture's line of `--jsonl`.
#[derive(serde::Serialize)]
struct Line<'a> {
    path: &'a str,
    row: Option<usize>,
    error: Option<&'a str>,
    warnings: &'a [String],
    // As f32: their shortest digits are half as many as f64's.
    features: Option<&'a [f32]>,
}

/// What is finished.
#[derive(Default)]
struct Rows {
    form: Form,
    /// Whether the features go to a file at the end.
    keeps: bool,
    data: Vec<f32>,
    /// Of each row.
    paths: Vec<String>,
}

impl Rows {
    fn add(&mut self, path: &Path, outcome: &Outcome, bar: &ProgressBar) -> anyhow::Result<()> {
        let path = path.to_string_lossy();
        let features = outcome.prediction.as_ref().and_then(Prediction::features);
        let (error, warnings) = (outcome.error.as_deref(), outcome.warnings());
        let row = features.map(|_| self.paths.len());
        match &mut self.form {
            Form::Text => {}
            Form::Json(images) => {
                images.push(json!({ "path": path, "row": row, "error": error, "warnings": warnings }));
            }
            Form::JsonLines => results::emit_json(&Line { path: &path, row, error, warnings, features }, bar)?,
        }
        if let Some(features) = features {
            self.paths.push(path.into_owned());
            if self.keeps {
                self.data.extend_from_slice(features);
            }
        }
        Ok(())
    }
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
