//! Architectures as they are written down.
//!
//! The plain head is written as `classes`, as it always was, so that files stay readable in both directions; every other
//! head is written whole.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::activation::Activation;
use super::head::Head;
use super::input::InputTransform;
use super::network::Architecture;
use super::stem::Stem;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    name: String,
    input_channels: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<InputTransform>,
    stem: Stem,
    growth_rate: usize,
    layers: Vec<usize>,
    bottleneck: Option<usize>,
    transition_channels: Vec<usize>,
    eps: f64,
    #[serde(default)]
    dropout: f64,
    /// Outputs of a plain head; the inner `None` is one that ends with pooled features.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "present")]
    classes: Option<Option<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<Head>,
    #[serde(default)]
    activation: Activation,
}

/// Tells `null` from nothing.
mod present {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Option<Option<usize>>, serializer: S) -> Result<S::Ok, S::Error> {
        value.flatten().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<usize>>, D::Error> {
        Option::<usize>::deserialize(deserializer).map(Some)
    }
}

impl Serialize for Architecture {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire::from(self.clone()).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer)?.try_into().map_err(serde::de::Error::custom)
    }
}

impl TryFrom<Wire> for Architecture {
    type Error = String;

    fn try_from(wire: Wire) -> Result<Self, String> {
        let head = match (wire.classes, wire.head) {
            (Some(classes), None) => Head::linear(classes),
            (None, Some(head)) => head,
            (None, None) => return Err("missing field `classes`, or `head`".into()),
            (Some(_), Some(_)) => return Err("both `classes` and `head`: one of them is expected".into()),
        };
        Ok(Architecture {
            name: wire.name,
            input_channels: wire.input_channels,
            input: wire.input,
            stem: wire.stem,
            growth_rate: wire.growth_rate,
            layers: wire.layers,
            bottleneck: wire.bottleneck,
            transition_channels: wire.transition_channels,
            eps: wire.eps,
            dropout: wire.dropout,
            head,
            activation: wire.activation,
        })
    }
}

impl From<Architecture> for Wire {
    fn from(architecture: Architecture) -> Self {
        let classes = architecture.head.as_linear();
        Wire {
            name: architecture.name,
            input_channels: architecture.input_channels,
            input: architecture.input,
            stem: architecture.stem,
            growth_rate: architecture.growth_rate,
            layers: architecture.layers,
            bottleneck: architecture.bottleneck,
            transition_channels: architecture.transition_channels,
            eps: architecture.eps,
            dropout: architecture.dropout,
            head: classes.is_none().then_some(architecture.head),
            classes,
            activation: architecture.activation,
        }
    }
}
