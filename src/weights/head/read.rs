//! From the tensors outside of a DenseNet to its head.

use std::collections::BTreeMap;

use super::super::extras;
use super::super::known::Known;
use super::super::names::{Names, Scheme};
use super::super::source::{Entry, Number};
use super::arrange::arrange;
use super::between::{self, Defaults, Layers};
use super::fit::{Fitted, fit, usual};
use super::front::{Front, Reading};
use super::modules::{Foreign, gather, named};
use super::pieces::{Arrangement, Gap, Item, Kind, Module};
use super::place::{Placed, place};
use super::spec::HeadSpec;
use super::tree::{self, Node, Stated, number};
use crate::architecture::{Activation, Architecture, Branch, Head, HeadLayer, Pooling};

/// More layers than the head of a person has.
const MAX_MODULES: usize = 64;

/// What a network's own, last layer is called. Beside another one it may be left over from what the network was made of.
const GENERIC: [&str; 7] = ["classifier", "fc", "head", "linear", "last_linear", "output", "logits"];

/// A file, and what is stated about its head.
pub(in crate::weights) struct Question<'a> {
    pub(in crate::weights) entries: &'a [Entry<'a>],
    pub(in crate::weights) names: &'a Names,
    /// The DenseNet without a head.
    pub(in crate::weights) trunk: &'a Architecture,
    /// Modules whose kinds the file states.
    pub(in crate::weights) known: &'a [(String, Known)],
    /// Names of tensors in the order of the file.
    pub(in crate::weights) order: &'a [String],
    /// By the option for it.
    pub(in crate::weights) stated: Option<&'a HeadSpec>,
    /// By the architecture among the options.
    pub(in crate::weights) given: Option<&'a Head>,
    /// The pooling, and where it is stated.
    pub(in crate::weights) pooling: Option<(Pooling, &'static str)>,
    /// Of the head's batch norms, where nobody says.
    pub(in crate::weights) eps: f64,
}

/// A head, and its tensors.
#[derive(Debug)]
pub(in crate::weights) struct Found {
    pub(in crate::weights) head: Head,
    /// What turns logits into scores, where that was stated.
    pub(in crate::weights) activation: Option<Activation>,
    pub(in crate::weights) placed: Placed,
    /// Entries that nothing reads.
    pub(in crate::weights) unused: Vec<usize>,
    /// Entries that the head itself holds.
    pub(in crate::weights) spent: Vec<usize>,
    /// Where the head comes from.
    pub(in crate::weights) from: &'static str,
    /// What was assumed, and the option that states it; none where nothing was.
    pub(in crate::weights) warning: Option<String>,
}

/// The head of a file. None where the file has no last batch norm, which others refuse.
pub(in crate::weights) fn read(question: &Question) -> Result<Option<Found>, String> {
    let Some(last_norm) = last_norm(question) else { return Ok(None) };
    let outside = outside(question);
    let mut modules = gather(question.entries, &outside).map_err(|foreign| refused(&foreign, last_norm))?;
    let features = last_norm.rsplit_once('.').map_or("", |(features, _)| features);
    let kinds: BTreeMap<&str, &Known> = question.known.iter().map(|(path, known)| (path.as_str(), known)).collect();
    for module in &mut modules {
        if let (Kind::Norm { eps, .. }, Some(Known::BatchNorm(stated))) = (&mut module.kind, kinds.get(module.name)) {
            *eps = Some(*stated);
        }
    }
    let (plain, unknown) = named(question.known, &modules, features);
    modules.extend(plain);
    if modules.len() > MAX_MODULES {
        let (count, part) = (modules.len(), part_of(last_norm));
        return Err(format!(
            "{count} layers beside the DenseNet in '{part}': --part {part} reads it alone, for features"
        ));
    }
    let stated = tree::stated(question.known);
    let reader = Reader { question, modules: &modules, last_norm, stated, unknown };
    reader.read().map(Some)
}

/// The module of the last batch norm.
fn last_norm<'a>(question: &Question<'a>) -> Option<&'a str> {
    let canonical = question.names.canonical.iter().map(Option::as_deref);
    let at = canonical.into_iter().position(|name| name == Some("features.norm5.weight"))?;
    question.entries[at].name.rsplit_once('.').map(|(module, _)| module)
}

/// Entries that are neither the DenseNet's nor without effect.
fn outside(question: &Question) -> Vec<usize> {
    let is_outside = |&at: &usize| {
        let entry = &question.entries[at];
        let leaf = entry.name.rsplit('.').next().unwrap_or_default();
        let counts = matches!(entry.number, Number::Other(_)) && !["weight", "bias"].contains(&leaf);
        let name = question.names.canonical[at].as_deref();
        name.is_some_and(|name| !name.starts_with("features."))
            && !counts
            && !extras::is_ignored(&entry.name, &entry.shape)
    };
    (0..question.entries.len()).filter(is_outside).collect()
}

/// The module that `--part` names to have the DenseNet alone.
pub(in crate::weights) fn part_of(last_norm: &str) -> &str {
    let features = last_norm.rsplit_once('.').map_or("", |(module, _)| module);
    match features.strip_suffix("features").map(|owner| owner.trim_end_matches('.')) {
        Some(owner) if !owner.is_empty() => owner,
        _ => features,
    }
}

fn refused(foreign: &Foreign, last_norm: &str) -> String {
    let (what, part) = (&foreign.what, part_of(last_norm));
    let beside = if part.is_empty() { "the DenseNet".into() } else { format!("the DenseNet in '{part}'") };
    let alone =
        if part.is_empty() { String::new() } else { format!("; --part {part} reads the DenseNet alone, for features") };
    match foreign.on_maps {
        true => format!("part of a larger network: beside {beside}, {what}{alone}"),
        false => format!(
            "a head that is not understood: {what}, where linear layers and batch norms are expected ('{}'){alone}",
            foreign.module
        ),
    }
}

struct Reader<'q, 'a> {
    question: &'q Question<'a>,
    modules: &'q [Module<'a>],
    last_norm: &'a str,
    stated: Stated<'a>,
    /// A class without parameters that the head has.
    unknown: Option<&'a str>,
}

impl Reader<'_, '_> {
    fn read(&self) -> Result<Found, String> {
        let question = self.question;
        let arrangements = self.arrangements().into_iter().map(|arrangement| self.in_files_order(arrangement));
        let arrangements: Vec<Arrangement> = arrangements.collect();
        if let Some(spec) = question.stated {
            let (arrangement, fitted) = self.fitted(spec, &arrangements).ok_or_else(|| self.mismatch(spec))?;
            let activation = spec.activation;
            return Ok(Found { activation, ..self.found(fitted, arrangement, "option", None)? });
        }
        let given = question.given.filter(|head| !head.is_bare()).map(HeadSpec::from);
        if let Some((arrangement, fitted)) = given.and_then(|spec| self.fitted(&spec, &arrangements)) {
            return self.found(fitted, arrangement, "the architecture given", None);
        }
        let Some(arrangement) = arrangements.first() else { return Err(self.unfit()) };
        let unclear = arrangement.unclear.clone().map_or(Ok(()), Err);
        let likeliest = unclear.and_then(|()| self.likeliest(arrangement));
        let (fitted, assumed) = likeliest.map_err(|reason| {
            let example = self.example(arrangement);
            format!("its head can be read in several ways: {reason}; state it, as in --head \"{example}\"")
        })?;
        let warning = (!assumed.is_empty()).then(|| {
            format!(
                "a file of parameters does not say all about its head. Assumed: {}. --head \"{}\" states this; write what is \
                 right if it is not",
                assumed.join("; "),
                fitted.head
            )
        });
        let from = if warning.is_some() { "names and shapes, in part assumed" } else { "names and shapes" };
        self.found(fitted, arrangement, from, warning)
    }

    /// All orders of the layers, the likeliest first.
    fn arrangements(&self) -> Vec<Arrangement> {
        let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
        for at in 0..self.modules.len() {
            let depth = shared_segments(self.last_norm, self.modules[at].name);
            match groups.iter_mut().find(|(own, _)| *own == depth) {
                Some((_, members)) => members.push(at),
                None => groups.push((depth, vec![at])),
            }
        }
        // The network's own layers first.
        groups.sort_by_key(|(depth, _)| std::cmp::Reverse(*depth));
        match &groups[..] {
            [] => vec![Arrangement::default()],
            [only] => self.of_group(only, &self.widths(&only.1)).into_iter().map(|(found, _)| found).collect(),
            [own, other] => self.of_two(own, other),
            _ => Vec::new(),
        }
    }

    /// Puts the outputs of each order as the file has them, where that is known.
    fn in_files_order(&self, mut arrangement: Arrangement) -> Arrangement {
        let places: BTreeMap<&str, usize> =
            (self.question.order.iter().enumerate()).map(|(at, name)| (name.as_str(), at)).collect();
        let of_module = |module: usize| {
            let tensors = self.modules[module].tensors.iter();
            tensors.filter_map(|(entry, _)| places.get(self.question.entries[*entry].name.as_str())).min().copied()
        };
        let place = |track: &[Item]| track.iter().filter_map(|item| of_module(item.module)).min();
        arrangement.branches.sort_by_cached_key(|(_, track)| place(track));
        arrangement
    }

    fn of_group(&self, (depth, members): &(usize, Vec<usize>), widths: &[usize]) -> Vec<(Arrangement, usize)> {
        let root: usize = self.last_norm.split('.').take(*depth).map(|segment| segment.len() + 1).sum();
        let Some(tree) = Node::of(self.modules, members, root, &self.stated) else { return Vec::new() };
        // Behind the DenseNet in a Sequential that holds both.
        let own = self.last_norm.split('.').nth(*depth).and_then(number);
        if tree.sequence && self.stands_first(*depth, &tree) {
            return Vec::new();
        }
        let start = own.filter(|_| tree.numbers().is_some()).map_or(0, |own| own + 1);
        widths.iter().flat_map(|&width| arrange(self.modules, &tree, width, start)).collect()
    }

    /// The network's own layers and others': one behind the other, or the own ones are left over.
    fn of_two(&self, own: &(usize, Vec<usize>), other: &(usize, Vec<usize>)) -> Vec<Arrangement> {
        let mut all = Vec::new();
        let mut widths = self.widths(&own.1);
        if widths.is_empty() {
            widths = self.widths(&other.1);
        }
        let root: String = self.last_norm.split('.').take(other.0).collect::<Vec<_>>().join(".");
        let in_sequence = self.stated.get(root.as_str()).is_some_and(|(_, sequence)| *sequence);
        for (first, outputs) in self.of_group(own, &widths) {
            for (second, _) in self.of_group(other, &[outputs]) {
                all.extend(behind(&first, second, !in_sequence));
            }
        }
        let names: Vec<&str> = own.1.iter().map(|&module| self.modules[module].name).collect();
        for (found, _) in self.of_group(other, &self.widths(&other.1)) {
            let unclear = (!all.is_empty()).then(|| format!("'{}' may be used or left over", names[0]));
            let doubt = Some(format!("'{}' is left over, and nothing reads it", names.join("', '")));
            all.push(Arrangement { unused: own.1.clone(), doubt, unclear, ..found });
        }
        all
    }

    /// Whether a member of a Sequential comes before the DenseNet.
    fn stands_first(&self, depth: usize, tree: &Node) -> bool {
        let own: Vec<&str> = self.last_norm.split('.').take(depth + 1).collect();
        let place = |path: &str| self.stated.get(path).map(|(place, _)| *place);
        tree.children.iter().any(|child| place(child.path) < place(&own.join(".")))
    }

    /// The vectors that pooling may have made for some layers.
    fn widths(&self, members: &[usize]) -> Vec<usize> {
        let channels = self.question.trunk.last_channels();
        let inputs = members.iter().filter_map(|&module| self.modules[module].inputs());
        let mut widths: Vec<usize> = inputs.filter(|inputs| inputs % channels == 0).collect();
        widths.sort_unstable();
        widths.dedup();
        widths
    }

    fn fitted<'r>(&self, spec: &HeadSpec, all: &'r [Arrangement]) -> Option<(&'r Arrangement, Fitted)> {
        let channels = self.question.trunk.last_channels();
        let fits = |arrangement: &'r Arrangement| {
            let fitted = fit(spec, arrangement, self.modules, channels, self.defaults())?;
            Some((arrangement, fitted))
        };
        // Where several fit, one that leaves nothing over.
        let mut fitting: Vec<_> = all.iter().filter_map(fits).collect();
        fitting.sort_by_key(|(arrangement, _)| arrangement.unused.len());
        fitting.into_iter().next()
    }

    fn defaults(&self) -> Defaults {
        Defaults { eps: self.question.eps }
    }

    /// The likeliest head of an order, and what was assumed.
    fn likeliest(&self, arrangement: &Arrangement) -> Result<(Fitted, Vec<String>), String> {
        let mut assumed: Vec<String> = arrangement.doubt.iter().cloned().collect();
        if let Some(class) = self.unknown {
            return Err(format!("it has a module of the class '{class}', which is no layer of a head here"));
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

    /// The class of the module that holds the DenseNet, where it is somebody's own.
    fn own_class(&self) -> Option<&str> {
        let owner = self.last_norm.rsplitn(3, '.').nth(2).unwrap_or_default();
        self.question.known.iter().find(|(path, _)| path == owner).and_then(|(_, known)| match known {
            Known::Other(class) => Some(class.as_str()),
            _ => None,
        })
    }

    #[expect(clippy::type_complexity, reason = "shared layers, and those of each output by name")]
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

    fn found(
        &self,
        fitted: Fitted,
        arrangement: &Arrangement,
        from: &'static str,
        warning: Option<String>,
    ) -> Result<Found, String> {
        let modules: Vec<&Module> = fitted.modules.iter().map(|&module| &self.modules[module]).collect();
        let placed = place(self.question.trunk, &fitted.head, &modules)?;
        let entries = |module: usize| self.modules[module].tensors.iter().map(|(entry, _)| *entry);
        let unused = arrangement.unused.iter().flat_map(|&module| entries(module)).collect();
        // A slope is a number of the head now.
        let slopes = (0..self.modules.len()).filter(|&at| matches!(self.modules[at].kind, Kind::Slope { .. }));
        let spent = slopes.flat_map(entries).collect();
        Ok(Found { head: fitted.head, activation: None, placed, unused, spent, from, warning })
    }

    /// A head that somebody could mean.
    fn example(&self, arrangement: &Arrangement) -> String {
        let (layers, branches) = self.layers(arrangement, 0, &mut Vec::new()).unwrap_or_default();
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

    /// The layers that the file has, as a list.
    fn listed(&self) -> String {
        let all: Vec<String> = self.modules.iter().map(Module::text).collect();
        if all.is_empty() { "none".into() } else { extras::listed(&all) }
    }

    fn mismatch(&self, spec: &HeadSpec) -> String {
        format!(
            "the head stated, '{spec}', is not the file's: its layers are {}, behind {} channels",
            self.listed(),
            self.question.trunk.last_channels()
        )
    }

    fn unfit(&self) -> String {
        let part = part_of(self.last_norm);
        let alone = if part.is_empty() {
            String::new()
        } else {
            format!("; --part {part} reads the DenseNet alone, for features")
        };
        format!(
            "a head that is not understood: behind {} channels, {} do not follow each other{alone}",
            self.question.trunk.last_channels(),
            self.listed()
        )
    }
}

/// One order behind another.
fn behind(first: &Arrangement, second: Arrangement, unseen: bool) -> Option<Arrangement> {
    if !first.branches.is_empty() {
        return None;
    }
    let mut all = first.clone();
    let (mut shared, mut branches) = (second.shared, second.branches);
    let firsts = match shared.first_mut() {
        Some(item) => vec![item],
        None => branches.iter_mut().filter_map(|(_, track)| track.first_mut()).collect(),
    };
    firsts.into_iter().for_each(|item| item.before.unseen |= unseen);
    all.shared.extend(shared);
    all.doubt = all.doubt.or(second.doubt);
    all.unclear = all.unclear.or(second.unclear);
    Some(Arrangement { branches, ..all })
}

/// How many segments two paths begin with in common.
fn shared_segments(a: &str, b: &str) -> usize {
    a.split('.').zip(b.split('.')).take_while(|(a, b)| a == b).count()
}
