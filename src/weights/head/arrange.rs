//! The orders in which layers fit, the likeliest first.
//!
//! The children of a Sequential stand one behind the other by their numbers, or side by side where they are a list. Those of any
//! other module stand in an order in which widths fit: all one behind the other, or the last ones side by side.

use super::pieces::{Arrangement, Gap, Item, Kind, Module};
use super::tree::{Node, order};

/// How many steps are tried. The head of a person has a handful of layers.
const BUDGET: usize = 5000;

/// Orders beyond these are as good as none.
const MAX_FOUND: usize = 12;

/// Layers from one width to another.
#[derive(Clone, Debug, Default)]
struct Block {
    found: Arrangement,
    /// Of the shared layers.
    outputs: usize,
}

struct Search<'m, 'a> {
    modules: &'m [Module<'a>],
    budget: usize,
}

/// All orders of the layers below `root`, which read a vector of `width` values, and the length of the vector that the shared
/// ones yield. `start` is the number that comes first where the root is a Sequential that the DenseNet itself stands in.
pub(super) fn arrange(modules: &[Module], root: &Node, width: usize, start: usize) -> Vec<(Arrangement, usize)> {
    let mut search = Search { modules, budget: BUDGET };
    search.node(root, width, start).into_iter().map(|block| (block.found, block.outputs)).collect()
}

impl Search<'_, '_> {
    fn node(&mut self, node: &Node, width: usize, start: usize) -> Vec<Block> {
        self.budget = self.budget.saturating_sub(1);
        if self.budget == 0 {
            return Vec::new();
        }
        if let Some(layer) = node.layer {
            return self.layer(layer, width).into_iter().collect();
        }
        if node.sequence {
            let numbers: Vec<usize> = (0..node.children.len()).collect();
            return self.sequence(node, &numbers, width, 0).into_iter().collect();
        }
        match node.numbers() {
            Some(numbers) => self.numbered(node, &numbers, width, start),
            None => self.named(node, width),
        }
    }

    fn layer(&self, layer: usize, width: usize) -> Option<Block> {
        let module = &self.modules[layer];
        module.inputs().is_none_or(|inputs| inputs == width).then(|| {
            let shared = vec![Item { module: layer, before: Gap::default() }];
            Block { found: Arrangement { shared, ..Arrangement::default() }, outputs: module.outputs(width) }
        })
    }

    /// One behind the other by their numbers, or side by side.
    fn numbered(&mut self, node: &Node, numbers: &[usize], width: usize, start: usize) -> Vec<Block> {
        let chain = self.sequence(node, numbers, width, start);
        let children: Vec<&Node> = node.children.iter().collect();
        // A list counts its members, and each has parameters.
        let is_list = numbers.iter().copied().eq(0..numbers.len());
        let list = if is_list { self.side_by_side(&children, width) } else { None };
        let doubt = list.is_some().then(|| format!("'{}' is a Sequential, not a list of outputs", node.path));
        let chain = chain.map(|block| Block { found: Arrangement { doubt, ..block.found }, ..block });
        chain.into_iter().chain(list).collect()
    }

    /// By number, without a choice.
    fn sequence(&mut self, node: &Node, numbers: &[usize], width: usize, start: usize) -> Option<Block> {
        let mut whole = Block { outputs: width, ..Block::default() };
        let (mut next, mut after_layer) = (start, true);
        for (child, &number) in node.children.iter().zip(numbers) {
            let between = next..number;
            if number < next {
                return None;
            }
            let name = |n: usize| if node.path.is_empty() { n.to_string() } else { format!("{}.{n}", node.path) };
            // Of a module, the last layers leave no trace if they have no parameters.
            let gap = Gap { hidden: between.map(name).collect(), unseen: !after_layer };
            let block = self.node(child, whole.outputs, 0).into_iter().next()?;
            whole = joined(whole, block, gap)?;
            (next, after_layer) = (number + 1, child.layer.is_some() || child.sequence);
        }
        Some(whole)
    }

    /// Outputs that read the same vector.
    fn side_by_side(&mut self, children: &[&Node], width: usize) -> Option<Block> {
        if children.len() < 2 {
            return None;
        }
        let mut branches = Vec::new();
        for child in children {
            let block = self.node(child, width, 0).into_iter().find(|block| block.found.branches.is_empty())?;
            if !block.found.shared.iter().any(|item| self.modules[item.module].is_linear()) {
                return None;
            }
            branches.push((output_name(child.segment), block.found.shared));
        }
        Some(Block { found: Arrangement { branches, ..Arrangement::default() }, outputs: width })
    }

    /// Every order in which widths fit: those without branches first, by the order of the names.
    fn named(&mut self, node: &Node, width: usize) -> Vec<Block> {
        let (mut chains, mut forks) = (Vec::new(), Vec::new());
        let children: Vec<&Node> = node.children.iter().collect();
        let begin = Block { outputs: width, ..Block::default() };
        self.extend(begin, &mut Vec::new(), &children, &mut chains, &mut forks);
        let first = chains.first().map(|(_, order)| order.clone()).unwrap_or_default();
        if let Some((_, second)) = chains.iter().find(|(_, order)| *order != first) {
            let shown = |order: &[&str]| order.iter().map(|s| format!("'{s}'")).collect::<Vec<_>>().join(", ");
            let unclear = !is_numbered(&first) || self.has_slope(&children);
            let text = format!("{} or {}", shown(&first), shown(second));
            let found = &mut chains[0].0.found;
            match unclear {
                true => found.unclear = Some(format!("its layers fit in several orders: {text}")),
                false => found.doubt = Some(format!("the order of the numbers in the names: {text} fit")),
            }
        }
        let chains = chains.into_iter().map(|(block, _)| block);
        chains.chain(forks).take(MAX_FOUND).collect()
    }

    fn has_slope(&self, children: &[&Node]) -> bool {
        let is_slope = |layer: usize| matches!(self.modules[layer].kind, Kind::Slope { .. });
        children.iter().any(|child| child.layer.is_some_and(is_slope))
    }

    fn extend<'n>(
        &mut self,
        so_far: Block,
        taken: &mut Vec<&'n str>,
        left: &[&Node<'n>],
        chains: &mut Vec<(Block, Vec<&'n str>)>,
        forks: &mut Vec<Block>,
    ) {
        if left.is_empty() {
            chains.push((so_far, taken.clone()));
            return;
        }
        if chains.len() + forks.len() >= MAX_FOUND || self.budget == 0 {
            return;
        }
        for (at, child) in left.iter().enumerate() {
            let rest: Vec<&Node> =
                left.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, node)| *node).collect();
            for block in self.node(child, so_far.outputs, 0) {
                let gap = if taken.is_empty() { Gap::default() } else { Gap::unseen() };
                let is_last = rest.is_empty();
                if let Some(joined) = joined(so_far.clone(), block, gap)
                    && (is_last || joined.found.branches.is_empty())
                {
                    taken.push(child.segment);
                    self.extend(joined, taken, &rest, chains, forks);
                    taken.pop();
                }
            }
        }
        if let Some(fork) = self.side_by_side(left, so_far.outputs) {
            let mut ordered = fork;
            ordered.found.branches.iter_mut().for_each(|(_, track)| {
                if let (Some(first), false) = (track.first_mut(), taken.is_empty()) {
                    first.before.unseen = true;
                }
            });
            forks.extend(joined(so_far, ordered, Gap::default()));
        }
    }
}

/// Whether every name has a number, and numbers are in order.
fn is_numbered(names: &[&str]) -> bool {
    names.iter().all(|name| order(name).0.is_some()) && names.windows(2).all(|pair| order(pair[0]) < order(pair[1]))
}

/// One block behind another; none where the first ends in several outputs.
fn joined(first: Block, second: Block, gap: Gap) -> Option<Block> {
    if !first.found.branches.is_empty() {
        return None;
    }
    let Block { found: mut all, .. } = first;
    let Block { found: more, outputs } = second;
    let mut items = more.shared.into_iter();
    let mut branches = more.branches;
    if let Some(item) = items.next() {
        all.shared.push(Item { before: gap.and(item.before), ..item });
        all.shared.extend(items);
    } else {
        // What stands before several outputs stands before each.
        for (_, track) in &mut branches {
            if let Some(item) = track.first_mut() {
                item.before = gap.clone().and(std::mem::take(&mut item.before));
            }
        }
    }
    all.branches = branches;
    all.doubt = all.doubt.or(more.doubt);
    all.unclear = all.unclear.or(more.unclear);
    Some(Block { found: all, outputs })
}

/// What an architecture admits as the name of an output.
fn output_name(segment: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    segment.chars().take(60).map(plain).collect()
}
