//! A file whose head is asked for, and the answer.

use super::super::extras;
use super::super::known::Known;
use super::super::names::Names;
use super::super::source::{Entry, Number};
use super::place::Placed;
use super::spec::HeadSpec;
use crate::architecture::{Activation, Architecture, Head, Pooling};

/// A file, and what is stated about its head.
pub(in crate::weights) struct Question<'a> {
    pub(in crate::weights) entries: &'a [Entry<'a>],
    pub(in crate::weights) names: &'a Names,
    /// The DenseNet without a head.
    pub(in crate::weights) trunk: &'a Architecture,
    /// Modules whose kinds the file states.
    pub(in crate::weights) known: &'a [(String, Known)],
    /// Names of tensors in the order of the file.
    pub(in crate::weights) order: &'a [String],
    /// By the option for it.
    pub(in crate::weights) stated: Option<&'a HeadSpec>,
    /// By the architecture among the options.
    pub(in crate::weights) given: Option<&'a Head>,
    /// The pooling, and where it is stated.
    pub(in crate::weights) pooling: Option<(Pooling, &'static str)>,
    /// Of the head's batch norms, where nobody says.
    pub(in crate::weights) eps: f64,
}

/// A head, and its tensors.
#[derive(Debug)]
pub(in crate::weights) struct Found {
    pub(in crate::weights) head: Head,
    /// What turns logits into scores, where that was stated.
    pub(in crate::weights) activation: Option<Activation>,
    pub(in crate::weights) placed: Placed,
    /// Entries that nothing reads.
    pub(in crate::weights) unused: Vec<usize>,
    /// Entries that the head itself holds.
    pub(in crate::weights) spent: Vec<usize>,
    /// Where the head comes from.
    pub(in crate::weights) from: &'static str,
    /// What was assumed, and the option that states it; none where nothing was.
    pub(in crate::weights) warnings: Vec<String>,
}

impl<'a> Question<'a> {
    /// The module of the last batch norm.
    pub(super) fn last_norm(&self) -> Option<&'a str> {
        let canonical = self.names.canonical.iter().map(Option::as_deref);
        let at = canonical.into_iter().position(|name| name == Some("features.norm5.weight"))?;
        self.entries[at].name.rsplit_once('.').map(|(module, _)| module)
    }

    /// Entries that are neither the DenseNet's nor without effect.
    pub(super) fn outside(&self) -> Vec<usize> {
        let is_outside = |&at: &usize| {
            let entry = &self.entries[at];
            let leaf = entry.name.rsplit('.').next().unwrap_or_default();
            let counts = matches!(entry.number, Number::Other(_)) && !["weight", "bias"].contains(&leaf);
            let name = self.names.canonical[at].as_deref();
            name.is_some_and(|name| !name.starts_with("features."))
                && !counts
                && !extras::is_ignored(&entry.name, &entry.shape)
        };
        (0..self.entries.len()).filter(is_outside).collect()
    }
}

/// The module that `--part` names to have the DenseNet alone.
pub(in crate::weights) fn part_of(last_norm: &str) -> &str {
    let features = last_norm.rsplit_once('.').map_or("", |(module, _)| module);
    match features.strip_suffix("features").map(|owner| owner.trim_end_matches('.')) {
        Some(owner) if !owner.is_empty() => owner,
        _ => features,
    }
}
