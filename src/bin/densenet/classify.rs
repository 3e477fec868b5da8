//! `densenet classify`: the likeliest classes of pictures.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use densenet_wgpu::{Activation, Input, Place, Prediction, Wanted, labels};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Verdict, print_json};
use crate::cli::positive;
use crate::cli::source::SourceArgs;
use crate::engine::{self, WithoutAdapter};
use crate::heat::HeatFolder;
use crate::pictures::{self, Outcome, PictureArgs};

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
    /// Class names, one per line or a JSON array; by default the weights' own
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// How many classes to show for each picture
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = positive)]
    top: usize,
    /// What turns logits into scores: softmax, sigmoid or none; by default the weights' own
    #[arg(long)]
    activation: Option<Activation>,
    /// Also write each picture with the class-activation map of its likeliest class on it: where in the picture the
    /// network saw that class. One PNG per picture, named like it, in this folder, which is created if needed
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
    // It fails before the work, not after it.
    let heat = arguments.cam.as_deref().map(|path| HeatFolder::open(path, &pictures)).transpose()?;
    let weights = arguments.source.open(None)?;
    let Some(classes) = weights.architecture().classes() else {
        anyhow::bail!("these weights have no classifier: `densenet features` writes pooled features");
    };
    let mut options = arguments.pictures.options().outputs(heat.as_ref().map(|_| Wanted::ClassMaps));
    options.labels = arguments.labels.as_deref().map(|path| class_names(path, classes)).transpose()?;
    options.activation = arguments.activation;
    let classifier = engine::open(&arguments.adapter, weights, options, WithoutAdapter::FallBack)?;
    // What is shown is a probability, or a bare logit.
    let probability = classifier.activation() != Activation::None;

    let (json, top, bar) = (arguments.json, arguments.top, pictures::bar(&pictures));
    let mut report = Report { json, top, probability, bar, heat, images: Vec::new(), failed: 0 };
    let inputs: Vec<Input> = pictures.iter().map(pictures::input).collect();
    for ((path, _), answer) in pictures.iter().zip(classifier.classify_many_blocking(inputs)) {
        report.add(path, answer)?;
    }
    report.bar.finish_and_clear();
    if json {
        let model = engine::classifier_json(&classifier);
        print_json(&json!({ "model": model, "adapter": engine::engine_json(&classifier)?, "images": report.images }))?;
    }
    Ok(if report.failed == 0 { Verdict::Success } else { Verdict::Failure })
}

fn class_names(path: &Path, classes: usize) -> anyhow::Result<Vec<String>> {
    let names = labels::read(path)?;
    anyhow::ensure!(
        names.len() == classes,
        "{}: {} class names, but the network has {classes} classes: one name a line is expected",
        path.display(),
        names.len()
    );
    Ok(names)
}

/// What the user sees, picture by picture.
struct Report {
    json: bool,
    top: usize,
    probability: bool,
    bar: ProgressBar,
    heat: Option<HeatFolder>,
    images: Vec<Value>,
    failed: usize,
}

impl Report {
    fn add(&mut self, path: &Path, answer: densenet_wgpu::Result<Prediction>) -> anyhow::Result<()> {
        let outcome = Outcome::told(path, answer, &self.bar)?;
        self.bar.inc(1);
        self.failed += usize::from(outcome.error.is_some());
        let top = outcome.prediction.as_ref().map(|prediction| prediction.top(self.top)).unwrap_or_default();
        let heat = match (&mut self.heat, &outcome.prediction, top.first()) {
            (Some(folder), Some(prediction), Some(first)) => Some(folder.write(path, prediction, first.class)?),
            _ => None,
        };
        if self.json {
            self.images.push(self.image(path, &outcome, &top, heat.as_deref()));
            return Ok(());
        }
        if outcome.error.is_some() {
            return Ok(());
        }
        let text = self.text(path, &top);
        let print = || write!(io::stdout().lock(), "{text}");
        if io::stdout().is_terminal() {
            self.bar.suspend(print)?
        } else {
            print()?
        }
        Ok(())
    }

    fn image(&self, path: &Path, outcome: &Outcome, top: &[Place], heat: Option<&Path>) -> Value {
        let top: Vec<Value> = top
            .iter()
            .map(|place| json!({ "class": place.class, "label": place.label, "probability": place.score }))
            .collect();
        let mut image = json!({
            "path": path.to_string_lossy(),
            "top": top,
            "error": outcome.error,
            "warnings": outcome.warnings(),
        });
        if self.heat.is_some() {
            image["cam"] = json!(heat.map(Path::to_string_lossy));
        }
        image
    }

    /// One line if one class is shown, else the path and a line for each class.
    fn text(&self, path: &Path, top: &[Place]) -> String {
        // Names come from files: they must not control the terminal.
        let plain = |text: &str| text.replace(char::is_control, "\u{fffd}");
        let score = |place: &Place| match self.probability {
            true => format!("{:6.2} %", place.score * 100.0),
            false => format!("{:10.4}", place.score),
        };
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
}
