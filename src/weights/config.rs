//! The `config.json` that timm and the Hugging Face Hub keep beside a weight file: preprocessing and labels.

#[cfg(feature = "safetensors")]
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;

#[cfg(feature = "safetensors")]
use super::source::Stated;
use super::{Fact, Weights, check};
use crate::architecture::InputSize;
use crate::picture::{Filter, Preprocessing, Resize};

const NAME: &str = "config.json";
/// Its part that says how pictures are prepared; also a key of a file's metadata.
#[cfg(feature = "safetensors")]
const PRETRAINED: &str = "pretrained_cfg";
/// timm's for ImageNet-22k, with every class by name, has 0.5 MiB.
const MAX_BYTES: u64 = 4 << 20;

/// What of timm's description is of use here.
#[derive(Deserialize)]
struct Config {
    architecture: String,
    num_classes: Option<usize>,
    num_features: Option<usize>,
    label_names: Option<Vec<String>>,
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

/// Gives the weights what a `config.json` beside `path` says and the file does not. One that describes another network
/// is none of our business.
pub(super) fn complete(weights: &mut Weights, path: &Path) {
    let beside = path.with_file_name(NAME);
    let Ok(metadata) = std::fs::metadata(&beside) else { return };
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return;
    }
    let mut text = String::new();
    let read = std::fs::File::open(&beside).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    let Some(config) = read.ok().and_then(|_| serde_json::from_str::<Config>(&text).ok()) else { return };
    let architecture = &weights.architecture;
    let same = |stated: Option<usize>, own: Option<usize>| stated.is_none_or(|n| n == 0 || own == Some(n));
    if !config.architecture.starts_with("densenet")
        || !same(config.num_classes, architecture.classes)
        || !same(config.num_features, Some(architecture.feature_channels()))
    {
        return;
    }
    let labels = config.label_names.or(config.pretrained_cfg.as_ref().and_then(|cfg| cfg.label_names.clone()));
    if weights.labels.is_none() {
        weights.labels = labels.filter(|labels| check::labels(&weights.architecture, labels).is_ok());
    }
    if weights.preprocessing.is_none()
        && let Some(preprocessing) = config.pretrained_cfg.and_then(|cfg| cfg.preprocessing())
    {
        weights.origin.facts.push(Fact { what: "preset".into(), value: shown(&preprocessing), from: NAME.into() });
        weights.preprocessing = Some(preprocessing);
    }
}

/// What a file's own metadata say in timm's words.
#[cfg(feature = "safetensors")]
pub(super) fn stated(metadata: &BTreeMap<String, String>) -> Stated {
    let pretrained = metadata.get(PRETRAINED).and_then(|text| serde_json::from_str::<Pretrained>(text).ok());
    let (preprocessing, labels) = pretrained.map_or((None, None), |cfg| (cfg.preprocessing(), cfg.label_names));
    Stated { preprocessing, labels, from: format!("metadata {PRETRAINED}"), ..Stated::default() }
}

fn shown(preprocessing: &serde_json::Value) -> String {
    preprocessing.as_str().map_or_else(|| preprocessing.to_string(), str::to_string)
}

impl Pretrained {
    /// The preprocessing of timm's evaluation transform: the shorter side to `input / crop_pct`, rounded down, and the middle
    /// (`crop_mode` center); or straight to that size (squash). None where it cannot be expressed.
    fn preprocessing(&self) -> Option<serde_json::Value> {
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
        let mut preprocessing = Preprocessing { resize, crop: Some(crop), filter, ..base.clone() };
        if let Some((mean, std)) = self.mean.clone().zip(self.std.clone()) {
            (preprocessing.mean, preprocessing.std) = (mean, std);
        }
        preprocessing.validate().ok()?;
        for name in ["timm", "torchvision"] {
            preprocessing.name = name.into();
            if Preprocessing::named(name).as_ref() == Some(&preprocessing) {
                return Some(name.into());
            }
        }
        preprocessing.name = "custom".into();
        serde_json::to_value(preprocessing).ok()
    }
}
