//! Layers hung up by the segments of their names.

use std::collections::BTreeMap;

use super::super::known::Known;
use super::pieces::Module;

/// A module and what it contains.
#[derive(Debug)]
pub(super) struct Node<'a> {
    /// The last segment of its path.
    pub(super) segment: &'a str,
    /// Its whole path.
    pub(super) path: &'a str,
    /// A layer, by its index; or else it has children.
    pub(super) layer: Option<usize>,
    /// The file says that it is a Sequential: its children are all there, in order.
    pub(super) sequence: bool,
    /// By number where all names are numbers, else by [`order`].
    pub(super) children: Vec<Node<'a>>,
}

/// The paths of the modules whose kinds the file states, with their places in it, and whether each is a Sequential.
pub(super) type Stated<'s> = BTreeMap<&'s str, (usize, bool)>;

pub(super) fn stated(known: &[(String, Known)]) -> Stated<'_> {
    known.iter().enumerate().map(|(at, (path, known))| (path.as_str(), (at, *known == Known::Sequential))).collect()
}

impl<'a> Node<'a> {
    /// The tree of some layers below a `root`, which is empty or ends with a dot. None where a layer contains another.
    pub(super) fn of(modules: &[Module<'a>], members: &[usize], root: usize, stated: &Stated) -> Option<Node<'a>> {
        let path = members.first().map_or("", |&member| &modules[member].name[..root.saturating_sub(1)]);
        let mut top = Node { segment: "", path, layer: None, sequence: false, children: Vec::new() };
        for &member in members {
            let path = modules[member].name;
            let mut node = &mut top;
            let mut at = root.min(path.len());
            loop {
                let end = path[at..].find('.').map_or(path.len(), |dot| at + dot);
                let segment = &path[at..end];
                let found = node.children.iter().position(|child| child.segment == segment);
                let index = found.unwrap_or(node.children.len());
                if found.is_none() {
                    node.children.push(Node {
                        segment,
                        path: &path[..end],
                        layer: None,
                        sequence: false,
                        children: Vec::new(),
                    });
                }
                node = &mut node.children[index];
                if node.layer.is_some() {
                    return None;
                }
                if end == path.len() {
                    break;
                }
                at = end + 1;
            }
            if !node.children.is_empty() {
                return None;
            }
            node.layer = Some(member);
        }
        top.sort(stated);
        Some(top)
    }

    fn sort(&mut self, stated: &Stated) {
        self.sequence = stated.get(self.path).is_some_and(|(_, sequence)| *sequence);
        match self.sequence {
            true => self.children.sort_by_key(|child| stated.get(child.path).map(|(at, _)| *at)),
            false => self.children.sort_by(|a, b| order(a.segment).cmp(&order(b.segment))),
        }
        self.children.iter_mut().for_each(|child| child.sort(stated));
    }

    /// The numbers of the children, where all of them have nothing else: a Sequential or a list.
    pub(super) fn numbers(&self) -> Option<Vec<usize>> {
        let numbers: Option<Vec<usize>> = self.children.iter().map(|child| number(child.segment)).collect();
        numbers.filter(|numbers| !numbers.is_empty())
    }
}

/// A segment that is a number of a Sequential.
pub(super) fn number(segment: &str) -> Option<usize> {
    let digits = segment.bytes().all(|byte| byte.is_ascii_digit());
    // No Sequential is longer.
    segment.parse().ok().filter(|n| digits && *n < 1000)
}

/// How people number layers: by the last number of a name, and of one number the linear layer before its norm. Names without a
/// number come first.
pub(super) fn order(segment: &str) -> (Option<usize>, bool, &str) {
    let digits = segment.bytes().rev().take_while(u8::is_ascii_digit).count();
    let number = segment[segment.len() - digits..].parse().ok();
    let word = segment[..segment.len() - digits].to_ascii_lowercase();
    let norm = word.starts_with("bn") || word.contains("norm");
    (number, norm, segment)
}
