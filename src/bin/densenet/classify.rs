//! `densenet classify`: the likeliest classes of pictures.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use densenet_wgpu::{Activation, CLASS_MAPS, labels};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Verdict, print_json};
use crate::cli::positive;
use crate::cli::source::SourceArgs;
use crate::heat::HeatFolder;
use crate::pictures::{self, PictureArgs};
use crate::runner::{self, Runner, WithoutAdapter};
use crate::scorer::{Job, Row, Scorer};

/// Name the likeliest classes of pictures
///
/// Folders are walked. A bad picture is reported and skipped, and the exit status is then 1.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet classify tests/images/digits
  densenet classify --weights densenet121.safetensors --top 3 photo.jpg holiday/
  curl -s https://example.org/cat.png | densenet classify --weights densenet121.safetensors -
  densenet classify --weights densenet121.safetensors --cam maps photo.jpg
  densenet classify --preset timm,resize=320,crop=288 --weights densenet121.safetensors --json photo.jpg")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pictures: PictureArgs,
    /// Class names, one a line or a JSON array; the weights' own where not given
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Classes shown for each picture
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = positive)]
    top: usize,
    /// What turns logits into scores: softmax, sigmoid or none; the weights' own where not given
    #[arg(long)]
    activation: Option<Activation>,
    /// Also write each picture with the class-activation map of its likeliest class on it: where in the picture the
    /// network saw that class. One PNG per picture, under its name, into this folder, which is made where it is not there
    #[arg(long, value_name = "DIR")]
    cam: Option<PathBuf>,
    /// Print one JSON document: {"model": .., "adapter": .., "images": [..]}
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

pub(crate) fn classify(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let pictures = arguments.pictures.find()?;
    // Before the work, not after it.
    let heat = arguments.cam.as_deref().map(|path| HeatFolder::open(path, &pictures)).transpose()?;
    let weights = arguments.source.open(None)?;
    let architecture = weights.architecture().clone();
    let Some(classes) = architecture.classes else {
        anyhow::bail!("these weights have no classifier: `densenet features` writes pooled features");
    };
    let names = class_names(arguments, weights.labels(), classes)?;
    let recipe = arguments.pictures.recipe(&weights)?;
    let activation = arguments.activation.unwrap_or(architecture.activation);
    let model = runner::model_json(&weights, &recipe.preset, activation);
    let recipe = recipe.keeping_pictures(heat.is_some());
    let runner = Runner::new(&arguments.adapter, weights, heat.is_some(), WithoutAdapter::FallBack)?;
    let batch = arguments.pictures.batch;
    let scorer = Scorer::new(&runner, batch.min(pictures.len()), heat.as_ref().map(|_| CLASS_MAPS));
    let ranking = Ranking { activation, names, top: arguments.top };

    let bar = pictures::bar(&pictures);
    let mut report = Report { json: arguments.json, bar, heat, images: Vec::new(), failed: 0 };
    pictures::score(&pictures, &recipe, batch, scorer, |job, row| report.add(job, row, &ranking))?;
    report.bar.finish_and_clear();
    if arguments.json {
        print_json(&json!({ "model": model, "adapter": runner.json()?, "images": report.images }))?;
    }
    Ok(if report.failed == 0 { Verdict::Success } else { Verdict::Failure })
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
    heat: Option<HeatFolder>,
    images: Vec<Value>,
    failed: usize,
}

impl Report {
    fn add(&mut self, job: &Job, row: Option<&Row>, ranking: &Ranking) -> anyhow::Result<()> {
        self.bar.inc(1);
        let error = pictures::complain(job, &self.bar);
        self.failed += usize::from(error.is_some());
        let top = row.map(|row| ranking.of(&row.logits)).unwrap_or_default();
        let heat = match (&mut self.heat, row, top.first()) {
            (Some(folder), Some(row), Some(first)) => Some(folder.write(job, row, first.class)?),
            _ => None,
        };
        if self.json {
            let top: Vec<Value> = top
                .iter()
                .map(|place| json!({ "class": place.class, "label": place.label, "probability": place.score }))
                .collect();
            let mut image = json!({
                "path": job.path.to_string_lossy(),
                "top": top,
                "error": error,
                "warnings": job.warnings(),
            });
            if self.heat.is_some() {
                image["cam"] = json!(heat.map(|path| path.to_string_lossy().into_owned()));
            }
            self.images.push(image);
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
