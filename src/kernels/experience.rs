//! What was found to be right, and fast, on an adapter.

use std::collections::{BTreeMap, BTreeSet};

use super::layer::Layer;
use super::variant::Variant;

/// Wrong variants of a kernel that say enough about the others.
const SEVERAL: usize = 2;

/// What is known of an adapter from having tried it. Of a new one nothing is, and every variant is trusted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experience {
    refused: BTreeSet<Variant>,
    choices: BTreeMap<String, Variant>,
}

impl Experience {
    /// No longer trusts a variant. Variants that differ in nothing but what they do to their input are one. Of a kernel with workgroup
    /// memory, of which several are wrong, none is trusted: a driver that fails there fails in all, and each takes time to build.
    pub fn refuse(&mut self, variant: Variant) {
        self.refused.insert(variant.alike());
    }

    /// Whether a variant may run.
    pub fn admits(&self, variant: Variant) -> bool {
        if self.refused.is_empty() {
            return true;
        }
        let of_the_kernel = self.refused.iter().filter(|refused| refused.kernel == variant.kernel).count();
        let hopeless = of_the_kernel >= SEVERAL && variant.memory() > 0;
        !hopeless && !self.refused.contains(&variant.alike())
    }

    /// Has layers such as this one run by this variant from now on.
    pub fn choose(&mut self, layer: &Layer, variant: Variant) {
        self.choices.insert(layer.to_string(), variant.alike());
    }

    /// Which variant was chosen for layers such as this one.
    pub fn choice(&self, layer: &Layer) -> Option<Variant> {
        if self.choices.is_empty() {
            return None;
        }
        self.choices.get(&layer.to_string()).copied()
    }

    /// Every choice: a [`Layer`] as it is displayed, and its variant.
    pub fn choices(&self) -> impl Iterator<Item = (&str, Variant)> {
        self.choices.iter().map(|(layer, variant)| (layer.as_str(), *variant))
    }

    /// Adds a choice that was written down.
    pub fn recall(&mut self, layer: impl Into<String>, variant: Variant) {
        self.choices.insert(layer.into(), variant.alike());
    }

    /// Forgets every choice.
    pub fn forget_choices(&mut self) {
        self.choices.clear();
    }
}
