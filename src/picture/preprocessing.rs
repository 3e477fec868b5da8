//! What is done to a picture before a network sees it, as plain data.
//!
//! Pixels are 0 to 255. The steps, in order: colour to the network's channels, resize, crop, then
//! `(pixel * scale - mean) / std` per channel.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::architecture::{Architecture, InputSize};
use crate::error::{Error, Result, one_line};

/// How a picture is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Not at all.
    None,
    /// The shorter side to this many pixels, the longer in proportion, rounded down (torchvision's `Resize(n)`).
    Shorter(usize),
    /// To exactly this size, ignoring the proportions.
    Exact(InputSize),
    /// Finds the digit in the picture and lays it out as MNIST does.
    Digit,
}

/// The resampling filter. All but `Nearest` are antialiased: they widen when the picture shrinks, as Pillow's filters of the
/// same names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// The source pixel under the centre of the new one.
    Nearest,
    /// Triangle.
    #[default]
    Bilinear,
    /// Catmull-Rom (a = -0.5).
    Bicubic,
    /// Windowed sinc of three lobes.
    Lanczos,
}

/// The order of the colour channels that the network was trained with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Red first.
    #[default]
    Rgb,
    /// Blue first, as in OpenCV and Caffe.
    Bgr,
}

/// The preparation of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// One of [`NAMES`], or `custom`.
    #[serde(default = "custom")]
    pub name: String,
    /// How the picture is resized.
    pub resize: Resize,
    /// The size of the central part to keep, if it is cropped. Where it is larger than the picture, zeros surround it.
    #[serde(default)]
    pub crop: Option<InputSize>,
    /// The resampling filter.
    #[serde(default)]
    pub filter: Filter,
    /// The order of the channels; `mean` and `std` are in this order too.
    #[serde(default)]
    pub colour: Colour,
    /// Pixels are first multiplied by this.
    pub scale: f64,
    /// Subtracted after scaling: one number for all channels, or one for each of three.
    pub mean: Vec<f64>,
    /// Divides the difference: as many numbers as `mean`.
    pub std: Vec<f64>,
}

fn custom() -> String {
    "custom".into()
}

/// The names of preprocessings.
pub const NAMES: [&str; 7] = ["torchvision", "timm", "keras", "caffe", "cifar10", "mnist", "none"];

/// The largest side that may be requested, in pixels.
pub const MAX_PIXELS: usize = 8192;

const IMAGENET_MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const IMAGENET_STD: [f64; 3] = [0.229, 0.224, 0.225];

const ACCEPTED: &str = "write torchvision, timm, keras, caffe, cifar10, mnist or none, or a list such as \
    resize=256,crop=224,mean=0.485:0.456:0.406,std=0.229:0.224:0.225,scale=1/255,filter=bilinear,colour=rgb";

impl Preprocessing {
    /// The preprocessing of this name; `None` if it is not one of [`NAMES`].
    ///
    /// - `torchvision`: shorter side 256 bilinear, crop 224, ImageNet statistics: the transforms of torchvision's
    ///   `DenseNet*_Weights.IMAGENET1K_V1`.
    /// - `timm`: the same with the bicubic filter: `_cfg` of timm's `models/densenet.py` (224 at `crop_pct` 0.875; the
    ///   larger test size of its later checkpoints is `timm` with another size).
    /// - `keras`: straight to 224x224 by the nearest pixel, ImageNet statistics: `keras.utils.load_img(target_size=..)`
    ///   with its default interpolation, then `keras.applications.densenet.preprocess_input` (mode `torch`).
    /// - `caffe`: blue first, minus (103.94, 116.78, 123.68), times 0.017, shorter side 256, crop 224: the README of
    ///   shicai/DenseNet-Caffe, whose weights the Keras ports of DenseNet carry. Those ports' demonstration squeezes
    ///   the whole picture into 224x224 instead: `caffe,resize=224x224`.
    /// - `cifar10`: 32x32 bilinear, mean (125.3, 123.0, 113.9) and std (63.0, 62.1, 66.7): the statistics of
    ///   fb.resnet.torch, in which the paper's CIFAR networks were trained. CIFAR's own pictures pass unresized.
    /// - `mnist`: the digit is found and laid out as MNIST's are, then mean 0.1307, std 0.3081 (PyTorch's examples).
    /// - `none`: size and proportions as they are, pixels / 255.
    pub fn named(name: &str) -> Option<Self> {
        let square = |side| Some(InputSize::square(side));
        let base = Preprocessing {
            name: name.to_owned(),
            resize: Resize::Shorter(256),
            crop: square(224),
            filter: Filter::Bilinear,
            colour: Colour::Rgb,
            scale: 1.0 / 255.0,
            mean: IMAGENET_MEAN.into(),
            std: IMAGENET_STD.into(),
        };
        Some(match name {
            "torchvision" => base,
            "timm" => Preprocessing { filter: Filter::Bicubic, ..base },
            "keras" => Preprocessing {
                resize: Resize::Exact(InputSize::square(224)),
                crop: None,
                filter: Filter::Nearest,
                ..base
            },
            "caffe" => Preprocessing {
                colour: Colour::Bgr,
                scale: 1.0,
                mean: vec![103.94, 116.78, 123.68],
                std: vec![1.0 / 0.017; 3],
                ..base
            },
            "cifar10" => Preprocessing {
                resize: Resize::Shorter(32),
                crop: square(32),
                scale: 1.0,
                mean: vec![125.3, 123.0, 113.9],
                std: vec![63.0, 62.1, 66.7],
                ..base
            },
            "mnist" => {
                Preprocessing { resize: Resize::Digit, crop: square(28), mean: vec![0.1307], std: vec![0.3081], ..base }
            }
            "none" => Preprocessing { resize: Resize::None, crop: None, mean: vec![0.0], std: vec![1.0], ..base },
            _ => return None,
        })
    }

    /// Reads one of [`NAMES`]; or a list of `resize=N|HxW|none|digit`, `crop=N|HxW|none`, `mean=a:b:c`, `std=a:b:c`,
    /// `scale=x`, `filter=nearest|bilinear|bicubic|lanczos`, `colour=rgb|bgr`, separated by commas; or a JSON object of the
    /// fields. A list may begin with the name that it changes (`timm,resize=320,crop=288`), else it changes `none`. Numbers
    /// may be fractions such as `1/255`. One `mean` or `std` serves all channels.
    ///
    /// # Errors
    /// [`Error::Input`] with what is wrong and what would be accepted.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let refuse = |reason: String| Error::Input(one_line(&format!("preprocessing '{text}': {reason}"), 1000));
        let preprocessing = if text.starts_with('{') {
            serde_json::from_str(text).map_err(|e| refuse(format!("not a JSON object of a preprocessing: {e}")))?
        } else {
            Preprocessing::parse_list(text).map_err(refuse)?
        };
        preprocessing.validate().map_err(refuse)?;
        Ok(preprocessing)
    }

    fn parse_list(text: &str) -> Result<Self, String> {
        if let Some(preprocessing) = Preprocessing::named(text) {
            return Ok(preprocessing);
        }
        let mut parts = text.split(',').map(str::trim).peekable();
        let first = parts.next_if(|part| !part.contains('='));
        let mut preprocessing = Preprocessing::named(first.unwrap_or("none"))
            .ok_or_else(|| format!("no such preprocessing; {ACCEPTED}"))?;
        preprocessing.name = custom();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(|| format!("'{part}' is not a setting; {ACCEPTED}"))?;
            let (key, value) = (key.trim(), value.trim());
            match key {
                "resize" => {
                    preprocessing.resize = match value {
                        "none" => Resize::None,
                        "digit" => Resize::Digit,
                        _ if value.contains(['x', 'X']) => Resize::Exact(size(value)?),
                        _ => Resize::Shorter(size(value)?.height),
                    }
                }
                "crop" => preprocessing.crop = if value == "none" { None } else { Some(size(value)?) },
                "mean" => preprocessing.mean = numbers(value)?,
                "std" => preprocessing.std = numbers(value)?,
                "scale" => preprocessing.scale = number(value)?,
                "filter" => preprocessing.filter = word(value, "nearest, bilinear, bicubic or lanczos")?,
                "colour" | "color" => preprocessing.colour = word(value, "rgb or bgr")?,
                _ => return Err(format!("'{key}' is not a setting; {ACCEPTED}")),
            }
        }
        let channels = preprocessing.mean.len().max(preprocessing.std.len());
        for list in [&mut preprocessing.mean, &mut preprocessing.std] {
            if list.len() == 1 {
                list.resize(channels, list[0]);
            }
        }
        Ok(preprocessing)
    }

    /// Checks that pictures can be prepared this way. The error is the reason.
    pub(crate) fn validate(&self) -> Result<(), String> {
        let sides = match self.resize {
            Resize::None | Resize::Digit => None,
            Resize::Shorter(side) => Some(InputSize::square(side)),
            Resize::Exact(size) => Some(size),
        };
        for size in sides.into_iter().chain(self.crop) {
            if ![size.height, size.width].iter().all(|side| (1..=MAX_PIXELS).contains(side)) {
                return Err(format!("a size of {size} is out of range: sides of 1 to {MAX_PIXELS} are possible"));
            }
        }
        if self.mean.len() != self.std.len() || !matches!(self.mean.len(), 1 | 3) {
            return Err(format!(
                "mean has {} numbers and std {}: both need one, or one for each of 3 channels",
                self.mean.len(),
                self.std.len()
            ));
        }
        let usable = |x: &f64| x.is_finite() && *x > 0.0;
        if !self.std.iter().all(usable) || !usable(&self.scale) || !self.mean.iter().all(|x| x.is_finite()) {
            return Err("scale and std must be above 0, and mean finite".into());
        }
        Ok(())
    }

    /// The preprocessing for a network whose file names none. A bare 3x3 stem (stride 1, no pooling) reads small pictures:
    /// three channels get `cifar10`, one channel and ten classes `mnist`. Everything else gets `torchvision`.
    pub fn default_for(architecture: &Architecture) -> Self {
        let stem = &architecture.stem;
        let small = stem.kernel == 3 && stem.stride == 1 && stem.pool.is_none();
        let name = match (small, architecture.input_channels, architecture.classes()) {
            (true, 3, _) => "cifar10",
            (true, 1, Some(10)) => "mnist",
            _ => "torchvision",
        };
        let preprocessing = Preprocessing::named(name).expect("these names are among NAMES");
        // A head that reads feature maps whole admits one size.
        architecture.fixed_size().map_or(preprocessing.clone(), |size| preprocessing.with_size(size))
    }

    /// The size of every prepared picture; `None` where it depends on the picture.
    pub fn size(&self) -> Option<InputSize> {
        self.crop.or(match self.resize {
            Resize::Exact(size) => Some(size),
            Resize::Digit => Some(InputSize::square(28)),
            Resize::None | Resize::Shorter(_) => None,
        })
    }

    /// The same preprocessing for another size: the crop becomes `size`, and the resize changes in the same ratio (the larger
    /// of the two sides' ratios, so that the crop stays inside). Where nothing is resized, only the crop changes.
    pub fn with_size(&self, size: InputSize) -> Self {
        let mut preprocessing = self.clone();
        let scaled = |side: usize, new: usize, old: usize| {
            ((side as f64 * new as f64 / old as f64).round() as usize).clamp(1, MAX_PIXELS)
        };
        preprocessing.resize = match (self.resize, self.crop) {
            (Resize::Shorter(side), Some(crop)) => {
                Resize::Shorter(scaled(side, size.height, crop.height).max(scaled(side, size.width, crop.width)))
            }
            (Resize::Shorter(_), None) => Resize::Shorter(size.height.max(size.width)),
            (Resize::Exact(exact), Some(crop)) => Resize::Exact(InputSize {
                height: scaled(exact.height, size.height, crop.height),
                width: scaled(exact.width, size.width, crop.width),
            }),
            (Resize::Exact(_), None) => Resize::Exact(size),
            (unchanged, _) => unchanged,
        };
        preprocessing.crop = Some(size);
        preprocessing
    }
}

impl fmt::Display for Preprocessing {
    /// The name, or the list of settings that [`Preprocessing::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if Preprocessing::named(&self.name).as_ref() == Some(self) {
            return f.write_str(&self.name);
        }
        match self.resize {
            Resize::None => f.write_str("resize=none")?,
            Resize::Shorter(side) => write!(f, "resize={side}")?,
            Resize::Exact(size) => write!(f, "resize={size}")?,
            Resize::Digit => f.write_str("resize=digit")?,
        }
        if let Some(crop) = self.crop {
            write!(f, ",crop={crop}")?;
        }
        let list = |numbers: &[f64]| numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(":");
        let filter = format!("{:?}", self.filter).to_lowercase();
        let colour = format!("{:?}", self.colour).to_lowercase();
        write!(f, ",scale={},mean={},std={}", self.scale, list(&self.mean), list(&self.std))?;
        write!(f, ",filter={filter},colour={colour}")
    }
}

fn size(value: &str) -> Result<InputSize, String> {
    value.parse().map_err(|_| format!("'{value}' is not a size: write N or HxW in pixels"))
}

fn word<T: serde::de::DeserializeOwned>(value: &str, accepted: &str) -> Result<T, String> {
    serde_json::from_value(value.into()).map_err(|_| format!("'{value}' is not one of {accepted}"))
}

fn numbers(value: &str) -> Result<Vec<f64>, String> {
    value.split(':').map(number).collect()
}

fn number(value: &str) -> Result<f64, String> {
    let parse = |text: &str| text.trim().parse::<f64>().ok();
    match value.split_once('/') {
        Some((above, below)) => parse(above).zip(parse(below)).map(|(a, b)| a / b),
        None => parse(value),
    }
    .ok_or_else(|| format!("'{value}' is not a number: write 0.485, or 1/255; lists are separated by colons"))
}

#[cfg(test)]
mod tests;
