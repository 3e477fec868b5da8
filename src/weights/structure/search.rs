//! The walk through a DenseNet's grammar: which layer may come next, by the channels at hand.

use std::collections::BTreeMap;

use super::modules::{Kind, Module};
use super::path::{Key, Order, Tree};

/// How many nodes may be visited in all. A regular network of 500 layers needs a hundredth; all of it takes under a
/// second, or twenty in the instrumented builds of the fuzz targets.
pub(super) const BUDGET: usize = if cfg!(fuzzing) { 1_000_000 } else { 20_000_000 };

/// What a reading must satisfy besides fitting shapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) order: Order,
    /// Some module holds the parts of a dense layer and nothing else.
    pub(super) layers: bool,
    /// The same for a transition.
    pub(super) transitions: bool,
    /// Modules with like names do the same.
    pub(super) keys: Option<Key>,
}

/// What a layer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Stem,
    StemNorm,
    Norm1,
    Conv1,
    Norm2,
    Conv2,
    /// The convolution of a dense layer without bottleneck.
    OnlyConv,
    TransitionNorm,
    TransitionConv,
    FinalNorm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) module: usize,
    pub(super) role: Role,
}

pub(super) enum Outcome {
    One(Vec<Step>),
    Several(Vec<Step>, Vec<Step>),
    None(Reached),
    /// Too many ways to try.
    Exhausted,
}

/// The furthest point of the walk.
pub(super) struct Reached {
    pub(super) used: usize,
    pub(super) reason: String,
}

/// The state of the walk after some steps.
#[derive(Clone, Copy)]
struct State {
    expected: Expected,
    /// Channels of the concatenation.
    width: usize,
    growth: Option<usize>,
    /// The inner `None`: dense layers have one convolution.
    bottleneck: Option<Option<usize>>,
    /// Dense layers of this block.
    layers: usize,
    /// The step with which the dense layer or transition began.
    unit: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    Stem,
    /// The stem's norm, or the first unit.
    StemNorm,
    /// A dense layer, a transition, or the last norm.
    Unit,
    LayerConv,
    Norm2,
    Conv2,
    TransitionConv,
    Nothing,
}

struct Frame {
    state: State,
    choices: Vec<(Step, State)>,
    next: usize,
}

/// Looks for readings until there are two.
pub(super) fn search(layers: &[&Module], classifier: Option<&Module>, rules: &Rules, budget: &mut usize) -> Outcome {
    let names: Vec<&str> = layers.iter().map(|module| module.name).collect();
    let mut tree = Tree::new(&names, rules.order);
    let mut roles = Roles::new(&names, rules.keys);
    let mut steps: Vec<Step> = Vec::new();
    let mut found: Option<Vec<Step>> = None;
    let mut furthest: Option<(Vec<Step>, State)> = None;
    let begin = State { expected: Expected::Stem, width: 0, growth: None, bottleneck: None, layers: 0, unit: 0 };
    let mut frames = vec![frame(begin, &steps, layers, &tree, budget)];
    while let Some(top) = frames.last_mut() {
        if *budget == 0 {
            return Outcome::Exhausted;
        }
        let Some(&(step, state)) = top.choices.get(top.next) else {
            if furthest.as_ref().is_none_or(|(most, _)| steps.len() > most.len()) {
                furthest = Some((steps.clone(), top.state));
            }
            frames.pop();
            if let Some(last) = steps.pop() {
                tree.put_back(last.module);
                roles.put_back(last);
            }
            continue;
        };
        top.next += 1;
        if !roles.take(step) {
            continue;
        }
        steps.push(step);
        if !stands_alone(&steps, state.unit, rules, &tree) {
            steps.pop();
            roles.put_back(step);
            continue;
        }
        tree.take(step.module);
        if state.expected == Expected::Nothing && ends_well(state.width, classifier) {
            match found.take() {
                Some(found) => return Outcome::Several(found, steps),
                None => found = Some(steps.clone()),
            }
        }
        frames.push(frame(state, &steps, layers, &tree, budget));
    }
    match found {
        Some(steps) => Outcome::One(steps),
        None => Outcome::None(reached(furthest, layers, classifier)),
    }
}

fn ends_well(width: usize, classifier: Option<&Module>) -> bool {
    classifier.is_none_or(|module| module.kind == Kind::Linear { input: width })
}

/// Whether the dense layer or transition that ends here stands alone in its module, where the rules ask for that.
fn stands_alone(steps: &[Step], unit: usize, rules: &Rules, tree: &Tree) -> bool {
    let asked = match steps.last().map(|step| step.role) {
        Some(Role::Conv2 | Role::OnlyConv) => rules.layers,
        Some(Role::TransitionConv) => rules.transitions,
        _ => false,
    };
    let members = || steps[unit..].iter().map(|step| step.module).collect::<Vec<_>>();
    !asked || tree.stand_alone(&members())
}

/// The role of each key, and how many layers have it now.
struct Roles {
    /// The key of each layer; empty where any role is allowed.
    keys: Vec<usize>,
    of_key: Vec<Option<(Role, usize)>>,
}

impl Roles {
    fn new(names: &[&str], key: Option<Key>) -> Self {
        let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
        let keys = key.map_or_else(Vec::new, |key| {
            let number = |name: &&str| {
                let next = numbers.len();
                *numbers.entry(key.of(name)).or_insert(next)
            };
            names.iter().map(number).collect()
        });
        Roles { keys, of_key: vec![None; numbers.len()] }
    }

    /// False where another layer of the same key does something else.
    fn take(&mut self, step: Step) -> bool {
        let Some(&key) = self.keys.get(step.module) else { return true };
        let (role, count) = self.of_key[key].unwrap_or((step.role, 0));
        if role == step.role {
            self.of_key[key] = Some((role, count + 1));
        }
        role == step.role
    }

    fn put_back(&mut self, step: Step) {
        if let Some(&key) = self.keys.get(step.module) {
            self.of_key[key] = self.of_key[key].filter(|(_, count)| *count > 1).map(|(role, count)| (role, count - 1));
        }
    }
}

fn frame(state: State, steps: &[Step], layers: &[&Module], tree: &Tree, budget: &mut usize) -> Frame {
    let mut work = 1;
    let available = tree.available(&mut work);
    *budget = budget.saturating_sub(work + available.len());
    let last = steps.len() + 1 == layers.len();
    let choices = available
        .into_iter()
        .flat_map(|module| {
            let options = options(&state, layers[module].kind, steps.len(), last);
            options.into_iter().flatten().map(move |(role, state)| (Step { module, role }, state))
        })
        .collect();
    Frame { state, choices, next: 0 }
}

/// What a layer of this kind may do as step number `at`. `last`: it is the only one left.
fn options(state: &State, kind: Kind, at: usize, last: bool) -> [Option<(Role, State)>; 3] {
    let State { width, growth, bottleneck, .. } = *state;
    let to = |role: Role, expected: Expected| Some((role, State { expected, ..*state }));
    let begin = |role: Role, expected: Expected| Some((role, State { expected, unit: at, ..*state }));
    match (state.expected, kind) {
        (Expected::Stem, Kind::Conv { output, kernel: 2.., .. }) => {
            [Some((Role::Stem, State { expected: Expected::StemNorm, width: output, ..*state })), None, None]
        }
        (Expected::StemNorm, Kind::Norm { channels }) if channels == width => {
            [to(Role::StemNorm, Expected::Unit), begin(Role::Norm1, Expected::LayerConv), None]
        }
        (Expected::Unit, Kind::Norm { channels }) if channels == width && last => {
            [(state.layers > 0).then(|| to(Role::FinalNorm, Expected::Nothing)).flatten(), None, None]
        }
        (Expected::Unit, Kind::Norm { channels }) if channels == width => [
            begin(Role::Norm1, Expected::LayerConv),
            (state.layers > 0).then(|| begin(Role::TransitionNorm, Expected::TransitionConv)).flatten(),
            None,
        ],
        (Expected::LayerConv, Kind::Conv { output, input, kernel: 1 })
            if input == width && bottleneck.is_none_or(|b| b == Some(output)) =>
        {
            let state = State { expected: Expected::Norm2, bottleneck: Some(Some(output)), ..*state };
            [Some((Role::Conv1, state)), None, None]
        }
        (Expected::LayerConv, Kind::Conv { output, input, kernel: 3 })
            if input == width && bottleneck.is_none_or(|b| b.is_none()) && growth.is_none_or(|g| g == output) =>
        {
            [Some((Role::OnlyConv, State { bottleneck: Some(None), ..grown(state, output) })), None, None]
        }
        (Expected::Norm2, Kind::Norm { channels }) if bottleneck == Some(Some(channels)) => {
            [to(Role::Norm2, Expected::Conv2), None, None]
        }
        (Expected::Conv2, Kind::Conv { output, input, kernel: 3 })
            if bottleneck == Some(Some(input)) && growth.is_none_or(|g| g == output) =>
        {
            [Some((Role::Conv2, grown(state, output))), None, None]
        }
        (Expected::TransitionConv, Kind::Conv { output, input, kernel: 1 }) if input == width => {
            let state = State { expected: Expected::Unit, width: output, layers: 0, ..*state };
            [Some((Role::TransitionConv, state)), None, None]
        }
        _ => [None; 3],
    }
}

/// After a dense layer that adds `growth` channels.
fn grown(state: &State, growth: usize) -> State {
    State {
        expected: Expected::Unit,
        width: state.width.saturating_add(growth),
        growth: Some(growth),
        layers: state.layers + 1,
        ..*state
    }
}

fn reached(furthest: Option<(Vec<Step>, State)>, layers: &[&Module], classifier: Option<&Module>) -> Reached {
    let Some((steps, state)) = furthest else {
        return Reached { used: 0, reason: "it has no layers".into() };
    };
    let mut used = vec![false; layers.len()];
    steps.iter().for_each(|step| used[step.module] = true);
    let left: Vec<&&Module> = layers.iter().zip(&used).filter(|(_, used)| !**used).map(|(layer, _)| layer).collect();
    let width = state.width;
    let bottleneck = state.bottleneck.flatten().unwrap_or_default();
    let expected = match state.expected {
        Expected::Stem => "a convolution of 2x2 or more".into(),
        Expected::StemNorm | Expected::Unit => format!("a batch norm of {width} channels"),
        Expected::LayerConv => match state.bottleneck {
            Some(Some(bottleneck)) => format!("a 1x1 convolution from {width} to {bottleneck} channels"),
            Some(None) => format!("a 3x3 convolution from {width} channels"),
            None => format!("a 1x1 or 3x3 convolution from {width} channels"),
        },
        Expected::Norm2 => format!("a batch norm of {bottleneck} channels"),
        Expected::Conv2 => match state.growth {
            Some(growth) => format!("a 3x3 convolution from {bottleneck} to {growth} channels"),
            None => format!("a 3x3 convolution from {bottleneck} channels"),
        },
        Expected::TransitionConv => format!("a 1x1 convolution from {width} channels"),
        Expected::Nothing => format!("a linear layer of {width} inputs"),
    };
    let after = steps.last().map_or("the input".to_string(), |step| format!("'{}'", layers[step.module].name));
    // Of what is left, the nearest by name: where a layer has a wrong shape, probably that one.
    let last = steps.last().map_or("", |step| layers[step.module].name);
    let shared = |name: &str| name.bytes().zip(last.bytes()).take_while(|(a, b)| a == b).count();
    let nearest = left.iter().rev().max_by_key(|layer| shared(layer.name));
    let rest = match (nearest, classifier) {
        (Some(layer), _) => {
            format!("{} of {} layers are left, as '{}' ({})", left.len(), layers.len(), layer.name, kind(layer.kind))
        }
        (None, Some(layer)) => format!("'{}' is {}", layer.name, kind(layer.kind)),
        (None, None) => "none is left".into(),
    };
    let reason = format!("after {after} (layer {}) {expected} is expected, and {rest}", steps.len());
    Reached { used: steps.len(), reason }
}

fn kind(kind: Kind) -> String {
    match kind {
        Kind::Conv { output, input, kernel } => {
            format!("{kernel}x{kernel} convolution from {input} to {output} channels")
        }
        Kind::Norm { channels } => format!("batch norm of {channels}"),
        Kind::Linear { input } => format!("a linear layer of {input} inputs"),
    }
}
