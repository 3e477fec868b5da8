//! `densenet classify`: the likeliest classes of pictures.

use std::path::{Path, PathBuf};

use densenet_wgpu::{Activation, Architecture, Place, Wanted, labels};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::cli::adapter::AdapterArgs;
use crate::cli::finish::{Verdict, print_json};
use crate::cli::positive;
use crate::cli::source::SourceArgs;
use crate::engine;
use crate::heat::HeatFolder;
use crate::interrupt;
use crate::pictures::PictureArgs;
use crate::results::{self, Outcome};
use crate::rows::Rows;

/// Name the likeliest classes of pictures
///
/// Folders are walked. A bad picture is reported and skipped, and the exit status is then 1. Ctrl-C ends the run within a
/// step: what is finished is written, and the exit status is 130.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet classify tests/images/digits
  densenet classify --weights densenet121.safetensors --top 3 photo.jpg holiday/
  curl -s https://example.org/cat.png | densenet classify --weights densenet121.safetensors -
  densenet classify --weights densenet121.safetensors --cam maps photo.jpg
  densenet classify --weights densenet121.safetensors --jsonl archive/ > archive.jsonl
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
    /// Print one JSON object for each picture, on a line of its own, as soon as it is known
    #[arg(long, conflicts_with = "json")]
    jsonl: bool,
    /// Print a table with a row for each picture, as soon as it is known: path, error, and class, label and probability of
    /// each place
    #[arg(long, conflicts_with_all = ["json", "jsonl"])]
    csv: bool,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
}

pub(crate) fn classify(arguments: &Arguments) -> anyhow::Result<Verdict> {
    // First, so that Ctrl-C ends a download at once.
    arguments.source.fetch()?;
    let cancel = interrupt::token();
    let files = arguments.pictures.find(&cancel)?;
    let count = files.pictures.len();
    // It fails before the work, not after it.
    let heat = arguments.cam.as_deref().map(|path| HeatFolder::open(path, &files.pictures)).transpose()?;
    let weights = arguments.source.open(None)?;
    let Some(classes) = weights.architecture().classes() else {
        anyhow::bail!("these weights have no classifier: `densenet features` writes pooled features");
    };
    let mut options = arguments.pictures.options(&cancel).outputs(heat.as_ref().map(|_| Wanted::ClassMaps));
    options.labels = arguments.labels.as_deref().map(|path| class_names(path, classes)).transpose()?;
    options.activation = arguments.activation;
    let classifier = match engine::open(&arguments.adapter, weights, options) {
        Err(error) if interrupt::is_cancelled(&error) => return Ok(interrupt::told(0, count)),
        classifier => classifier?,
    };
    let form = match arguments {
        Arguments { json: true, .. } => Form::Json(Vec::new()),
        Arguments { jsonl: true, .. } => Form::JsonLines,
        Arguments { csv: true, .. } => Form::Csv(Rows::start(classifier.architecture(), arguments.top)?),
        _ => Form::Text,
    };
    let outputs = Outputs::of(classifier.architecture());
    let mut report = Report { form, outputs, top: arguments.top, heat, failed: 0 };
    let done = results::run(&classifier, &files, |path, outcome, bar| report.add(path, &outcome, bar))?;
    if let Form::Json(images) = report.form {
        print_json(&json!({
            "model": engine::classifier_json(&classifier),
            "adapter": engine::engine_json(&classifier)?,
            "orient": classifier.orientation().to_string(),
            "images": images,
            "left": count - done,
            "left_out": files.left_out.json(),
        }))?;
    }
    Ok(match report.failed {
        _ if done < count => interrupt::told(done, count),
        0 => Verdict::Success,
        _ => Verdict::Failure,
    })
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

/// The network's outputs: name, width, and what turns logits into scores.
struct Outputs(Vec<(String, usize, Activation)>);

impl Outputs {
    fn of(architecture: &Architecture) -> Outputs {
        let named = |(name, width, activation): (&str, usize, Activation)| (name.to_string(), width, activation);
        Outputs(architecture.outputs().into_iter().map(named).collect())
    }

    /// Name and activation of the output that a class belongs to.
    fn of_class(&self, class: usize) -> (&str, Activation) {
        let mut end = 0;
        let mut own = self.0.iter().filter(|(_, width, _)| {
            end += width;
            class < end
        });
        own.next().map_or(("", Activation::None), |(name, _, activation)| (name, *activation))
    }
}

/// How results are printed.
enum Form {
    Text,
    /// The images of the document so far.
    Json(Vec<Value>),
    JsonLines,
    Csv(Rows),
}

/// What the user sees, picture by picture.
struct Report {
    form: Form,
    outputs: Outputs,
    top: usize,
    heat: Option<HeatFolder>,
    failed: usize,
}

impl Report {
    fn add(&mut self, path: &Path, outcome: &Outcome, bar: &ProgressBar) -> anyhow::Result<()> {
        self.failed += usize::from(outcome.error.is_some());
        let top = outcome.prediction.as_ref().map(|prediction| prediction.top(self.top)).unwrap_or_default();
        let heat = match (&mut self.heat, &outcome.prediction, top.first()) {
            (Some(folder), Some(prediction), Some(first)) => Some(folder.write(path, prediction, first.class)?),
            _ => None,
        };
        match &mut self.form {
            Form::Text if outcome.error.is_some() => {}
            Form::Text => results::emit(text(path, &top, &self.outputs).as_bytes(), bar)?,
            Form::Csv(rows) => results::emit(&rows.row(path, outcome, &top)?, bar)?,
            Form::JsonLines => results::emit_json(&self.image(path, outcome, &top, heat.as_deref()), bar)?,
            Form::Json(_) => {
                let image = self.image(path, outcome, &top, heat.as_deref());
                if let Form::Json(images) = &mut self.form {
                    images.push(image);
                }
            }
        }
        Ok(())
    }

    fn image(&self, path: &Path, outcome: &Outcome, top: &[Place], heat: Option<&Path>) -> Value {
        let place = |place: &Place| {
            let mut shown = json!({ "class": place.class, "label": place.label, "probability": place.score });
            if let (name, _) = self.outputs.of_class(place.class)
                && !name.is_empty()
            {
                shown["output"] = json!(name);
            }
            shown
        };
        let top: Vec<Value> = top.iter().map(place).collect();
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
}

/// One line if one class is shown, else the path and a line for each class.
fn text(path: &Path, top: &[Place], outputs: &Outputs) -> String {
    // Names come from files: they must not control the terminal.
    let plain = |text: &str| text.replace(char::is_control, "\u{fffd}");
    // What is shown is a probability, or a bare logit.
    let score = |place: &Place| match outputs.of_class(place.class).1 {
        Activation::None => format!("{:10.4}", place.score),
        _ => format!("{:6.2} %", place.score * 100.0),
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
