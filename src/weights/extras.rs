//! Tensors of a file that the network has no place for: which are ignored, and which are an error.

use std::collections::BTreeSet;

use super::infer::Shapes;
use crate::architecture::Parameter;

/// Beginnings of modules that training keeps beside a network.
const TRAINING: [&str; 9] =
    ["optim", "lr_sched", "scheduler", "scaler", "grad_scaler", "amp_scaler", "criterion", "loss", "metric"];

/// What the name of a tensor contains that takes part in computing.
const PARTS: [&str; 13] = [
    "weight",
    "bias",
    "mean",
    "var",
    "std",
    "scale",
    "shift",
    "gain",
    "gamma",
    "beta",
    "alpha",
    "temperature",
    "kernel",
];

/// Names that can be left out without changing what the network computes: what belongs to training, and vectors and
/// single numbers that are called nothing that a network computes with, as torchxrayvision's `op_threshs` or a counter.
/// Nothing where a tensor is missing: what is left over may be that one, misspelt.
pub(super) fn ignored(parameters: &[Parameter], found: &Shapes) -> BTreeSet<String> {
    let expected: BTreeSet<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
    if expected.iter().any(|name| !found.contains_key(name)) {
        return BTreeSet::new();
    }
    let extra = found.iter().filter(|(name, _)| !expected.contains(*name));
    extra.filter(|(name, shape)| is_ignored(name, shape)).map(|(name, _)| name.to_string()).collect()
}

pub(super) fn is_ignored(name: &str, shape: &[usize]) -> bool {
    let (modules, leaf) = name.rsplit_once('.').unwrap_or(("", name));
    of_training(modules) || (shape.len() <= 1 && !PARTS.iter().any(|part| leaf.to_ascii_lowercase().contains(part)))
}

/// Whether one of the modules of a path is training's own.
pub(super) fn of_training(modules: &str) -> bool {
    modules.split('.').any(|module| {
        let module = module.to_ascii_lowercase();
        TRAINING.iter().any(|word| module.starts_with(word))
    })
}

/// Refuses a head that is no single linear layer, where all else is there.
pub(super) fn head(parameters: &[Parameter], found: &Shapes) -> Result<(), String> {
    if parameters.iter().any(|p| !found.contains_key(p.name.as_str())) {
        return Ok(());
    }
    let expected: BTreeSet<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
    let linear = |(name, shape): &(&&str, &&[usize])| shape.len() == 2 && !expected.contains(**name);
    let extra: Vec<String> = found.iter().filter(linear).map(|(name, shape)| format!("'{name}' {shape:?}")).collect();
    if extra.is_empty() {
        return Ok(());
    }
    Err(format!(
        "a head of its own: {} beside the DenseNet; one linear layer is run behind the pooling: \
         save the network without its head and apply the head to the pooled features",
        listed(&extra)
    ))
}

/// The first few of a list that may be long.
pub(super) fn listed(names: &[String]) -> String {
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    names[..names.len().min(3)].join(", ") + &more
}
