//! The pictures that the arguments name, and how they are prepared.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use densenet_wgpu::picture::{FORMATS, Orientation};
use densenet_wgpu::{CancelToken, ClassifierOptions, Error, Input, InputSize, Picture, Preprocessing};

use crate::cli::finish::Usage;
use crate::cli::positive;
use crate::files::{Files, Found};

/// Which pictures, and how they are prepared.
#[derive(clap::Args)]
pub(crate) struct PictureArgs {
    #[arg(required = true, value_name = "IMAGE|FOLDER|-",
        help = format!("{FORMATS} files, folders of them, or - for standard input"))]
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
    /// Which way up: `exif`, as a person sees the picture, or `stored`, as the file lies (Pillow and torchvision read it so)
    #[arg(long, value_name = "exif|stored", default_value_t)]
    orient: Orientation,
}

impl PictureArgs {
    /// The pictures, at least one.
    pub(crate) fn find(&self, cancel: &CancelToken) -> anyhow::Result<Files> {
        let files = Files::find(&self.images, cancel)?;
        if files.pictures.is_empty() {
            let left_out = files.left_out.line().unwrap_or_else(|| "they are empty".into());
            anyhow::bail!("no picture was found: the folders hold no {FORMATS} file ({left_out})");
        }
        if files.pictures.iter().filter(|(path, _)| is_stdin(path)).count() > 1 {
            return Err(Usage::error("- stands twice: standard input can be read once"));
        }
        Ok(files)
    }

    /// How they are prepared and batched.
    pub(crate) fn options(&self, cancel: &CancelToken) -> ClassifierOptions {
        let mut options = ClassifierOptions::default().orientation(self.orient).cancel(cancel.clone());
        (options.preprocessing, options.size, options.batch) = (self.preset.clone(), self.size, self.batch);
        options
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// A picture as a classifier's input.
pub(crate) fn input((path, found): &Found, orientation: Orientation) -> Input {
    match found {
        Err(error) => {
            let refused = Error::file(path, format!("the folder cannot be read: {error}"));
            Input::lazy(move || Err(refused))
        }
        Ok(()) if is_stdin(path) => Input::lazy(move || {
            let name = "standard input";
            let mut bytes = Vec::new();
            let read = io::stdin().lock().read_to_end(&mut bytes);
            read.map_err(|error| Error::io(name, "reading", error))?;
            Picture::from_bytes_with(&bytes, name, orientation)
        }),
        Ok(()) => path.into(),
    }
}
