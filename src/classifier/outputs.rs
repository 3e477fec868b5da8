//! Outputs besides logits and scores.

use crate::architecture::Architecture;
use crate::maps::CLASS_MAPS;

/// An output besides logits and scores.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Wanted {
    /// The pooled features, `[channels]`: what the classifier reads.
    Features,
    /// The class-activation maps of all classes, `[classes, rows, columns]`.
    ClassMaps,
    /// A layer's output, `[channels, rows, columns]`, by its name; docs/architecture.md lists the taps.
    Tap(String),
}

/// The tap of the pooled features.
pub(super) const FEATURES: &str = "features.pool5";

impl Wanted {
    /// The tap that holds it.
    pub(super) fn tap(&self) -> &str {
        match self {
            Wanted::Features => FEATURES,
            Wanted::ClassMaps => CLASS_MAPS,
            Wanted::Tap(name) => name,
        }
    }
}

/// The taps of `wanted`, each once. A network without a classifier ends with its features, so they need no tap.
pub(super) fn taps(wanted: &[Wanted], architecture: &Architecture) -> Vec<String> {
    let mut taps: Vec<String> = Vec::new();
    for wanted in wanted {
        let is_result = *wanted == Wanted::Features && architecture.classes().is_none();
        if !is_result && !taps.iter().any(|tap| tap == wanted.tap()) {
            taps.push(wanted.tap().to_string());
        }
    }
    taps
}
