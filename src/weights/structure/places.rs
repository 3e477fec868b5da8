//! From the steps of a reading to canonical modules, and to lines that a person can check.

use super::modules::{Kind, Module};
use super::search::{Role, Step};
use crate::architecture::{dense_layer_name, transition_name};

/// The canonical module of each step.
pub(super) fn places(steps: &[Step]) -> Vec<String> {
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
pub(super) fn describe(steps: &[Step], layers: &[&Module]) -> Vec<String> {
    let mut groups: Vec<(String, Vec<&Module>)> = Vec::new();
    for (step, place) in steps.iter().zip(places(steps)) {
        let group = match place.split('.').nth(1).unwrap_or_default() {
            "conv0" | "norm0" => "stem",
            "norm5" => "last norm",
            other => other,
        };
        match groups.last_mut() {
            Some((last, members)) if last == group => members.push(layers[step.module]),
            _ => groups.push((group.to_string(), vec![layers[step.module]])),
        }
    }
    groups.iter().map(|(group, members)| line(group, members)).collect()
}

fn line(group: &str, members: &[&Module]) -> String {
    // Each dense layer has one of 3x3.
    let layers = members.iter().filter(|member| matches!(member.kind, Kind::Conv { kernel: 3, .. })).count();
    let count = match (group.starts_with("denseblock"), layers) {
        (true, 1) => "1 layer, ".to_string(),
        (true, layers) => format!("{layers} layers, "),
        _ => String::new(),
    };
    match members {
        [] => format!("{group}: none"),
        [only] => format!("{group}: {count}'{}'", only.name),
        [first, .., last] => format!("{group}: {count}'{}' to '{}'", first.name, last.name),
    }
}
