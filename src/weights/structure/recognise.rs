//! The one reading of a file's layers as a DenseNet.

use std::collections::BTreeSet;

use super::super::names::{Names, Scheme};
use super::modules::{self, Kind, Module};
use super::path::{Key, Order};
use super::places::{describe, places};
use super::search::{self, Outcome, Rules, Step};

/// The sets of rules that names may follow, the strictest first.
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

/// Finds the one network that the tensors make up. `entries` are names and shapes; `ordered` says that they are in
/// the order of the file's modules.
pub(in crate::weights) fn recognise(entries: &[(&str, &[usize])], ordered: bool) -> Result<Names, String> {
    let (modules, mut canonical) = modules::gather(entries)?;
    let heads = heads(&modules);
    let (head, layers): (Vec<&Module>, Vec<&Module>) =
        modules.iter().partition(|module| is_linear(module) || (is_norm(module) && heads.contains(parent(module))));
    let linear: Vec<&Module> = head.iter().copied().filter(|module| is_linear(module)).collect();
    // One linear layer alone says how many channels there are, unless it reads them twice, or whole maps.
    let classifier = if let [one] = linear[..] { Some(one) } else { None };
    let mut budget = search::BUDGET;
    let with_classifier = unique_reading(&layers, classifier, ordered, &mut budget);
    let steps = match (with_classifier, classifier) {
        (Err(reason), Some(_)) => unique_reading(&layers, None, ordered, &mut budget).map_err(|_| reason)?,
        (read, _) => read?,
    };
    let mut name = |module: &Module, as_what: &str| {
        for &(entry, part) in &module.tensors {
            canonical[entry] = Some(format!("{as_what}.{part}"));
        }
    };
    for (step, place) in steps.iter().zip(places(&steps)) {
        name(layers[step.module], &place);
    }
    // Which layer of a head is which is not decided here. The name must not look like one that is.
    for module in &head {
        name(module, &format!("outside.{}", module.name));
    }
    let mut notes = describe(&steps, &layers);
    let names: Vec<String> = head.iter().map(|module| format!("'{}'", module.name)).collect();
    if !names.is_empty() {
        notes.push(format!("{}: {}", if names.len() == 1 { "classifier" } else { "head" }, names.join(", ")));
    }
    Ok(Names { notes, ..Names::new(Scheme::Structure, canonical) })
}

fn is_linear(module: &Module) -> bool {
    matches!(module.kind, Kind::Linear { .. })
}

fn is_norm(module: &Module) -> bool {
    matches!(module.kind, Kind::Norm { .. })
}

fn parent<'a>(module: &Module<'a>) -> &'a str {
    module.name.rsplit_once('.').map_or("", |(parent, _)| parent)
}

/// Modules that contain linear layers and no convolutions: batch norms in them belong to a head. The whole network is none.
fn heads<'a>(modules: &[Module<'a>]) -> BTreeSet<&'a str> {
    let of = |is: fn(&Module) -> bool| modules.iter().filter(move |module| is(module)).map(parent);
    let mut heads: BTreeSet<&str> = of(is_linear).filter(|parent| !parent.is_empty()).collect();
    for convolutions in of(|module| matches!(module.kind, Kind::Conv { .. })) {
        heads.remove(convolutions);
    }
    heads
}

/// Where the file has an order it decides. Otherwise names do: all their numbers or, where these mislead, those of lists.
fn unique_reading(
    layers: &[&Module],
    classifier: Option<&Module>,
    ordered: bool,
    budget: &mut usize,
) -> Result<Vec<Step>, String> {
    let mut search = |rules: &Rules| search::search(layers, classifier, rules, budget);
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
    // Lax rules get further on a wrong way. The reason of the strict ones is the best, if they got beyond the first layer.
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
