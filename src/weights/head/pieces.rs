//! What the steps of reading a head hand to each other.

use crate::architecture::{HeadLayer, Pooling};

/// A layer outside of the DenseNet: one with parameters, or one that a whole module names.
#[derive(Debug)]
pub(super) struct Module<'a> {
    /// Its path in the file.
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// A linear layer that the file holds as a 1x1 convolution.
    pub(super) convolution: bool,
    /// Entries, and their canonical leaves: those of a linear layer or a batch norm.
    pub(super) tensors: Vec<(usize, &'static str)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    /// Also a 1x1 convolution behind the pooling.
    Linear { inputs: usize, outputs: usize },
    /// A batch norm, with a weight and bias or without; its epsilon where the file states it.
    Norm { width: usize, eps: Option<f64> },
    /// The one slope of a PReLU, whose tensor becomes a number of the head.
    Slope { value: f64 },
    /// A layer without parameters that the file names; none where it changes nothing at inference.
    Plain(Option<HeadLayer>),
    /// Pooling that the file names, or a flattening.
    Pool(Option<Pooling>),
}

impl Module<'_> {
    /// The vector that it reads; none where any will do.
    pub(super) fn inputs(&self) -> Option<usize> {
        match self.kind {
            Kind::Linear { inputs, .. } => Some(inputs),
            Kind::Norm { width, .. } => Some(width),
            Kind::Slope { .. } | Kind::Plain(_) | Kind::Pool(_) => None,
        }
    }

    /// The vector that it yields, of one of `inputs` values.
    pub(super) fn outputs(&self, inputs: usize) -> usize {
        match self.kind {
            Kind::Linear { outputs, .. } => outputs,
            _ => inputs,
        }
    }

    pub(super) fn is_linear(&self) -> bool {
        matches!(self.kind, Kind::Linear { .. })
    }

    /// Whether it becomes a layer with parameters.
    pub(super) fn is_placed(&self) -> bool {
        matches!(self.kind, Kind::Linear { .. } | Kind::Norm { .. })
    }

    /// Whether it has tensors, or a slope.
    pub(super) fn has_parameters(&self) -> bool {
        matches!(self.kind, Kind::Linear { .. } | Kind::Norm { .. } | Kind::Slope { .. })
    }

    /// As people read it.
    pub(super) fn text(&self) -> String {
        match self.kind {
            Kind::Linear { inputs, outputs } => format!("'{}' linear {inputs} to {outputs}", self.name),
            Kind::Norm { width, .. } => format!("'{}' batch_norm of {width}", self.name),
            Kind::Slope { value } => format!("'{}' leaky_relu {value}", self.name),
            Kind::Plain(Some(layer)) => format!("'{}' {layer}", self.name),
            Kind::Pool(Some(pooling)) => format!("'{}' {pooling}", self.name),
            Kind::Plain(None) | Kind::Pool(None) => format!("'{}'", self.name),
        }
    }
}

/// What may stand before a layer, or behind the last.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Gap {
    /// Modules that a Sequential counts and the file does not hold: they have no parameters.
    pub(super) hidden: Vec<String>,
    /// Code may stand here, or modules that nothing counts.
    pub(super) unseen: bool,
}

impl Gap {
    pub(super) fn unseen() -> Self {
        Gap { hidden: Vec::new(), unseen: true }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.hidden.is_empty() && !self.unseen
    }

    /// This gap, and then that one.
    pub(super) fn and(mut self, other: Gap) -> Gap {
        self.hidden.extend(other.hidden);
        Gap { hidden: self.hidden, unseen: self.unseen || other.unseen }
    }
}

/// A layer in its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Index among the modules.
    pub(super) module: usize,
    /// What may stand before it.
    pub(super) before: Gap,
}

/// Layers one behind the other.
pub(super) type Track = Vec<Item>;

/// An order of all layers: shared ones, then those of each output.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Arrangement {
    pub(super) shared: Track,
    pub(super) branches: Vec<(String, Track)>,
    /// Modules that nothing reads.
    pub(super) unused: Vec<usize>,
    /// The order is not the only one that widths and names admit: what else, in words.
    pub(super) doubt: Option<String>,
    /// No order is likeliest: why.
    pub(super) unclear: Option<String>,
}

impl Arrangement {
    /// The first layer that has parameters.
    pub(super) fn first(&self, modules: &[Module]) -> Option<&Item> {
        self.tracks().flatten().find(|item| modules[item.module].has_parameters())
    }

    pub(super) fn tracks(&self) -> impl Iterator<Item = &Track> {
        std::iter::once(&self.shared).chain(self.branches.iter().map(|(_, track)| track))
    }

    /// The layers in order.
    pub(super) fn modules(&self) -> impl Iterator<Item = usize> {
        self.tracks().flatten().map(|item| item.module)
    }
}
