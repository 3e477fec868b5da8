//! The order that names give. Siblings that differ only in their numbers come in the order of the numbers, others in any
//! order. The order is kept as a tree of modules, from which layers are taken one by one.

use std::collections::BTreeMap;

/// What decides which layers come before others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The file's own order, of all layers.
    File,
    /// Numbers in names: `dense1` before `dense2`, `layers.3` before `layers.10`, `bn1` before `bn2`.
    Names,
    /// Names that are only a number, as in lists; `convs1.0` and `convs2.0` come in any order.
    Lists,
}

/// Which names are alike: modules of one key should do the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Numbers count in the last segment only: `dense2.5.bn1` is like `dense1.0.bn1`, not like `dense1.0.bn2`.
    LastNumbers,
    /// Numbers count unless they are the whole segment: `bns1.7` is like `bns1.8`, not like `bns2.7`.
    WordNumbers,
}

impl Key {
    pub(super) fn of(self, name: &str) -> String {
        let last = name.split('.').count() - 1;
        let segments = name.split('.').enumerate().map(|(at, segment)| match self {
            Key::LastNumbers if at == last => segment.to_string(),
            Key::LastNumbers => template(segment).0,
            Key::WordNumbers if is_number(segment) => "#".into(),
            Key::WordNumbers => segment.to_string(),
        });
        segments.collect::<Vec<_>>().join(".")
    }
}

fn is_number(segment: &str) -> bool {
    !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit())
}

/// A segment's text with `#` for its numbers, and the numbers.
fn template(segment: &str) -> (String, Vec<u64>) {
    let (mut text, mut numbers) = (String::new(), Vec::new());
    let mut rest = segment;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[at..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - at);
        text.push_str(&rest[..at]);
        text.push('#');
        numbers.push(rest[at..at + digits].parse().unwrap_or(u64::MAX));
        rest = &rest[at + digits..];
    }
    text.push_str(rest);
    (text, numbers)
}

/// The modules of a file, some of which are taken.
pub(super) struct Tree {
    nodes: Vec<Node>,
    /// For each layer the nodes from the root to it.
    paths: Vec<Vec<usize>>,
}

#[derive(Default)]
struct Node {
    /// Layers in this module, and how many of them are not taken.
    total: usize,
    left: usize,
    /// Each in the order in which they are taken.
    series: Vec<Vec<usize>>,
    layer: Option<usize>,
}

/// While the tree grows: children by template, then by their numbers and, for `01` beside `1`, their text.
type Children<'a> = BTreeMap<String, BTreeMap<(Vec<u64>, &'a str), usize>>;

impl Tree {
    pub(super) fn new(names: &[&str], order: Order) -> Self {
        let mut nodes = vec![Node::default()];
        let mut children: Vec<Children> = vec![Children::new()];
        let mut paths = Vec::with_capacity(names.len());
        for (layer, &name) in names.iter().enumerate() {
            let mut path = vec![0];
            if order == Order::File {
                let numbered = children[0].entry(String::new()).or_default();
                numbered.insert((vec![layer as u64], ""), nodes.len());
                path.push(nodes.len());
                nodes.push(Node::default());
                children.push(Children::new());
            } else {
                for segment in name.split('.') {
                    let parent = path[path.len() - 1];
                    let (key, numbers) = match order {
                        Order::Lists if !is_number(segment) => (segment.to_string(), Vec::new()),
                        _ => template(segment),
                    };
                    let next = nodes.len();
                    let node = *children[parent].entry(key).or_default().entry((numbers, segment)).or_insert(next);
                    if node == next {
                        nodes.push(Node::default());
                        children.push(Children::new());
                    }
                    path.push(node);
                }
            }
            for &node in &path {
                nodes[node].total += 1;
                nodes[node].left += 1;
            }
            nodes[path[path.len() - 1]].layer = Some(layer);
            paths.push(path);
        }
        for (node, children) in nodes.iter_mut().zip(children) {
            node.series = children.into_values().map(|series| series.into_values().collect()).collect();
        }
        Tree { nodes, paths }
    }

    pub(super) fn take(&mut self, layer: usize) {
        for &node in &self.paths[layer] {
            self.nodes[node].left -= 1;
        }
    }

    pub(super) fn put_back(&mut self, layer: usize) {
        for &node in &self.paths[layer] {
            self.nodes[node].left += 1;
        }
    }

    /// The layers that may come next. `work` counts the nodes that were visited.
    pub(super) fn available(&self, work: &mut usize) -> Vec<usize> {
        let mut layers = Vec::new();
        let mut open = vec![0];
        while let Some(node) = open.pop() {
            let node = &self.nodes[node];
            *work += 1 + node.series.len();
            if let Some(layer) = node.layer {
                // A module with children may be a layer too.
                let below: usize = node.series.iter().flatten().map(|&child| self.nodes[child].left).sum();
                *work += node.total;
                layers.extend((node.left > below).then_some(layer));
            }
            open.extend(node.series.iter().filter_map(|series| {
                let next = series.partition_point(|&child| self.nodes[child].left == 0);
                series.get(next).copied()
            }));
        }
        layers.sort_unstable();
        layers
    }

    /// Whether some module holds these layers and no others.
    pub(super) fn stand_alone(&self, layers: &[usize]) -> bool {
        let Some((&first, others)) = layers.split_first() else { return false };
        let first = &self.paths[first];
        let shared =
            others.iter().map(|&other| first.iter().zip(&self.paths[other]).take_while(|(a, b)| a == b).count());
        let depth = shared.min().unwrap_or(first.len());
        self.nodes[first[depth - 1]].total == layers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of_taking(names: &[&str], order: Order) -> Vec<Vec<&'static str>> {
        // Leaked, so that results outlive the names: a test's few bytes.
        let names: Vec<&'static str> = names.iter().map(|name| &*name.to_string().leak()).collect();
        let mut tree = Tree::new(&names, order);
        let mut taken = Vec::new();
        loop {
            let available = tree.available(&mut 0);
            let Some(&first) = available.first() else { return taken };
            taken.push(available.iter().map(|&layer| names[layer]).collect());
            tree.take(first);
        }
    }

    #[test]
    fn numbers_order_and_words_do_not() {
        let taken = order_of_taking(&["fc", "b10.x", "b9.x2", "b9.x1"], Order::Names);
        assert_eq!(taken, [vec!["fc", "b9.x1"], vec!["b9.x1"], vec!["b9.x2"], vec!["b10.x"]]);
        let taken = order_of_taking(&["b.1", "c1.0", "c2.0", "b.0"], Order::Lists);
        assert_eq!(taken[0], ["c1.0", "c2.0", "b.0"]);
        let taken = order_of_taking(&["b", "a", "c"], Order::File);
        assert_eq!(taken, [["b"], ["a"], ["c"]]);
        // A module that is a layer and holds others.
        let taken = order_of_taking(&["a", "a.b"], Order::Names);
        assert_eq!(taken, [vec!["a", "a.b"], vec!["a.b"]]);
    }

    #[test]
    fn layers_stand_alone_where_a_module_holds_nothing_else() {
        let tree = Tree::new(&["d.0.bn", "d.0.conv", "d.1.bn", "d.1.conv", "bn"], Order::Names);
        assert!(tree.stand_alone(&[0, 1]) && tree.stand_alone(&[4]) && tree.stand_alone(&[0, 1, 2, 3]));
        assert!(!tree.stand_alone(&[0, 3]) && !tree.stand_alone(&[0, 1, 2]));
    }

    #[test]
    fn keys_forget_the_numbers_of_places() {
        assert_eq!(Key::LastNumbers.of("dense12.3.bn1"), "dense#.#.bn1");
        assert_eq!(Key::WordNumbers.of("dense12.3.bn1"), "dense12.#.bn1");
        assert_eq!(Key::WordNumbers.of("bns1.7"), "bns1.#");
        assert_eq!(template("b01_l2"), ("b#_l#".into(), vec![1, 2]));
    }
}
