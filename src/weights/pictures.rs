//! How pictures are prepared for a network that resizes or normalises them itself.

use crate::architecture::InputSize;
use crate::picture::{Filter, Preprocessing, Resize};

/// What a graph says about the pictures that it reads.
#[derive(Clone, Debug)]
pub(super) struct Pictures {
    /// The size of its input, where that is stated.
    pub(super) size: Option<InputSize>,
    pub(super) steps: Vec<Step>,
    /// The range of the pixels that it normalises itself, from 0.
    pub(super) range: Option<f64>,
}

/// What changes the size of a picture.
#[cfg_attr(not(all(feature = "keras", feature = "onnx")), allow(dead_code, reason = "each reader uses a part"))]
#[derive(Clone, Debug)]
pub(super) enum Step {
    Resize(Resizing),
    Crop(InputSize),
}

/// How a model resizes its pictures.
#[derive(Clone, Debug)]
pub(super) struct Resizing {
    pub(super) size: InputSize,
    /// Keras' word.
    pub(super) filter: String,
    pub(super) antialias: bool,
    /// `crop` or `pad`, where proportions are kept.
    pub(super) keeps: Option<&'static str>,
}

impl Pictures {
    /// The preprocessing where the graph does a part of it, with what is only done nearly. `usual` is that of networks of its kind.
    pub(super) fn stated(&self, usual: &Preprocessing) -> Option<(Preprocessing, Option<String>)> {
        if self.steps.is_empty() && self.range.is_none() {
            return None;
        }
        let mut own = Preprocessing { name: "custom".into(), ..usual.clone() };
        if let Some(range) = self.range {
            (own.scale, own.mean, own.std) = (range / 255.0, vec![0.0], vec![1.0]);
            own.colour = crate::picture::Colour::Rgb;
            own.filter = Filter::Bilinear;
        }
        if let Some(size) = self.size {
            (own.resize, own.crop) = (Resize::Exact(size), None);
        }
        let warning = self.resize(&mut own);
        Some((own, warning))
    }

    /// The usual preprocessing for the size that is stated, where that is another than usual.
    pub(super) fn sized(&self, usual: &Preprocessing) -> Option<Preprocessing> {
        let size = self.size.filter(|size| usual.size() != Some(*size))?;
        if usual.resize == Resize::Digit {
            return None;
        }
        let mut sized = match (usual.resize, usual.crop) {
            (Resize::Exact(_), None) => Preprocessing { resize: Resize::Exact(size), ..usual.clone() },
            _ => usual.with_size(size),
        };
        sized.name = "custom".into();
        Some(sized)
    }

    /// Sets the sizes. Returns what is done otherwise than the network does it.
    fn resize(&self, own: &mut Preprocessing) -> Option<String> {
        match self.steps.as_slice() {
            [Step::Resize(resizing)] => Self::resized(own, resizing),
            [Step::Crop(size)] => {
                own.crop = Some(*size);
                if self.size.is_none() {
                    own.resize = Resize::None;
                }
                None
            }
            [Step::Resize(resizing), Step::Crop(size)] => {
                let warning = Self::resized(own, resizing);
                own.crop = Some(*size);
                warning
            }
            [Step::Crop(middle), Step::Resize(resizing), ..] => {
                let warning = Self::resized(own, resizing);
                if let Some(size) = self.size {
                    let scaled = |whole: usize, part: usize, new: usize| (whole * new).div_ceil(part.max(1)).max(1);
                    own.resize = Resize::Exact(InputSize {
                        height: scaled(size.height, middle.height, resizing.size.height),
                        width: scaled(size.width, middle.width, resizing.size.width),
                    });
                }
                own.crop = Some(resizing.size);
                warning.or(Some(
                    "its model takes the middle of a picture and resizes that; here it is resized first".into(),
                ))
            }
            _ => None,
        }
    }

    fn resized(own: &mut Preprocessing, resizing: &Resizing) -> Option<String> {
        let size = resizing.size;
        let (filter, exact) = match resizing.filter.as_str() {
            "nearest" => (Filter::Nearest, true),
            "bilinear" => (Filter::Bilinear, resizing.antialias),
            "bicubic" => (Filter::Bicubic, false),
            "lanczos3" => (Filter::Lanczos, resizing.antialias),
            _ => (Filter::Bilinear, false),
        };
        (own.filter, own.resize, own.crop) = (filter, Resize::Exact(size), None);
        let kept = match resizing.keeps {
            Some("crop") if size.height == size.width => {
                (own.resize, own.crop) = (Resize::Shorter(size.height), Some(size));
                true
            }
            keeps => keeps.is_none(),
        };
        if exact && kept {
            return None;
        }
        let how = if kept { "" } else { ", and its way to keep proportions is not followed" };
        Some(format!(
            "its model resizes pictures to {size} itself ({}{}); here that is done with an antialiased filter, nearly but not \
             exactly the same{how}; --preset states another preparation",
            resizing.filter,
            if resizing.antialias { ", antialiased" } else { "" }
        ))
    }
}
