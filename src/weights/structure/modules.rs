//! Tensors gathered into layers.

use std::collections::BTreeMap;

use super::super::extras;

/// A layer's module: its path, what it is, and its tensors.
#[derive(Debug)]
pub(super) struct Module<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// Entry and canonical leaf.
    pub(super) tensors: Vec<(usize, &'static str)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// With a square kernel.
    Conv {
        output: usize,
        input: usize,
        kernel: usize,
    },
    Norm {
        channels: usize,
    },
    Linear {
        input: usize,
    },
}

/// DenseNet-264 has a seventh of it. The bound keeps the search short.
const MAX_MODULES: usize = 4096;

/// The four vectors of a batch norm.
const NORM: [(&str, &[&str]); 4] = [
    ("weight", &["weight", "gamma"]),
    ("bias", &["bias", "beta"]),
    ("running_mean", &["running_mean", "moving_mean"]),
    ("running_var", &["running_var", "moving_variance"]),
];

/// Canonical names that need no search: none for counters, their own for tensors that belong to no layer.
type Decided = Vec<Option<String>>;

/// Layers in the order of their first tensors.
pub(super) fn gather<'a>(entries: &[(&'a str, &[usize])]) -> Result<(Vec<Module<'a>>, Decided), String> {
    let mut decided = vec![None; entries.len()];
    let mut at: BTreeMap<&str, usize> = BTreeMap::new();
    let mut groups: Vec<(&'a str, Vec<usize>)> = Vec::new();
    for (entry, &(name, shape)) in entries.iter().enumerate() {
        let (module, leaf) = name.rsplit_once('.').unwrap_or(("", name));
        if leaf == "num_batches_tracked" {
            continue;
        }
        if extras::is_ignored(name, shape) {
            decided[entry] = Some(name.to_string());
            continue;
        }
        let group = *at.entry(module).or_insert(groups.len());
        if group == groups.len() {
            groups.push((module, Vec::new()));
        }
        groups[group].1.push(entry);
    }
    if groups.len() > MAX_MODULES {
        return Err(format!("it has {} layers, of which {MAX_MODULES} are read", groups.len()));
    }
    if !entries.iter().any(|(_, shape)| shape.len() == 4) {
        return Err("it has no convolutions (4-D tensors)".into());
    }
    let modules =
        groups.into_iter().map(|(name, members)| module(name, &members, entries)).collect::<Result<_, _>>()?;
    Ok((modules, decided))
}

fn module<'a>(name: &'a str, members: &[usize], entries: &[(&'a str, &[usize])]) -> Result<Module<'a>, String> {
    let of_rank = |rank: usize| members.iter().copied().filter(move |&entry| entries[entry].1.len() == rank);
    if let Some(other) = members.iter().find(|&&entry| ![1, 2, 4].contains(&entries[entry].1.len())) {
        let (name, shape) = entries[*other];
        return Err(format!("'{name}' {shape:?} is of no layer that a DenseNet has"));
    }
    let matrices: Vec<usize> = of_rank(4).chain(of_rank(2)).collect();
    let vectors: Vec<usize> = of_rank(1).collect();
    let (kind, tensors) = match matrices[..].split_first() {
        None => return norm(name, members, entries),
        Some((&weight, [])) => match *entries[weight].1 {
            [output, input, kernel, width] if kernel == width => {
                (Kind::Conv { output, input, kernel }, with_bias(weight, output, &vectors, entries)?)
            }
            [output, input] => (Kind::Linear { input }, with_bias(weight, output, &vectors, entries)?),
            ref shape => return Err(format!("'{}' {shape:?} is no convolution of a DenseNet", entries[weight].0)),
        },
        Some((_, [second, ..])) => {
            return Err(format!("'{name}' holds several weights, as '{}': no layer of a DenseNet", entries[*second].0));
        }
    };
    Ok(Module { name, kind, tensors })
}

/// A weight and, where there is one, the bias of as many outputs.
fn with_bias(
    weight: usize,
    output: usize,
    vectors: &[usize],
    entries: &[(&str, &[usize])],
) -> Result<Vec<(usize, &'static str)>, String> {
    let is_bias = |(name, shape): (&str, &[usize])| name.rsplit('.').next() == Some("bias") && *shape == [output];
    if let Some(&wrong) = vectors.iter().find(|&&entry| !is_bias(entries[entry])) {
        let (name, shape) = entries[wrong];
        return Err(format!("'{name}' {shape:?} is no bias of '{}'", entries[weight].0));
    }
    Ok(std::iter::once((weight, "weight")).chain(vectors.iter().map(|&entry| (entry, "bias"))).collect())
}

fn norm<'a>(name: &'a str, members: &[usize], entries: &[(&'a str, &[usize])]) -> Result<Module<'a>, String> {
    let channels = entries[members[0]].1[0];
    let mut tensors = Vec::new();
    for (canonical, spellings) in NORM {
        let mut found = members.iter().copied().filter(|&entry| {
            let leaf = entries[entry].0.rsplit('.').next().unwrap_or_default();
            spellings.contains(&leaf) && entries[entry].1 == [channels]
        });
        match (found.next(), found.next()) {
            (Some(entry), None) => tensors.push((entry, canonical)),
            _ => {
                let shown: Vec<String> =
                    members.iter().take(5).map(|&e| format!("'{}' {:?}", entries[e].0, entries[e].1)).collect();
                return Err(format!(
                    "{} make no batch norm: weight, bias, running_mean and running_var of one length are expected",
                    shown.join(", ")
                ));
            }
        }
    }
    if tensors.len() < members.len() {
        let extra = members.iter().find(|&&entry| tensors.iter().all(|&(used, _)| used != entry));
        let (extra, shape) = extra.map_or(("", &[][..]), |&entry| entries[entry]);
        return Err(format!("'{extra}' {shape:?} belongs to no batch norm"));
    }
    Ok(Module { name, kind: Kind::Norm { channels }, tensors })
}
