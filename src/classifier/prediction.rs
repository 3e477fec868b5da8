//! The answer for one picture.

use std::ops::Range;
use std::sync::Arc;

use super::outputs::FEATURES;
use super::rank::top_k;
use crate::error::{Error, Result};
use crate::maps::{CLASS_MAPS, FeatureMaps};
use crate::picture::{Heat, Picture, Region};

/// One of the best classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// The class, counted from 0. With several outputs it counts through all of them.
    pub class: usize,
    /// Its name, with that of its output where there are several.
    pub label: String,
    /// Its score: a probability after softmax or sigmoid, else the logit.
    pub score: f32,
}

/// A classifier's answer for one picture.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Prediction {
    /// The output of the classifier layer, `[classes]`; empty if the network has none.
    pub logits: Vec<f32>,
    /// The logits after the activation, `[classes]`.
    pub scores: Vec<f32>,
    /// The part of the picture that the network saw; `None` for a tensor.
    pub region: Option<Region>,
    /// What looked wrong when the picture was prepared, one line each.
    pub warnings: Vec<String>,
    pub(super) labels: Arc<[String]>,
    /// Name and width of each output.
    pub(super) outputs: Arc<[(String, usize)]>,
    pub(super) taps: Vec<(String, FeatureMaps)>,
    pub(super) picture: Option<Arc<Picture>>,
}

impl Prediction {
    /// The `k` best classes, best first; of equal scores the lower class first. With several outputs, the `k` best of each,
    /// one output after the other.
    pub fn top(&self, k: usize) -> Vec<Place> {
        self.outputs().flat_map(|(_, classes)| self.best(classes, k)).collect()
    }

    /// The outputs by name, and which of the classes are theirs. A network with a single output has one, without a name.
    pub fn outputs(&self) -> impl Iterator<Item = (&str, Range<usize>)> {
        let mut next = 0;
        self.outputs.iter().map(move |(name, width)| {
            let first = next;
            next += width;
            (name.as_str(), first..next)
        })
    }

    /// As [`Prediction::top`], of one output; empty if there is no output of that name.
    pub fn top_of(&self, output: &str, k: usize) -> Vec<Place> {
        let classes = self.outputs().find(|(name, _)| *name == output).map(|(_, classes)| classes);
        classes.map_or_else(Vec::new, |classes| self.best(classes, k))
    }

    fn best(&self, classes: Range<usize>, k: usize) -> Vec<Place> {
        let Some(scores) = self.scores.get(classes.clone()) else { return Vec::new() };
        let place = |(class, score)| {
            let class = classes.start + class;
            Place { class, label: self.labels[class].clone(), score }
        };
        top_k(scores, k).into_iter().map(place).collect()
    }

    /// The pooled features, `[channels]`, if [`Wanted::Features`](super::Wanted::Features) was among the outputs, or the
    /// network has no classifier.
    pub fn features(&self) -> Option<&[f32]> {
        self.tap(FEATURES).map(|maps| maps.data.as_slice())
    }

    /// A tap that was among the outputs ([`Wanted::Tap`](super::Wanted::Tap)).
    pub fn tap(&self, name: &str) -> Option<&FeatureMaps> {
        self.taps.iter().find(|(known, _)| known == name).map(|(_, maps)| maps)
    }

    /// The maps of all classes, `[classes, rows, columns]`, if
    /// [`Wanted::ClassMaps`](super::Wanted::ClassMaps) was among the outputs.
    pub fn class_maps(&self) -> Option<&FeatureMaps> {
        self.tap(CLASS_MAPS)
    }

    /// The map of one class, normalised.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no such class; [`Error::Tap`] if the maps were not among the outputs.
    pub fn class_map(&self, class: usize) -> Result<Heat> {
        let maps = self.class_maps().ok_or_else(|| Error::Tap {
            name: CLASS_MAPS.into(),
            hint: "ask for Wanted::ClassMaps, in ClassifierOptions::outputs".into(),
        })?;
        Heat::of_class(&maps.data, [maps.channels, maps.height, maps.width], class)
    }

    /// The picture. It is kept only with class maps, which are laid over it.
    pub fn picture(&self) -> Option<&Picture> {
        self.picture.as_deref()
    }

    /// The picture with the map of `class` over it: interleaved red, green, blue, in the size of
    /// [`Prediction::picture`]. `opacity`, from 0 to 1, is that of the hottest place.
    ///
    /// # Errors
    /// As [`Prediction::class_map`]; [`Error::Input`] for a tensor, which has no picture.
    pub fn overlay(&self, class: usize, opacity: f32) -> Result<Vec<u8>> {
        let heat = self.class_map(class)?;
        match (&self.picture, &self.region) {
            (Some(picture), Some(region)) => heat.over(picture, region, opacity),
            _ => Err(Error::Input("a tensor is no picture that a class map could be laid over".into())),
        }
    }
}
