//! Why a graph is no DenseNet.

use super::node::NodeId;

/// A reason, and the node that it is about where that is another than the one at hand.
pub(super) struct Refusal(pub(super) Option<NodeId>, pub(super) String);

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Refusal(None, reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Refusal(None, reason.into())
    }
}
