//! The pictures that the arguments name, how they are prepared, and what was wrong with each.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use densenet_wgpu::{ClassifierOptions, Error, Input, InputSize, Picture, Prediction, Preprocessing};
use indicatif::ProgressBar;

use crate::cli::finish::Usage;
use crate::cli::{positive, progress};
use crate::files::{self, Found};

/// Which pictures, and how they are prepared.
#[derive(clap::Args)]
pub(crate) struct PictureArgs {
    /// PNG, JPEG, WebP or BMP files, folders of them, or - for standard input
    #[arg(required = true, value_name = "IMAGE|FOLDER|-")]
    images: Vec<PathBuf>,
    /// Preprocessing: torchvision, timm, keras, caffe, cifar10, mnist, none, or resize=..,crop=..,mean=..,std=..; by
    /// default the weights' own
    #[arg(long, value_name = "P", value_parser = Preprocessing::parse)]
    preset: Option<Preprocessing>,
    /// Pictures in one pass; by default 8 on a GPU, 1 elsewhere
    #[arg(long, value_name = "N", value_parser = positive)]
    batch: Option<usize>,
    /// Size that pictures are brought to, N or HxW; by default the preprocessing's
    #[arg(long, value_name = "N|HxW")]
    size: Option<InputSize>,
}

impl PictureArgs {
    /// The pictures, at least one.
    pub(crate) fn find(&self) -> anyhow::Result<Vec<Found>> {
        let pictures = files::pictures(&self.images);
        if pictures.is_empty() {
            anyhow::bail!("no picture was found: the folders hold no PNG, JPEG, WebP or BMP file");
        }
        if pictures.iter().filter(|(path, _)| is_stdin(path)).count() > 1 {
            return Err(Usage::error("- stands twice: standard input can be read once"));
        }
        Ok(pictures)
    }

    /// How they are prepared and batched.
    pub(crate) fn options(&self) -> ClassifierOptions {
        let mut options = ClassifierOptions::default();
        (options.preprocessing, options.size, options.batch) = (self.preset.clone(), self.size, self.batch);
        options
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A picture as a classifier's input.
pub(crate) fn input((path, found): &Found) -> Input {
    match found {
        Err(error) => {
            let refused = Error::file(path, format!("the folder cannot be read: {error}"));
            Input::lazy(move || Err(refused))
        }
        Ok(()) if is_stdin(path) => Input::lazy(|| {
            let name = "standard input";
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|error| Error::io(name, "reading", error))?;
            Picture::from_bytes(&bytes, name)
        }),
        Ok(()) => path.into(),
    }
}

/// A progress bar that counts pictures.
pub(crate) fn bar(pictures: &[Found]) -> ProgressBar {
    progress::pictures(pictures.len())
}

/// The outcome for one picture.
pub(crate) struct Outcome {
    pub(crate) prediction: Option<Prediction>,
    /// What was wrong with the picture, in one line that names it.
    pub(crate) error: Option<String>,
}

impl Outcome {
    /// Reports on stderr what was wrong with the picture, above the progress bar.
    ///
    /// # Errors
    /// Errors that do not concern this picture alone.
    pub(crate) fn told(
        path: &Path,
        answer: densenet_wgpu::Result<Prediction>,
        bar: &ProgressBar,
    ) -> anyhow::Result<Outcome> {
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
