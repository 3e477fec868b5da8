//! Tensors outside of the DenseNet, gathered into layers.

use std::collections::BTreeMap;

use super::super::known::Known;
use super::super::source::Entry;
use super::pieces::{Kind, Module};

/// A layer that no head has here.
#[derive(Debug)]
pub(super) struct Foreign {
    /// Its module.
    pub(super) module: String,
    /// What it is, with a tensor and its shape.
    pub(super) what: String,
    /// It works on feature maps, as decoders and detectors do.
    pub(super) on_maps: bool,
}

/// The four vectors of a batch norm, as PyTorch and Keras spell them.
const NORM: [(&str, [&str; 2]); 4] = [
    ("weight", ["weight", "gamma"]),
    ("bias", ["bias", "beta"]),
    ("running_mean", ["running_mean", "moving_mean"]),
    ("running_var", ["running_var", "moving_variance"]),
];

/// Words in the names of modules whose linear layers are no steps from features to outputs.
const SIDEWAYS: [&str; 18] = [
    "attention",
    "attn",
    "se",
    "cbam",
    "eca",
    "gate",
    "squeeze",
    "excitation",
    "lstm",
    "gru",
    "rnn",
    "transformer",
    "qkv",
    "embedding",
    "arc",
    "arcface",
    "cosface",
    "margin",
];

/// Layers by their module, in the order of the names.
pub(super) fn gather<'a>(entries: &'a [Entry], outside: &[usize]) -> Result<Vec<Module<'a>>, Foreign> {
    let mut groups: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for &entry in outside {
        let name = entries[entry].name.as_str();
        groups.entry(name.rsplit_once('.').map_or("", |(module, _)| module)).or_default().push(entry);
    }
    groups.into_iter().map(|(name, members)| module(name, &members, entries)).collect()
}

/// Layers without parameters that a whole module names, beside those `gathered`: the members of Sequentials outside of the DenseNet
/// in `features`. Also the first of a class that is not known.
pub(super) fn named<'a>(
    known: &'a [(String, Known)],
    gathered: &[Module],
    features: &str,
) -> (Vec<Module<'a>>, Option<&'a str>) {
    let kinds: BTreeMap<&str, &Known> = known.iter().map(|(path, known)| (path.as_str(), known)).collect();
    let parent = |path: &'a str| path.rsplit_once('.').map_or("", |(parent, _)| parent);
    let is_sequence = |path: &str| matches!(kinds.get(path), Some(Known::Sequential));
    // The outermost of the Sequentials that stand in each other.
    let outermost = |path: &'a str| {
        let mut top = parent(path);
        while !top.is_empty() && is_sequence(parent(top)) {
            top = parent(top);
        }
        top
    };
    let is_in = |name: &str, module: &str| {
        module.is_empty() || name.strip_prefix(module).is_some_and(|rest| rest.starts_with('.'))
    };
    let mut unknown = None;
    let mut modules = Vec::new();
    for (path, own) in known {
        let in_features = !features.is_empty() && (path == features || is_in(path, features));
        let of_head = !path.is_empty() && is_sequence(parent(path)) && !in_features && !own.has_more();
        if !of_head || !gathered.iter().any(|module| is_in(module.name, outermost(path))) {
            continue;
        }
        let kind = match own {
            Known::Flatten => Kind::Pool(None),
            Known::Other(_) if gathered.iter().any(|module| module.name == path || is_in(module.name, path)) => {
                continue;
            }
            Known::Other(class) => {
                unknown = unknown.or(Some(class.as_str()));
                Kind::Plain(None)
            }
            own => own.pooling().map_or(Kind::Plain(own.layer()), |pooling| Kind::Pool(Some(pooling))),
        };
        modules.push(Module { name: path, kind, convolution: false, tensors: Vec::new() });
    }
    (modules, unknown)
}

fn module<'a>(name: &'a str, members: &[usize], entries: &'a [Entry]) -> Result<Module<'a>, Foreign> {
    let leaf = |entry: usize| entries[entry].name.rsplit('.').next().unwrap_or_default();
    let shape = |entry: usize| entries[entry].shape.as_slice();
    let find = |wanted: &str| members.iter().copied().find(|&entry| leaf(entry) == wanted);
    if sideways(name) {
        return Err(foreign(name, members, entries, "part of an attention or the like"));
    }
    let matrix = find("weight").filter(|&weight| shape(weight).len() > 1);
    if let Some(weight) = matrix {
        let (outputs, inputs, convolution) = match *shape(weight) {
            [outputs, inputs] => (outputs, inputs, false),
            [outputs, inputs, 1, 1] => (outputs, inputs, true),
            _ => return Err(foreign(name, members, entries, "no linear layer")),
        };
        let bias = find("bias").filter(|&bias| *shape(bias) == [outputs]);
        if members.len() != 1 + usize::from(bias.is_some()) || outputs == 0 || inputs == 0 {
            return Err(foreign(name, members, entries, "no linear layer"));
        }
        let tensors = [Some((weight, "weight")), bias.map(|bias| (bias, "bias"))];
        let tensors = tensors.into_iter().flatten().collect();
        return Ok(Module { name, kind: Kind::Linear { inputs, outputs }, convolution, tensors });
    }
    if let [only] = *members
        && leaf(only) == "weight"
        && *shape(only) == [1]
        && let Ok(values) = entries[only].decode()
    {
        return Ok(Module {
            name,
            kind: Kind::Slope { value: f64::from(values[0]) },
            convolution: false,
            tensors: vec![(only, "")],
        });
    }
    norm(name, members, entries)
}

fn norm<'a>(name: &'a str, members: &[usize], entries: &'a [Entry]) -> Result<Module<'a>, Foreign> {
    let width = entries[members[0]].shape.first().copied().unwrap_or_default();
    let found = NORM.map(|(canonical, spellings)| {
        let is = |entry: &usize| {
            let leaf = entries[*entry].name.rsplit('.').next().unwrap_or_default();
            spellings.contains(&leaf) && entries[*entry].shape == [width]
        };
        members.iter().copied().find(is).map(|entry| (entry, canonical))
    });
    let what = match found {
        [Some(_), None, None, None] => "one vector, as of a PReLU of many slopes or an RMSNorm",
        [Some(_), Some(_), None, None] => "a norm without running statistics, as LayerNorm and GroupNorm",
        [_, _, Some(_), Some(_)] if found.iter().flatten().count() == members.len() && width > 0 => {
            let tensors = found.into_iter().flatten().collect();
            return Ok(Module { name, kind: Kind::Norm { width, eps: None }, convolution: false, tensors });
        }
        _ => "no linear layer and no batch norm",
    };
    Err(foreign(name, members, entries, what))
}

/// A name with a word of [`SIDEWAYS`] in it, alone or with a number.
fn sideways(name: &str) -> bool {
    name.split(['.', '_']).any(|word| {
        let word = word.trim_end_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
        SIDEWAYS.contains(&word.as_str())
    })
}

fn foreign(name: &str, members: &[usize], entries: &[Entry], what: &str) -> Foreign {
    // The largest tensor tells most.
    let entry = members.iter().map(|&entry| &entries[entry]).max_by_key(|entry| entry.shape.len());
    let (tensor, shape) = entry.map_or(("", &[][..]), |entry| (entry.name.as_str(), entry.shape.as_slice()));
    let on_maps = shape.len() == 4 && shape[2..].iter().product::<usize>() > 1;
    Foreign { module: name.into(), what: format!("'{tensor}' {shape:?} is {what}"), on_maps }
}
