//! What tensors must satisfy to make up a network, and what to say where they do not.

use std::collections::{BTreeMap, BTreeSet};

use super::tensor::Tensor;
use crate::architecture::{Architecture, Parameter};
use crate::nearest::nearest;
use crate::pause::Pause;

/// Every parameter is there, in its shape, and nothing else is. The reason names the first that is wrong.
pub(super) fn shapes<'a>(
    parameters: &[Parameter],
    tensors: impl Iterator<Item = (&'a str, &'a [usize])>,
) -> Result<(), String> {
    let found: BTreeMap<&str, &[usize]> = tensors.collect();
    let expected: BTreeSet<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
    let extra: Vec<&str> = found.keys().copied().filter(|name| !expected.contains(name)).collect();
    let missing: Vec<&Parameter> = parameters.iter().filter(|p| !found.contains_key(p.name.as_str())).collect();
    let others = |n: usize| if n > 1 { format!(" (and {} more)", n - 1) } else { String::new() };
    if let Some(first) = missing.first() {
        // An unused name is probably a misspelling. Without one, the nearest of all names shows what the file holds.
        let pool = if extra.is_empty() { found.keys().copied().collect() } else { extra };
        let near = nearest(&first.name, pool).map(|n| format!("; the nearest there is '{n}'"));
        return Err(format!(
            "tensor '{}' of shape {:?} is missing{}{}",
            first.name,
            first.shape,
            others(missing.len()),
            near.unwrap_or_default()
        ));
    }
    for parameter in parameters {
        let shape = found[parameter.name.as_str()];
        if shape != parameter.shape {
            return Err(format!("tensor '{}' has shape {shape:?}, expected {:?}", parameter.name, parameter.shape));
        }
    }
    if let Some(first) = extra.first() {
        let near = nearest(first, expected.iter().copied()).unwrap_or_default();
        return Err(format!(
            "tensor '{first}' of shape {:?} has no place in this network{}; the nearest name that has is '{near}'",
            found[first],
            others(extra.len())
        ));
    }
    Ok(())
}

/// As many elements as the shape says, all finite, no variance below zero.
pub(super) async fn values(tensors: &BTreeMap<String, Tensor>, pause: &Pause) -> Result<(), String> {
    let found = pause.each(tensors, |(name, tensor)| value(name, tensor)).await;
    found.into_iter().flatten().next().map_or(Ok(()), Err)
}

fn value(name: &str, tensor: &Tensor) -> Option<String> {
    let count = tensor.shape.iter().product::<usize>();
    if tensor.data.len() != count {
        return Some(format!("tensor '{name}' of shape {:?} holds {} elements", tensor.shape, tensor.data.len()));
    }
    if let Some(at) = tensor.data.iter().position(|x| !x.is_finite()) {
        return Some(format!("tensor '{name}' holds {} at element {at}: weights must be finite", tensor.data[at]));
    }
    if name.ends_with(".running_var")
        && let Some(at) = tensor.data.iter().position(|&x| x < 0.0)
    {
        return Some(format!(
            "tensor '{name}' holds {} at element {at}: a variance is never negative",
            tensor.data[at]
        ));
    }
    None
}

/// One label for each class.
pub(super) fn labels(architecture: &Architecture, labels: &[String]) -> Result<(), String> {
    match architecture.classes() {
        Some(classes) if classes == labels.len() => Ok(()),
        Some(classes) => Err(format!("{} labels for {classes} classes: one for each is expected", labels.len())),
        None => Err(format!("{} labels for a network without a classifier", labels.len())),
    }
}
