//! A run over pictures: what comes of each, as soon as it is known.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;

use densenet_wgpu::{Classifier, Error, Input, Prediction};
use indicatif::ProgressBar;

use crate::cli::progress;
use crate::files::Files;
use crate::pictures;

/// The outcome for one picture.
pub(crate) struct Outcome {
    pub(crate) prediction: Option<Prediction>,
    /// What was wrong with the picture, in one line that names it.
    pub(crate) error: Option<String>,
}

/// Runs the pictures, with a progress bar, and hands each outcome to `each`. Reports on stderr what was wrong with a
/// picture, and what folders hold besides.
///
/// Returns how many were done: all, or fewer where a cancel token stopped the work.
///
/// # Errors
/// Errors of `each`, and those that do not concern one picture alone.
pub(crate) fn run(
    classifier: &Classifier,
    files: &Files,
    mut each: impl FnMut(&Path, Outcome, &ProgressBar) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let bar = progress::pictures(files.pictures.len());
    let orientation = classifier.orientation();
    let inputs: Vec<Input> = files.pictures.iter().map(|found| pictures::input(found, orientation)).collect();
    let mut done = 0;
    let answers = || {
        for ((path, _), answer) in files.pictures.iter().zip(classifier.classify_many_blocking(inputs)) {
            if matches!(answer, Err(Error::Cancelled)) {
                break;
            }
            let outcome = Outcome::told(path, answer, &bar)?;
            each(path, outcome, &bar)?;
            bar.inc(1);
            done += 1;
        }
        anyhow::Ok(())
    };
    let result = answers();
    bar.finish_and_clear();
    if let Some(line) = files.left_out.line() {
        eprintln!("{line}");
    }
    result.map(|()| done)
}

/// Writes text on stdout at once, above the progress bar.
pub(crate) fn emit(text: &[u8], bar: &ProgressBar) -> io::Result<()> {
    let print = || {
        let mut out = io::stdout().lock();
        out.write_all(text)?;
        out.flush()
    };
    if io::stdout().is_terminal() { bar.suspend(print) } else { print() }
}

/// Writes one JSON document on a line of its own, at once.
pub(crate) fn emit_json(document: &impl serde::Serialize, bar: &ProgressBar) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(document)?;
    line.push(b'\n');
    Ok(emit(&line, bar)?)
}

impl Outcome {
    fn told(path: &Path, answer: densenet_wgpu::Result<Prediction>, bar: &ProgressBar) -> anyhow::Result<Outcome> {
        match answer {
            Ok(prediction) => {
                for warning in &prediction.warnings {
                    bar.suspend(|| eprintln!("warning: {}: {warning}", path.display()));
                }
                Ok(Outcome { prediction: Some(prediction), error: None })
            }
            Err(error) if error.concerns_input() => {
                let names_it = matches!(error, Error::Io { .. } | Error::File { .. });
                let error = anyhow::Error::from(error);
                let line = if names_it { format!("{error:#}") } else { format!("{}: {error:#}", path.display()) };
                bar.suspend(|| eprintln!("error: {line}"));
                Ok(Outcome { prediction: None, error: Some(line) })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What looked wrong when the picture was prepared.
    pub(crate) fn warnings(&self) -> &[String] {
        self.prediction.as_ref().map(|prediction| prediction.warnings.as_slice()).unwrap_or_default()
    }
}
