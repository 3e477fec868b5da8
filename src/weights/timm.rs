//! timm's description of a network: preprocessing and labels. It is in a `config.json` beside the weight file, as
//! on the Hugging Face Hub, or in the file's own metadata.

#[cfg(feature = "safetensors")]
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

use super::statements::Statements;
use crate::architecture::{Architecture, InputSize, Pooling};
use crate::picture::{Filter, Preprocessing, Resize};

const NAME: &str = "config.json";
/// The part that says how pictures are prepared; also a key of a file's metadata.
#[cfg(feature = "safetensors")]
const PRETRAINED: &str = "pretrained_cfg";
/// timm's for ImageNet-22k, with every class by name, has 0.5 MiB.
const MAX_BYTES: u64 = 4 << 20;

/// The part of a `config.json` that is used here.
#[derive(Deserialize)]
struct Config {
    architecture: String,
    num_classes: Option<usize>,
    num_features: Option<usize>,
    label_names: Option<Vec<String>>,
    global_pool: Option<String>,
    pretrained_cfg: Option<Pretrained>,
}

/// timm's `pretrained_cfg`.
#[derive(Deserialize)]
struct Pretrained {
    input_size: Option<(usize, usize, usize)>,
    crop_pct: Option<f64>,
    crop_mode: Option<String>,
    interpolation: Option<String>,
    mean: Option<Vec<f64>>,
    std: Option<Vec<f64>>,
    label_names: Option<Vec<String>>,
}

/// What the `config.json` beside `path` says, if it describes this network.
pub(super) fn beside(path: &Path, architecture: &Architecture) -> Option<Statements> {
    let config = read(&path.with_file_name(NAME))?;
    let same = |stated: Option<usize>, own: Option<usize>| stated.is_none_or(|n| n == 0 || own == Some(n));
    let describes_it = config.architecture.starts_with("densenet")
        && same(config.num_classes, architecture.classes())
        && same(config.num_features, Some(architecture.last_channels()));
    if !describes_it {
        return None;
    }
    let pretrained = config.pretrained_cfg.map_or_else(|| Statements::from(NAME), |cfg| cfg.statements(NAME));
    Some(Statements { labels: config.label_names.or(pretrained.labels), ..pretrained })
}

/// What the `config.json` beside `path` says of the pooling, if it describes the network with this trunk.
pub(super) fn pooling_beside(path: &Path, trunk: &Architecture) -> Result<Option<(Pooling, &'static str)>, String> {
    let config = read(&path.with_file_name(NAME)).filter(|config| config.architecture.starts_with("densenet"));
    let stated = config.filter(|config| config.num_features.is_none_or(|n| n == trunk.last_channels()));
    match stated.and_then(|config| config.global_pool).as_deref() {
        None | Some("") => Ok(None),
        Some("avg" | "fast" | "fastavg") => Ok(Some((Pooling::Average, NAME))),
        Some("max" | "fastmax") => Ok(Some((Pooling::Maximum, NAME))),
        Some("catavgmax" | "fastcatavgmax") => Ok(Some((Pooling::AverageMaximum, NAME))),
        Some(other) => Err(format!(
            "{NAME} beside it says that global_pool is '{}': avg, max or catavgmax is run here",
            other.chars().take(40).collect::<String>()
        )),
    }
}

fn read(path: &Path) -> Option<Config> {
    let metadata = std::fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return None;
    }
    let mut text = String::new();
    std::fs::File::open(path).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

/// What a file's own metadata say in timm's words.
#[cfg(feature = "safetensors")]
pub(super) fn in_metadata(metadata: &BTreeMap<String, String>) -> Statements {
    let pretrained = metadata.get(PRETRAINED).and_then(|text| serde_json::from_str::<Pretrained>(text).ok());
    pretrained.map_or_else(Statements::default, |cfg| cfg.statements(&format!("metadata {PRETRAINED}")))
}

impl Pretrained {
    fn statements(self, place: &str) -> Statements {
        let preprocessing = self.preprocessing().map(|preprocessing| preprocessing.to_string());
        Statements { preprocessing, labels: self.label_names, ..Statements::from(place) }
    }

    /// timm's evaluation transform: the shorter side is resized to `input / crop_pct`, rounded down, and the middle is
    /// kept (`crop_mode` center); or the picture is resized straight to that size (squash). None where it cannot be
    /// expressed.
    fn preprocessing(&self) -> Option<Preprocessing> {
        let base = Preprocessing::named("timm")?;
        let (_, height, width) = self.input_size.unwrap_or((3, 224, 224));
        let percentage = self.crop_pct.unwrap_or(0.875);
        let scaled = |side: usize| (side as f64 / percentage).floor() as usize;
        let crop = InputSize { height, width };
        let resize = match self.crop_mode.as_deref() {
            None | Some("center") => Resize::Shorter(scaled(height.min(width))),
            Some("squash") => Resize::Exact(InputSize { height: scaled(height), width: scaled(width) }),
            Some(_) => return None,
        };
        let filter = match self.interpolation.as_deref() {
            None | Some("bicubic") => Filter::Bicubic,
            Some("bilinear") => Filter::Bilinear,
            Some("nearest") => Filter::Nearest,
            Some("lanczos") => Filter::Lanczos,
            Some(_) => return None,
        };
        let mut preprocessing = Preprocessing { resize, crop: Some(crop), filter, ..base };
        if let Some((mean, std)) = self.mean.clone().zip(self.std.clone()) {
            (preprocessing.mean, preprocessing.std) = (mean, std);
        }
        preprocessing.validate().ok()?;
        for name in ["timm", "torchvision"] {
            preprocessing.name = name.into();
            if Preprocessing::named(name).as_ref() == Some(&preprocessing) {
                return Some(preprocessing);
            }
        }
        preprocessing.name = "custom".into();
        Some(preprocessing)
    }
}
