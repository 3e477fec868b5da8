//! The likeliest head of an order of layers.

use super::super::known::Known;
use super::super::names::Scheme;
use super::between::{self, Layers};
use super::fit::{Fitted, usual};
use super::front::{Front, Reading};
use super::layout::Layout;
use super::pieces::{Arrangement, Gap, Item, Kind};
use crate::architecture::{Activation, Branch, Head, HeadLayer, Pooling};

/// What a network's own, last layer is called. Beside another one it may be left over from what the network was made of.
const GENERIC: [&str; 7] = ["classifier", "fc", "head", "linear", "last_linear", "output", "logits"];

impl Layout<'_, '_> {
    /// The likeliest head of an order, and what was assumed.
    pub(super) fn likeliest(&self, arrangement: &Arrangement) -> Result<(Fitted, Vec<String>), String> {
        let mut assumed: Vec<String> = arrangement.doubt.iter().cloned().collect();
        if let Some(class) = self.unknown {
            return Err(format!(
                "it has a module of the class '{class}', which is not known here: if one of the layers of --head does the same"
            ));
        }
        let reading = self.front(arrangement, &mut assumed)?;
        self.refuse_generic(arrangement)?;
        let (layers, branches) = self.layers(arrangement, reading.taken, &mut assumed)?;
        let modules =
            layers.iter().chain(branches.iter().flat_map(|(_, layers)| layers)).filter_map(|(_, m)| *m).collect();
        let plain = |layers: Layers| layers.into_iter().map(|(layer, _)| layer).collect::<Vec<HeadLayer>>();
        if !branches.is_empty() {
            let names: Vec<&str> = branches.iter().map(|(name, _)| name.as_str()).collect();
            let by = if self.question.order.is_empty() { "by name" } else { "as in the file" };
            assumed.push(format!("the outputs are, {by}, {}", names.join(", ")));
        }
        let branches = branches.into_iter().map(|(name, layers)| {
            let layers = plain(layers);
            Branch { name, activation: usual(&layers), layers }
        });
        let branches = branches.collect();
        let head = Head { relu: reading.relu, pooling: reading.pooling, layers: plain(layers), branches };
        Ok((Fitted { head, modules }, assumed))
    }

    fn front(&self, arrangement: &Arrangement, assumed: &mut Vec<String>) -> Result<Reading, String> {
        let Some(first) = arrangement.first(self.modules) else {
            let pooling = self.question.pooling.map_or(Pooling::Average, |(pooling, _)| pooling);
            return Ok(Reading { relu: true, pooling, taken: 0 });
        };
        let items = arrangement.tracks().find(|track| !track.is_empty()).into_iter().flatten();
        let leading: Vec<&Item> = items.take_while(|item| !self.modules[item.module].has_parameters()).collect();
        let before = leading.iter().map(|item| &item.before).chain([&first.before]);
        let front = Front {
            module: &self.modules[first.module],
            before: before.cloned().fold(Gap::default(), Gap::and),
            leading: leading.iter().map(|item| self.modules[item.module].kind).collect(),
            last_norm: self.last_norm,
            channels: self.question.trunk.last_channels(),
            stated: self.question.pooling,
            class: self.own_class(),
            unknown_names: self.question.names.scheme == Scheme::Structure,
        };
        front.reading(assumed)
    }

    /// The class of a module around the DenseNet that is somebody's own: its code may do more.
    fn own_class(&self) -> Option<&str> {
        let owner = self.last_norm.rsplitn(3, '.').nth(2).unwrap_or_default();
        let is_around = |path: &str| {
            path.is_empty() || owner == path || owner.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
        };
        self.question.known.iter().filter(|(path, _)| is_around(path)).find_map(|(_, known)| match known {
            Known::Other(class) => Some(class.as_str()),
            _ => None,
        })
    }

    fn layers(
        &self,
        arrangement: &Arrangement,
        taken: usize,
        assumed: &mut Vec<String>,
    ) -> Result<(Layers, Vec<(String, Layers)>), String> {
        let fork = (!arrangement.branches.is_empty()).then(Gap::unseen);
        let shared = &arrangement.shared[taken.min(arrangement.shared.len())..];
        let shared = between::fill(self.modules, shared, fork.as_ref(), self.defaults(), assumed)?;
        let mut branches = Vec::new();
        for (name, track) in &arrangement.branches {
            let layers = between::fill(self.modules, track, None, self.defaults(), assumed)?;
            branches.push((name.clone(), layers));
        }
        Ok((shared, branches))
    }

    /// Two outputs of which one has the name of a network's only one: it may be left over.
    fn refuse_generic(&self, arrangement: &Arrangement) -> Result<(), String> {
        let names = || arrangement.branches.iter().map(|(name, _)| name.as_str());
        match names().find(|name| GENERIC.contains(name)) {
            Some(name) => Err(format!(
                "'{}' read the same features: outputs of one network, or '{name}' or the other is left over",
                names().collect::<Vec<_>>().join("', '")
            )),
            None => Ok(()),
        }
    }

    /// A head that somebody could mean.
    pub(super) fn example(&self, arrangement: &Arrangement) -> String {
        let pool = |item: &Item| matches!(self.modules[item.module].kind, Kind::Pool(_));
        let taken = arrangement.shared.iter().rposition(pool).map_or(0, |at| at + 1);
        let (layers, branches) = self.layers(arrangement, taken, &mut Vec::new()).unwrap_or_default();
        let channels = self.question.trunk.last_channels();
        let inputs =
            arrangement.first(self.modules).and_then(|item| self.modules[item.module].inputs()).unwrap_or(channels);
        let side = (inputs / channels).isqrt();
        let pooling = match inputs / channels {
            1 => Pooling::Average,
            2 => Pooling::AverageMaximum,
            _ => Pooling::Flatten { height: side, width: side },
        };
        let plain = |layers: Layers| layers.into_iter().map(|(layer, _)| layer).collect::<Vec<HeadLayer>>();
        let branches = branches.into_iter().map(|(name, layers)| {
            let layers = plain(layers);
            Branch { name, activation: Activation::default(), layers }
        });
        Head { relu: true, pooling, branches: branches.collect(), layers: plain(layers) }.to_string()
    }
}
