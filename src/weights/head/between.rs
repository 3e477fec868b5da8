//! What stood between two layers that have parameters: the likeliest, and what was assumed.

use super::pieces::{Gap, Item, Kind, Module};
use crate::architecture::HeadLayer;

/// More layers without parameters than stand between two others in anyone's head.
const MAX_HIDDEN: usize = 4;

/// Layers of a track, with their modules where they have parameters.
pub(super) type Layers = Vec<(HeadLayer, Option<usize>)>;

/// The numbers that no file of parameters holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// Of the batch norms of a head.
    pub(super) eps: f64,
}

/// A track's layers. `end` is what may stand behind it, where outputs follow. What stands before the first layer is not this
/// function's; where batch norms come first, it is what stands between them and the first linear layer.
pub(super) fn fill(
    modules: &[Module],
    track: &[Item],
    end: Option<&Gap>,
    defaults: Defaults,
    assumed: &mut Vec<String>,
) -> Result<Layers, String> {
    let linear: Vec<usize> = (0..track.len()).filter(|&at| modules[track[at].module].is_linear()).collect();
    // Where an activation stands: before the layer of this index.
    let mut activations = Vec::new();
    let first = linear.first().copied().unwrap_or(track.len());
    for (at, item) in track.iter().enumerate().take(first + 1).skip(1) {
        match &item.before.hidden[..] {
            [] if item.before.unseen => {
                let name = |at: usize| modules[track[at].module].name;
                assumed.push(format!("nothing stands between '{}' and '{}'", name(at - 1), name(at)));
            }
            [] => {}
            [only] => assumed.push(format!("'{only}' is a dropout")),
            [one, .., _] => {
                assumed.push(format!("'{one}' is a ReLU"));
                activations.push(at);
            }
        }
    }
    for pair in linear.windows(2) {
        activations.extend(between(modules, track, pair[0], pair[1], None, assumed)?);
    }
    if let Some(&last) = linear.last() {
        match end {
            Some(end) => activations.extend(between(modules, track, last, track.len(), Some(end), assumed)?),
            None => nothing_hidden(track, last)?,
        }
    }
    let mut layers = Layers::new();
    for (at, item) in track.iter().enumerate() {
        if activations.contains(&at) {
            layers.push((HeadLayer::Relu, None));
        }
        layers.extend(match modules[item.module].kind {
            Kind::Linear { outputs, .. } => Some((HeadLayer::Linear { outputs }, Some(item.module))),
            Kind::Norm { eps, .. } => {
                Some((HeadLayer::BatchNorm { eps: eps.unwrap_or(defaults.eps) }, Some(item.module)))
            }
            Kind::Slope { value } => Some((HeadLayer::LeakyRelu { slope: value }, None)),
            Kind::Plain(layer) => layer.map(|layer| (layer, None)),
            // Flattening a vector changes nothing.
            Kind::Pool(None) => None,
            Kind::Pool(Some(_)) => {
                return Err(format!("'{}' pools behind layers of vectors", modules[item.module].name));
            }
        });
    }
    if activations.contains(&track.len()) {
        layers.push((HeadLayer::Relu, None));
    }
    Ok(layers)
}

/// Where the ReLU stands between the linear layers `from` and `to`: before the layer of the index returned. `to` is the length of
/// the track where outputs follow behind it.
fn between(
    modules: &[Module],
    track: &[Item],
    from: usize,
    to: usize,
    end: Option<&Gap>,
    assumed: &mut Vec<String>,
) -> Result<Option<usize>, String> {
    let gap = |at: usize| if at < track.len() { Some(&track[at].before) } else { end };
    let places: Vec<(usize, &Gap)> = (from + 1..=to).filter_map(|at| Some((at, gap(at)?))).collect();
    let hidden = || places.iter().flat_map(|(_, gap)| &gap.hidden);
    if places.iter().all(|(_, gap)| gap.is_closed()) {
        return Ok(None);
    }
    if hidden().count() > MAX_HIDDEN {
        let name = modules[track[from].module].name;
        return Err(format!("{} layers without parameters stand behind '{name}'", hidden().count()));
    }
    let is_activation = |kind: Kind| matches!(kind, Kind::Slope { .. } | Kind::Plain(Some(_)));
    let own = (from + 1..to).any(|at| is_activation(modules[track[at].module].kind));
    // Where an index is missing, something stood; else it is written behind the norm.
    let place = places.iter().find(|(_, gap)| !gap.hidden.is_empty()).or(places.last()).filter(|_| !own);
    let relu = place.and_then(|(_, gap)| gap.hidden.first());
    assumed.extend(relu.map(|name| format!("'{name}' is a ReLU")));
    if let (Some((at, _)), None) = (place, relu) {
        let name = |at: usize| track.get(at).map(|item| format!("'{}'", modules[item.module].name));
        assumed.push(match (name(at - 1), name(*at)) {
            (Some(before), Some(behind)) => format!("a ReLU stands between {before} and {behind}"),
            (before, _) => format!("a ReLU stands between {} and the outputs", before.unwrap_or_default()),
        });
    }
    let dropouts: Vec<String> = hidden().filter(|name| Some(*name) != relu).map(|name| format!("'{name}'")).collect();
    match &dropouts[..] {
        [] => {}
        [only] => assumed.push(format!("{only} is a dropout")),
        several => assumed.push(format!("{} change nothing, as a dropout does", several.join(" and "))),
    }
    Ok(place.map(|(at, _)| *at))
}

/// Behind the last linear layer a batch norm may follow, but nobody can say what stands between.
fn nothing_hidden(track: &[Item], last: usize) -> Result<(), String> {
    match track[last + 1..].iter().flat_map(|item| &item.before.hidden).next() {
        Some(name) => Err(format!("'{name}', behind the last linear layer, has no parameters and may be anything")),
        None => Ok(()),
    }
}
