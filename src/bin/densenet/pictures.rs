//! Pictures on their way through a network: which they are, how they are prepared, and who hears of the results.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use anyhow::Context as _;
use densenet_wgpu::InputSize;
use densenet_wgpu::Preprocessing;
use densenet_wgpu::picture::{self, Picture};
use densenet_wgpu::weights::Weights;
use indicatif::ProgressBar;
use rayon::prelude::*;

use crate::cli::finish::Usage;
use crate::cli::{positive, progress};
use crate::files::{self, Found};
use crate::scorer::{Job, Row, Scorer};

/// Which pictures, and how they are prepared.
#[derive(clap::Args)]
pub(crate) struct PictureArgs {
    /// PNG, JPEG, WebP or BMP files, folders of them, or - for standard input
    #[arg(required = true, value_name = "IMAGE|FOLDER|-")]
    images: Vec<PathBuf>,
    /// Preparation: torchvision, timm, keras, caffe, cifar10, mnist, none, or resize=..,crop=..,mean=..,std=..; the
    /// weights' own where not given
    #[arg(long, value_name = "P", value_parser = Preprocessing::parse)]
    preset: Option<Preprocessing>,
    /// Pictures in one pass
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = positive)]
    pub(crate) batch: usize,
    /// Size that pictures are brought to, N or HxW; the preset's where not given
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

    /// How they are prepared for a network.
    pub(crate) fn recipe(&self, weights: &Weights) -> densenet_wgpu::Result<Recipe> {
        let preset = self.preset.clone().map_or_else(|| weights.preprocessing(), Ok)?;
        Ok(Recipe { preset, channels: weights.architecture().input_channels, size: self.size, keeps: false })
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// How a picture becomes a network's input.
pub(crate) struct Recipe {
    pub(crate) preset: Preprocessing,
    channels: usize,
    size: Option<InputSize>,
    keeps: bool,
}

impl Recipe {
    /// Whether the picture itself is needed afterwards.
    pub(crate) fn keeping_pictures(self, keeps: bool) -> Recipe {
        Recipe { keeps, ..self }
    }

    fn prepare(&self, (path, found): &Found) -> Job {
        let (prepared, picture) = match self.try_prepare(path, found) {
            Ok((prepared, picture)) => (Ok(prepared), self.keeps.then_some(picture)),
            Err(error) => (Err(error), None),
        };
        Job { path: path.clone(), prepared, picture }
    }

    fn try_prepare(&self, path: &Path, found: &io::Result<()>) -> anyhow::Result<(picture::Prepared, Picture)> {
        if let Err(error) = found {
            anyhow::bail!("{}: the folder cannot be read: {error}", path.display());
        }
        let picture = if is_stdin(path) {
            let mut bytes = Vec::new();
            io::stdin().lock().read_to_end(&mut bytes).context("standard input: reading failed")?;
            Picture::from_bytes(&bytes, "standard input")?
        } else {
            Picture::open(path)?
        };
        Ok((picture::prepare(&picture, &self.preset, self.channels, self.size)?, picture))
    }
}

/// Runs all pictures, `batch` in one pass, and tells each one's row of results in the pictures' order; none where there is
/// no picture. The next batches are decoded while one runs.
pub(crate) fn score(
    pictures: &[Found],
    recipe: &Recipe,
    batch: usize,
    mut scorer: Scorer,
    mut tell: impl FnMut(&Job, Option<&Row>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    std::thread::scope(|scope| {
        let (sender, batches) = mpsc::sync_channel::<Vec<Job>>(1);
        scope.spawn(move || {
            for batch in pictures.chunks(batch) {
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
                    tell(job, row.as_ref())?;
                }
            }
        }
    })
}

/// A progress bar that counts pictures.
pub(crate) fn bar(pictures: &[Found]) -> ProgressBar {
    progress::bar(pictures.len() as u64, "{bar:30} {pos}/{len} images, {per_sec}, {eta} left")
}

/// Says on stderr what was wrong with a picture, beside the progress bar. The error, where there is one.
pub(crate) fn complain(job: &Job, bar: &ProgressBar) -> Option<String> {
    for warning in job.warnings() {
        bar.suspend(|| eprintln!("warning: {}: {warning}", job.path.display()));
    }
    let error = job.prepared.as_ref().err().map(|error| format!("{error:#}"));
    if let Some(error) = &error {
        bar.suspend(|| eprintln!("error: {error}"));
    }
    error
}
