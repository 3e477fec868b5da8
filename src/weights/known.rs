//! Modules whose kinds a file states.

use crate::architecture::{HeadLayer, Pooling};

/// What a module is.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(not(feature = "pytorch"), allow(dead_code, reason = "only PyTorch's files name modules"))]
pub(super) enum Known {
    /// Its children, one behind the other.
    Sequential,
    /// A DenseNet of a library, whose code is known.
    Network,
    /// A layer of a head, without tensors.
    Layer(HeadLayer),
    /// A dropout, or an identity.
    Nothing,
    Flatten,
    /// Global pooling.
    Average,
    Maximum,
    MaximumAverage,
    /// With its epsilon.
    BatchNorm(f64),
    Convolution(Window),
    MaxPool(Window),
    AveragePool(Window),
    /// A layer whose tensors say what it is.
    WithParameters,
    /// By its class.
    Other(String),
}

/// How a convolution or a pooling goes over its input, each way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    /// None where tensors tell.
    pub(super) kernel: Option<[usize; 2]>,
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
}

impl Known {
    /// The layer of a head that it is, where it is one without tensors.
    pub(super) fn layer(&self) -> Option<HeadLayer> {
        if let Known::Layer(layer) = self { Some(*layer) } else { None }
    }

    /// The pooling that it is.
    pub(super) fn pooling(&self) -> Option<Pooling> {
        Some(match self {
            Known::Average => Pooling::Average,
            Known::Maximum => Pooling::Maximum,
            Known::MaximumAverage => Pooling::MaximumAverage,
            _ => return None,
        })
    }

    /// As errors call it.
    pub(super) fn text(&self) -> String {
        match self {
            Known::Other(class) => class.clone(),
            Known::Layer(layer) => format!("{layer:?}"),
            known => format!("{known:?}"),
        }
    }

    /// Whether it has tensors, or modules in it.
    pub(super) fn has_more(&self) -> bool {
        matches!(
            self,
            Known::Sequential | Known::Network | Known::BatchNorm(_) | Known::Convolution(_) | Known::WithParameters
        )
    }
}
