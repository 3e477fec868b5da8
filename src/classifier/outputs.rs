//! Outputs besides logits and scores.

use crate::architecture::Architecture;
use crate::maps::{CLASS_MAPS, class_maps_tap};

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

/// The tap that holds a wanted output, or what it is made of.
fn tap<'a>(wanted: &'a Wanted, architecture: &Architecture) -> &'a str {
    match wanted {
        Wanted::Features => FEATURES,
        Wanted::ClassMaps => class_maps_tap(architecture),
        Wanted::Tap(name) if name == CLASS_MAPS => class_maps_tap(architecture),
        Wanted::Tap(name) => name,
    }
}

/// The taps of `wanted`, each once. A network without a classifier ends with its features, so they need no tap.
pub(super) fn taps(wanted: &[Wanted], architecture: &Architecture) -> Vec<String> {
    let mut taps: Vec<String> = Vec::new();
    for wanted in wanted {
        let is_result = *wanted == Wanted::Features && architecture.classes().is_none();
        let tap = tap(wanted, architecture);
        if !is_result && !taps.iter().any(|known| known == tap) {
            taps.push(tap.to_string());
        }
    }
    taps
}
