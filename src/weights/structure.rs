//! Names nobody has seen: the network recognised by the shapes of its tensors.
//!
//! Tensors are gathered to layers (modules.rs). Each convolution and batch norm must then have exactly one place in a
//! DenseNet: search.rs walks the grammar `stem, [norm], blocks of (norm, 1x1, norm, 3x3) or (norm, 3x3), (norm, 1x1)
//! between them, norm, classifier`, where the number of channels at hand says which layers may come next, and the order
//! of the names (path.rs) which of those may. Where shapes and numbering leave several readings, the regularity of
//! names is asked: that a dense layer's modules stand together, and that what is called the same does the same. A
//! reading is accepted if it is the only one that keeps some set of these rules, and no set singles out another.
//!
//! What shapes cannot tell: where a concatenation's new channels stand (order.rs asks the running statistics), the
//! stem's stride, padding and pooling, and epsilon.

mod modules;
mod path;
mod search;

use std::collections::BTreeMap;

use crate::architecture::{dense_layer_name, transition_name};

use modules::{Kind, Module};
use path::{Key, Order};
use search::{Outcome, Role, Rules, Step};

/// A file's tensors, recognised.
#[derive(Debug)]
pub(super) struct Reading {
    /// For each entry its canonical name, or none where it holds nothing that inference needs.
    pub(super) canonical: Vec<Option<String>>,
    /// What was recognised, for a person to check.
    pub(super) notes: Vec<String>,
}

/// The sets of rules that names may keep, from the strictest to the laxest.
fn rules_of_names() -> impl Iterator<Item = Rules> {
    let standing_alone = [(true, true), (true, false), (false, false)];
    standing_alone.into_iter().flat_map(|(layers, transitions)| {
        [Some(Key::LastNumbers), Some(Key::WordNumbers), None].map(|keys| Rules {
            order: Order::Names,
            layers,
            transitions,
            keys,
        })
    })
}

/// Finds the one network that the tensors make up. `entries` are names and shapes; `ordered` says that they stand in
/// the order of the file's modules.
pub(super) fn recognise(entries: &[(&str, &[usize])], ordered: bool) -> Result<Reading, String> {
    let (modules, mut canonical) = modules::gather(entries)?;
    let (linear, layers): (Vec<&Module>, Vec<&Module>) =
        modules.iter().partition(|module| matches!(module.kind, Kind::Linear { .. }));
    let classifier = match linear[..] {
        [] => None,
        [one] => Some(one),
        [first, second, ..] => {
            return Err(format!(
                "it has {} linear layers ('{}', '{}'), a DenseNet one: save the network without its head and apply the \
                 head to the pooled features",
                linear.len(),
                first.name,
                second.name
            ));
        }
    };
    let steps = unique_reading(&layers, classifier, ordered)?;
    let mut notes = Vec::new();
    let mut name = |module: &Module, as_what: &str| {
        for &(entry, part) in &module.tensors {
            canonical[entry] = Some(format!("{as_what}.{part}"));
        }
    };
    for (step, place) in steps.iter().zip(places(&steps)) {
        name(layers[step.module], &place);
    }
    if let Some(classifier) = classifier {
        name(classifier, "classifier");
    }
    describe(&steps, &layers, &mut notes);
    notes.extend(classifier.map(|module| format!("classifier: '{}'", module.name)));
    Ok(Reading { canonical, notes })
}

/// The file's order decides where there is one; else names, whose lists alone are asked where their numbers mislead.
fn unique_reading(layers: &[&Module], classifier: Option<&Module>, ordered: bool) -> Result<Vec<Step>, String> {
    let mut budget = search::BUDGET;
    let mut search = |rules: &Rules| search::search(layers, classifier, rules, &mut budget);
    let lax = Rules { order: Order::File, layers: false, transitions: false, keys: None };
    if ordered && let Outcome::One(steps) = search(&lax) {
        return Ok(steps);
    }
    let (mut one, mut several, mut none): (Option<Vec<Step>>, _, _) = (None, None, Vec::new());
    for rules in rules_of_names() {
        match search(&rules) {
            Outcome::One(steps) => match &one {
                Some(other) if *other != steps => return Err(ambiguity(other, &steps, layers)),
                _ => one = Some(steps),
            },
            Outcome::Several(first, second) => several = several.or(Some((first, second))),
            Outcome::None(reached) => none.push((rules, reached)),
            Outcome::Exhausted => break,
        }
    }
    if let Some(steps) = one {
        return Ok(steps);
    }
    if let Some((first, second)) = several {
        return Err(ambiguity(&first, &second, layers));
    }
    if let Outcome::One(steps) = search(&Rules { order: Order::Lists, keys: Some(Key::WordNumbers), ..lax }) {
        return Ok(steps);
    }
    // Lax rules come further on a wrong way. Where strict ones get beyond the first layer they say it best.
    let best = (none.iter().find(|(rules, reached)| rules.layers && rules.keys.is_none() && reached.used > 6))
        .or(none.iter().max_by_key(|(_, reached)| reached.used));
    Err(best.map_or_else(
        || "its layers fit together in too many ways to try: name them as torchvision does".into(),
        |(_, reached)| reached.reason.clone(),
    ))
}

fn ambiguity(one: &[Step], other: &[Step], layers: &[&Module]) -> String {
    let differing = one.iter().zip(other).zip(places(one).into_iter().zip(places(other)));
    let (step, other, place, _) = differing
        .map(|((a, b), (place, other))| (a, b, place, other))
        .find(|(a, b, place, other)| a.module != b.module || place != other)
        .unwrap_or((&one[0], &other[0], String::new(), String::new()));
    format!(
        "two readings fit its shapes: '{}' or '{}' may be '{place}': rename its tensors as torchvision does",
        layers[step.module].name, layers[other.module].name
    )
}

/// The canonical module of each step.
fn places(steps: &[Step]) -> Vec<String> {
    let (mut block, mut layer) = (0, 0);
    steps
        .iter()
        .map(|step| {
            let in_layer = |part: &str| format!("{}.{part}", dense_layer_name(block, layer));
            match step.role {
                Role::Stem => "features.conv0".into(),
                Role::StemNorm => "features.norm0".into(),
                Role::Norm1 => in_layer("norm1"),
                Role::Conv1 => in_layer("conv1"),
                Role::Norm2 => in_layer("norm2"),
                Role::OnlyConv | Role::Conv2 => {
                    let place = in_layer(if step.role == Role::Conv2 { "conv2" } else { "conv1" });
                    layer += 1;
                    place
                }
                Role::TransitionNorm => format!("{}.norm", transition_name(block)),
                Role::TransitionConv => {
                    let place = format!("{}.conv", transition_name(block));
                    (block, layer) = (block + 1, 0);
                    place
                }
                Role::FinalNorm => "features.norm5".into(),
            }
        })
        .collect()
}

/// One line for the stem, each block, each transition and the last norm.
fn describe(steps: &[Step], layers: &[&Module], notes: &mut Vec<String>) {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    for (step, place) in steps.iter().zip(places(steps)) {
        let mut segments = place.split('.').skip(1);
        let group = match segments.next().unwrap_or_default() {
            "conv0" | "norm0" => "stem",
            "norm5" => "last norm",
            other => other,
        };
        match groups.last_mut() {
            Some((last, members)) if last == group => members.push(step.module),
            _ => groups.push((group.to_string(), vec![step.module])),
        }
    }
    let convolutions: BTreeMap<&str, usize> = groups
        .iter()
        .map(|(group, members)| {
            let threes = members.iter().filter(|&&m| matches!(layers[m].kind, Kind::Conv { kernel: 3, .. })).count();
            (group.as_str(), threes)
        })
        .collect();
    for (group, members) in &groups {
        let names: Vec<&str> =
            [members.first(), members.last()].into_iter().flatten().map(|&m| layers[m].name).collect();
        let count = match (group.starts_with("denseblock"), convolutions[group.as_str()]) {
            (true, 1) => "1 layer, ".to_string(),
            (true, count) => format!("{count} layers, "),
            _ => String::new(),
        };
        notes.push(match (members.len(), names[..].first(), names.last()) {
            (1, Some(first), _) => format!("{group}: {count}'{first}'"),
            (_, Some(first), Some(last)) => format!("{group}: {count}'{first}' to '{last}'"),
            _ => continue,
        });
    }
}

#[cfg(test)]
mod tests;
