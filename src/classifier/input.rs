//! Whatever can be classified: pictures in any form, and tensors.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::architecture::InputSize;
use crate::error::{Error, Result};
use crate::picture::{Orientation, Picture, Preprocessing, Region, prepare};

/// What a classifier takes: a picture in any form, or a prepared tensor. `into()` makes it from a path, the bytes of a picture
/// file, or a [`Picture`] ([`Picture::from_pixels`] takes raw pixels).
pub struct Input(Kind);

enum Kind {
    Path(PathBuf),
    Bytes(Vec<u8>, PathBuf),
    Picture(Arc<Picture>),
    Lazy(Box<dyn FnOnce() -> Result<Picture> + Send>),
    Tensor(Vec<f32>, InputSize),
}

impl Input {
    /// The bytes of a picture file. Errors refer to it as `name`.
    pub fn bytes(bytes: Vec<u8>, name: impl Into<PathBuf>) -> Input {
        Input(Kind::Bytes(bytes, name.into()))
    }

    /// A picture that is produced only when its turn comes.
    pub fn lazy(make: impl FnOnce() -> Result<Picture> + Send + 'static) -> Input {
        Input(Kind::Lazy(Box::new(make)))
    }

    /// One image as the network takes it, already resized and normalised: `[channels, height, width]` f32.
    pub fn tensor(data: Vec<f32>, size: InputSize) -> Input {
        Input(Kind::Tensor(data, size))
    }

    /// Decodes and prepares it.
    pub(super) fn prepare(self, how: &Preparation) -> Result<Ready> {
        let picture = match self.0 {
            Kind::Path(path) => Arc::new(Picture::open_with(path, how.orientation)?),
            Kind::Bytes(bytes, name) => Arc::new(Picture::from_bytes_with(&bytes, name, how.orientation)?),
            Kind::Picture(picture) => picture,
            Kind::Lazy(make) => Arc::new(make()?),
            Kind::Tensor(data, size) => return tensor(data, size, how.channels),
        };
        let prepared = prepare(&picture, &how.preprocessing, how.channels, how.size)?;
        Ok(Ready {
            data: prepared.data,
            size: prepared.size,
            region: Some(prepared.region),
            warnings: prepared.warnings,
            picture: how.keeps_pictures.then_some(picture),
        })
    }
}

fn tensor(data: Vec<f32>, size: InputSize, channels: usize) -> Result<Ready> {
    let elements = [size.height, size.width].iter().try_fold(channels, |n, &side| n.checked_mul(side));
    if elements != Some(data.len()) {
        return Err(Error::Input(format!(
            "a tensor of {} values is no image of {channels} channels and {size} pixels",
            data.len()
        )));
    }
    Ok(Ready { data, size, region: None, warnings: Vec::new(), picture: None })
}

/// How inputs are prepared.
#[derive(Clone, Debug)]
pub(super) struct Preparation {
    pub(super) preprocessing: Preprocessing,
    /// Channels of the network's input.
    pub(super) channels: usize,
    /// The input's size, if it is not the preprocessing's.
    pub(super) size: Option<InputSize>,
    /// Which way up picture files are read.
    pub(super) orientation: Orientation,
    /// Whether the picture is needed afterwards.
    pub(super) keeps_pictures: bool,
}

/// A prepared input.
pub(super) struct Ready {
    /// `[channels, height, width]`.
    pub(super) data: Vec<f32>,
    pub(super) size: InputSize,
    pub(super) region: Option<Region>,
    pub(super) warnings: Vec<String>,
    pub(super) picture: Option<Arc<Picture>>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Path(path) => write!(f, "Input({})", path.display()),
            Kind::Bytes(bytes, name) => write!(f, "Input({}: {} bytes)", name.display(), bytes.len()),
            Kind::Picture(picture) => write!(f, "Input({}x{} pixels)", picture.height(), picture.width()),
            Kind::Lazy(_) => f.write_str("Input(lazy)"),
            Kind::Tensor(_, size) => write!(f, "Input(tensor of {size})"),
        }
    }
}

macro_rules! from_path {
    ($($path:ty),*) => {$(
        impl From<$path> for Input {
            fn from(path: $path) -> Input {
                Input(Kind::Path(path.into()))
            }
        }
    )*};
}

from_path!(&str, &String, String, &Path, &PathBuf, PathBuf);

impl From<Vec<u8>> for Input {
    /// The bytes of a picture file.
    fn from(bytes: Vec<u8>) -> Input {
        Input::bytes(bytes, "picture in memory")
    }
}

impl From<&[u8]> for Input {
    /// The bytes of a picture file.
    fn from(bytes: &[u8]) -> Input {
        bytes.to_vec().into()
    }
}

impl From<Picture> for Input {
    fn from(picture: Picture) -> Input {
        Arc::new(picture).into()
    }
}

impl From<&Picture> for Input {
    fn from(picture: &Picture) -> Input {
        picture.clone().into()
    }
}

impl From<Arc<Picture>> for Input {
    fn from(picture: Arc<Picture>) -> Input {
        Input(Kind::Picture(picture))
    }
}
