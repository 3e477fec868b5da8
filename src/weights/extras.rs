//! Tensors that have no place in the network: some are ignored, the others are errors.

use std::collections::BTreeSet;

use super::tensor::Shapes;
use crate::architecture::Parameter;

/// How the names of modules begin that training keeps beside a network.
const TRAINING: [&str; 9] =
    ["optim", "lr_sched", "scheduler", "scaler", "grad_scaler", "amp_scaler", "criterion", "loss", "metric"];

/// Words in the names of tensors that take part in computing.
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

/// Tensors that can be left out without changing what the network computes: those of training, and vectors and single
/// numbers whose names contain no word for a parameter, such as torchxrayvision's `op_threshs` or a counter. None where a
/// parameter is missing: a tensor that seems superfluous may be that parameter, misspelt.
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
    // The exponent of a generalised mean: `pool.p`.
    let exponent = leaf == "p";
    of_training(modules)
        || (!exponent && shape.len() <= 1 && !PARTS.iter().any(|part| leaf.to_ascii_lowercase().contains(part)))
}

/// Whether a module on this path belongs to training.
pub(super) fn of_training(modules: &str) -> bool {
    modules.split('.').any(|module| {
        let module = module.to_ascii_lowercase();
        TRAINING.iter().any(|word| module.starts_with(word))
    })
}

/// Where every parameter is there, refuses further linear layers: they would belong to a head of several layers.
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
        "a head of several layers: {} beside the DenseNet; a head of one linear layer is supported: \
         save the network without its head and apply the head to the pooled features",
        listed(&extra)
    ))
}

/// The first few of a list that may be long, as text.
pub(super) fn listed(names: &[String]) -> String {
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    names[..names.len().min(3)].join(", ") + &more
}
