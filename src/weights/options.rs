//! What a caller states about a file.

use super::head::HeadSpec;
use super::order::ChannelOrder;
use crate::architecture::{Activation, Architecture};
use crate::picture::Preprocessing;

/// What checks, completes or overrides a file's own statements.
///
/// ```
/// use densenet_wgpu::weights::{ChannelOrder, OpenOptions};
///
/// let options = OpenOptions::default().eps(1.1e-5).channel_order(ChannelOrder::NewFirst);
/// ```
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Must agree with the file's tensors and metadata, and fills in what they leave open.
    pub architecture: Option<Architecture>,
    /// Batch norm epsilon in place of the file's.
    pub eps: Option<f64>,
    /// Activation in place of the file's.
    pub activation: Option<Activation>,
    /// Where new channels are in the file's concatenations.
    pub channel_order: Option<ChannelOrder>,
    /// The layers between pooling and outputs, which a file of parameters does not tell. Those that have parameters must be
    /// the file's.
    pub head: Option<HeadSpec>,
    /// A module of a larger network, such as `encoder`: the DenseNet in it is read alone, without a classifier.
    pub part: Option<String>,
    /// Preprocessing in place of the file's.
    pub preprocessing: Option<Preprocessing>,
    /// Class names in place of the file's: one for each class.
    pub labels: Option<Vec<String>>,
}

impl OpenOptions {
    /// Sets [`architecture`](Self::architecture).
    #[must_use]
    pub fn architecture(mut self, architecture: impl Into<Option<Architecture>>) -> Self {
        self.architecture = architecture.into();
        self
    }

    /// Sets [`eps`](Self::eps).
    #[must_use]
    pub fn eps(mut self, eps: impl Into<Option<f64>>) -> Self {
        self.eps = eps.into();
        self
    }

    /// Sets [`activation`](Self::activation).
    #[must_use]
    pub fn activation(mut self, activation: impl Into<Option<Activation>>) -> Self {
        self.activation = activation.into();
        self
    }

    /// Sets [`channel_order`](Self::channel_order).
    #[must_use]
    pub fn channel_order(mut self, order: impl Into<Option<ChannelOrder>>) -> Self {
        self.channel_order = order.into();
        self
    }

    /// Sets [`head`](Self::head).
    #[must_use]
    pub fn head(mut self, head: impl Into<Option<HeadSpec>>) -> Self {
        self.head = head.into();
        self
    }

    /// Sets [`part`](Self::part).
    #[must_use]
    pub fn part(mut self, part: impl Into<Option<String>>) -> Self {
        self.part = part.into();
        self
    }

    /// Sets [`preprocessing`](Self::preprocessing).
    #[must_use]
    pub fn preprocessing(mut self, preprocessing: impl Into<Option<Preprocessing>>) -> Self {
        self.preprocessing = preprocessing.into();
        self
    }

    /// Sets [`labels`](Self::labels).
    #[must_use]
    pub fn labels(mut self, labels: impl Into<Option<Vec<String>>>) -> Self {
        self.labels = labels.into();
        self
    }
}
