//! `densenet classify`: the likeliest classes of pictures.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use anyhow::Context as _;
use densenet_wgpu::image::{self, Decoded};
use densenet_wgpu::preset::Preset;
use densenet_wgpu::{Activation, InputSize, labels};
use indicatif::ProgressBar;
use rayon::prelude::*;
use serde_json::{Value, json};

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::source::SourceArgs;
use crate::cli::{positive, progress};
use crate::files::{self, Found};
use crate::runner::{self, Runner, WithoutAdapter};
use crate::scorer::{Job, Scorer};

/// Name the likeliest classes of pictures
///
/// Folders are walked. A bad picture is reported and skipped, and the exit status is then 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet classify tests/images/digits
  densenet classify --weights densenet121.safetensors --top 3 photo.jpg holiday/
  curl -s https://example.org/cat.png | densenet classify --weights densenet121.safetensors -
  densenet classify --preset timm,resize=320,crop=288 --weights densenet121.safetensors --json photo.jpg")]
pub(crate) struct Arguments {
    /// PNG, JPEG, WebP or BMP files, folders of them, or - for standard input
    #[arg(required = true, value_name = "IMAGE|FOLDER|-")]
    images: Vec<PathBuf>,
    /// Preparation: torchvision, timm, keras, caffe, cifar10, mnist, none, or resize=..,crop=..,mean=..,std=..; the
    /// weights' own where not given
    #[arg(long, value_name = "P", value_parser = Preset::parse)]
    preset: Option<Preset>,
    /// Class names, one a line or a JSON array; the weights' own where not given
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Classes shown for each picture
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = positive)]
    top: usize,
    /// Pictures in one pass
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = positive)]
    batch: usize,
    /// Size that pictures are brought to, N or HxW; the preset's where not given
    #[arg(long, value_name = "N|HxW")]
    size: Option<InputSize>,
    /// What turns logits into scores: softmax, sigmoid or none; the weights' own where not given
    #[arg(long)]
    activation: Option<Activation>,
    /// Print one JSON document: {"model": .., "adapter": .., "images": [..]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

pub(crate) fn classify(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let pictures = files::pictures(&arguments.images);
    if pictures.is_empty() {
        anyhow::bail!("no picture was found: the folders hold no PNG, JPEG, WebP or BMP file");
    }
    if pictures.iter().filter(|(path, _)| is_stdin(path)).count() > 1 {
        return Err(Usage::error("- stands twice: standard input can be read once"));
    }
    let weights = arguments.source.open(None)?;
    let architecture = weights.architecture().clone();
    let Some(classes) = architecture.classes else {
        anyhow::bail!("these weights have no classifier: `densenet run` writes pooled features");
    };
    let names = class_names(arguments, weights.labels(), classes)?;
    let preset = match &arguments.preset {
        Some(preset) => preset.clone(),
        None => weights.preset()?,
    };
    let activation = arguments.activation.unwrap_or(architecture.activation);
    let model = runner::model_json(&weights, &preset, activation);
    let runner = Runner::new(&arguments.adapter, weights, WithoutAdapter::FallBack)?;
    let recipe = Recipe { preset, channels: architecture.input_channels, size: arguments.size };
    let mut scorer = Scorer::new(&runner, arguments.batch.min(pictures.len().max(1)));
    let ranking = Ranking { activation, names, top: arguments.top };

    let bar = progress::bar(pictures.len() as u64, "{bar:30} {pos}/{len} images, {per_sec}, {eta} left");
    let mut report = Report { json: arguments.json, bar, images: Vec::new(), failed: 0 };
    // The next batches are decoded while these run.
    std::thread::scope(|scope| {
        let (sender, batches) = mpsc::sync_channel::<Vec<Job>>(1);
        scope.spawn(move || {
            for batch in pictures.chunks(arguments.batch) {
                let jobs = batch.par_iter().map(|found| recipe.prepare(found)).collect();
                if sender.send(jobs).is_err() {
                    return;
                }
            }
        });
        loop {
            // What is decoded goes to the adapter first; while nothing is, results are read.
            match batches.try_recv() {
                Ok(jobs) => scorer.start(jobs)?,
                Err(_) if scorer.is_busy() => scorer.land()?,
                Err(_) => match batches.recv() {
                    Ok(jobs) => scorer.start(jobs)?,
                    Err(_) => return anyhow::Ok(()),
                },
            }
            while let Some(batch) = scorer.done() {
                for (job, row) in batch.jobs.iter().zip(&batch.rows) {
                    report.add(job, row.as_deref().map(|logits| ranking.of(logits)))?;
                }
            }
        }
    })?;
    report.bar.finish_and_clear();
    if arguments.json {
        print_json(&json!({ "model": model, "adapter": runner.json()?, "images": report.images }))?;
    }
    Ok(if report.failed == 0 { Verdict::Success } else { Verdict::Failure })
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn class_names(arguments: &Arguments, own: Option<&[String]>, classes: usize) -> anyhow::Result<Vec<String>> {
    match (&arguments.labels, own) {
        (Some(path), _) => {
            let names = labels::read(path)?;
            anyhow::ensure!(
                names.len() == classes,
                "{}: {} class names, but the network has {classes} classes: one name a line is expected",
                path.display(),
                names.len()
            );
            Ok(names)
        }
        (None, Some(own)) => Ok(own.to_vec()),
        (None, None) => Ok(labels::for_classes(classes)),
    }
}

/// How a picture becomes a network's input.
struct Recipe {
    preset: Preset,
    channels: usize,
    size: Option<InputSize>,
}

impl Recipe {
    fn prepare(&self, (path, found): &Found) -> Job {
        Job { path: path.clone(), prepared: self.try_prepare(path, found) }
    }

    fn try_prepare(&self, path: &Path, found: &Result<(), io::Error>) -> anyhow::Result<image::Prepared> {
        if let Err(error) = found {
            anyhow::bail!("{}: the folder cannot be read: {error}", path.display());
        }
        let picture = if is_stdin(path) {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("standard input: reading failed")?;
            Decoded::from_bytes(&bytes, "standard input")?
        } else {
            Decoded::open(path)?
        };
        Ok(image::prepare(&picture, &self.preset, self.channels, self.size)?)
    }
}

/// From logits to what is shown.
struct Ranking {
    activation: Activation,
    names: Vec<String>,
    top: usize,
}

/// A class and its score.
struct Place {
    class: usize,
    label: String,
    score: f32,
    /// Whether the score is a probability.
    probability: bool,
}

impl Ranking {
    /// The best classes, the likeliest first, of equal ones the lower index first.
    fn of(&self, logits: &[f32]) -> Vec<Place> {
        let scores = self.activation.scores(logits);
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]).then(a.cmp(&b)));
        let probability = self.activation != Activation::None;
        order
            .into_iter()
            .take(self.top)
            .map(|class| Place { class, label: self.names[class].clone(), score: scores[class], probability })
            .collect()
    }
}

/// What the user sees, picture by picture.
struct Report {
    json: bool,
    bar: ProgressBar,
    images: Vec<Value>,
    failed: usize,
}

impl Report {
    fn add(&mut self, job: &Job, top: Option<Vec<Place>>) -> anyhow::Result<()> {
        self.bar.inc(1);
        let warnings = job.prepared.as_ref().map(|picture| picture.warnings.as_slice()).unwrap_or_default();
        for warning in warnings {
            self.bar.suspend(|| eprintln!("warning: {}: {warning}", job.path.display()));
        }
        let error = job.prepared.as_ref().err().map(|error| format!("{error:#}"));
        if let Some(error) = &error {
            self.failed += 1;
            self.bar.suspend(|| eprintln!("error: {error}"));
        }
        let top = top.unwrap_or_default();
        if self.json {
            let top: Vec<Value> = top
                .iter()
                .map(|place| json!({ "class": place.class, "label": place.label, "probability": place.score }))
                .collect();
            self.images
                .push(json!({ "path": job.path.to_string_lossy(), "top": top, "error": error, "warnings": warnings }));
            return Ok(());
        }
        if error.is_some() {
            return Ok(());
        }
        let text = text(&job.path, &top);
        let print = || write!(io::stdout().lock(), "{text}");
        if io::stdout().is_terminal() {
            self.bar.suspend(print)?
        } else {
            print()?
        }
        Ok(())
    }
}

/// One line where one class is shown, else the path and a line for each class.
fn text(path: &Path, top: &[Place]) -> String {
    // What a file calls its classes must not steer the terminal.
    let plain = |text: &str| text.replace(char::is_control, "\u{fffd}");
    let path = plain(&path.to_string_lossy());
    match top {
        [only] => format!("{path}: {} ({})\n", plain(&only.label), score(only).trim()),
        _ => {
            let lines: String =
                top.iter().map(|place| format!("  {}  {}\n", score(place), plain(&place.label))).collect();
            format!("{path}\n{lines}")
        }
    }
}

fn score(place: &Place) -> String {
    if place.probability { format!("{:6.2} %", place.score * 100.0) } else { format!("{:10.4}", place.score) }
}
