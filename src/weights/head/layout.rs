//! The layers outside of a DenseNet, and the orders in which they may stand behind it.

use std::collections::BTreeMap;

use super::arrange::arrange;
use super::between::Defaults;
use super::pieces::{Arrangement, Item, Module};
use super::question::Question;
use super::tree::{Node, Stated, number};

/// What an order is looked for.
pub(super) struct Layout<'q, 'a> {
    pub(super) question: &'q Question<'a>,
    pub(super) modules: &'q [Module<'a>],
    pub(super) last_norm: &'a str,
    pub(super) stated: Stated<'a>,
    /// A class without parameters that the head has.
    pub(super) unknown: Option<&'a str>,
}

impl Layout<'_, '_> {
    /// All orders of the layers, the likeliest first.
    pub(super) fn arrangements(&self) -> Vec<Arrangement> {
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
    pub(super) fn in_files_order(&self, mut arrangement: Arrangement) -> Arrangement {
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
        // In one Sequential numbers tell what stands between.
        let of_last_norm = self.last_norm.split('.').nth(other.0);
        let names = other.1.iter().map(|&module| self.modules[module].name.split('.').nth(other.0));
        let in_sequence = of_last_norm.into_iter().chain(names.flatten()).all(|segment| number(segment).is_some());
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

    pub(super) fn defaults(&self) -> Defaults {
        Defaults { eps: self.question.eps }
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
