//! What a Sequential has before the DenseNet.

use std::collections::BTreeSet;

use super::super::known::Known;
use super::question::Question;
use super::tree::number;

/// A warning for each module without parameters that numbers show before the DenseNet. A module that the file names, and that
/// changes something, is refused.
pub(super) fn before(question: &Question) -> Result<Vec<String>, String> {
    let mut warnings = Vec::new();
    let common = common(question);
    let names: BTreeSet<&str> = question.entries.iter().map(|entry| entry.name.as_str()).collect();
    let mut path = String::new();
    for segment in common.split('.') {
        for place in 0..number(segment).unwrap_or_default() {
            let other = format!("{path}{place}");
            let inside = format!("{other}.");
            // Those with tensors are layers of their own, and told of elsewhere.
            if names.range(inside.as_str()..).next().is_some_and(|name| name.starts_with(&inside)) {
                continue;
            }
            match question.known.iter().find(|(path, _)| *path == other) {
                Some((_, Known::Nothing)) => {}
                Some((_, known)) => {
                    return Err(format!("'{other}' stands before the DenseNet, and what it does is not known here ({})", known.text()));
                }
                None => warnings.push(format!(
                    "'{other}' stands before the DenseNet and has no parameters: if it changes the picture, as a normalisation \
                     does, that is not done here, and --preset has to do it"
                )),
            }
        }
        path.push_str(segment);
        path.push('.');
    }
    Ok(warnings)
}

/// The path of the innermost module that holds all of the DenseNet.
fn common<'a>(question: &Question<'a>) -> &'a str {
    let own = question.entries.iter().zip(&question.names.canonical);
    let mut paths = own
        .filter(|(_, name)| name.as_deref().is_some_and(|name| name.starts_with("features.")))
        .filter_map(|(entry, _)| entry.name.rsplit_once('.').map(|(module, _)| module));
    let Some(first) = paths.next() else { return "" };
    let mut length = first.len();
    for path in paths {
        let shared =
            first.split('.').zip(path.split('.')).take_while(|(a, b)| a == b).map(|(a, _)| a.len() + 1).sum::<usize>();
        length = length.min(shared.saturating_sub(1));
    }
    &first[..length]
}
