//! One module of a larger network.

use std::collections::BTreeSet;

use super::names;
use super::source::Entry;
use crate::nearest::nearest;

/// Keeps the entries of the module `part`, and says what was left out. The module may lie in wrappers, as `state_dict` and
/// `model` are.
pub(super) fn keep(entries: &mut Vec<Entry>, part: &str) -> Result<String, String> {
    let part = part.trim_matches('.');
    let beginnings: BTreeSet<String> = entries.iter().filter_map(|entry| beginning(&entry.name, part)).collect();
    // The outermost: `model.encoder` rather than a module `encoder` of its own decoder.
    let depth = |beginning: &&String| beginning.matches('.').count();
    let Some(least) = beginnings.iter().min_by_key(depth) else { return Err(no_part(entries, part)) };
    let others: Vec<&String> = beginnings.iter().filter(|other| depth(other) == depth(&least)).collect();
    if let [first, second, ..] = others[..] {
        return Err(format!("two parts are called '{part}': write '{}' or '{}'", trimmed(first), trimmed(second)));
    }
    let least = least.clone();
    let before = entries.len();
    entries.retain(|entry| entry.name.starts_with(&least));
    Ok(format!("{} tensors outside of '{}'", before - entries.len(), trimmed(&least)))
}

fn trimmed(beginning: &str) -> &str {
    beginning.trim_end_matches('.')
}

/// The beginning of a name up to the segments of `part`, with a dot at its end.
fn beginning(name: &str, part: &str) -> Option<String> {
    if part.is_empty() {
        return None;
    }
    let wanted = format!("{part}.");
    let starts = std::iter::once(0).chain(name.match_indices('.').map(|(at, _)| at + 1));
    starts.into_iter().find(|&at| name[at..].starts_with(&wanted)).map(|at| name[..at + wanted.len()].to_string())
}

fn no_part(entries: &[Entry], part: &str) -> String {
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut parts: Vec<&str> = names::parts(&names);
    let holds = match &parts[..] {
        [] => String::new(),
        parts => format!("; it has a DenseNet in '{}'", parts.join("' and in '")),
    };
    parts.extend(names.iter().filter_map(|name| name.split('.').next()));
    let near = nearest(part, parts).unwrap_or_default();
    format!("no part '{part}' in this file: the nearest is '{near}'{holds}")
}
