//! A head as a person states it.

use crate::architecture::{Activation, Head, HeadLayer, Pooling};
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// A [`Head`] in the words of its `Display`, as `--head` takes it: `relu, avg, linear 512, relu; age: linear 1; sex: linear 2`.
///
/// Widths may be left out, since tensors have them; so may the epsilon of a batch norm (1e-5), the slope of a leaky ReLU
/// (0.01) and the size of a flattened map. `dropout` may be written and is nothing. A softmax or sigmoid at the end of an output
/// turns its logits into scores: it becomes the network's [`Activation`], and logits stay logits.
///
/// ```
/// use densenet_wgpu::weights::HeadSpec;
///
/// let stated: HeadSpec = "relu, avg, linear, gelu, dropout, linear".parse()?;
/// assert_eq!(stated.to_string(), "relu, avg, linear, gelu, linear");
/// assert!("relu, avg, linaer".parse::<HeadSpec>().is_err());
/// # Ok::<(), densenet_wgpu::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct HeadSpec {
    /// Whether a ReLU follows the last batch norm.
    pub(super) relu: bool,
    pub(super) pooling: PoolingSpec,
    pub(super) layers: Vec<LayerSpec>,
    pub(super) branches: Vec<BranchSpec>,
    /// Of the only output.
    pub(super) activation: Option<Activation>,
}

/// Pooling, of which a flattened map's size may be open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum PoolingSpec {
    Stated(Pooling),
    Flatten,
}

/// A layer, of which a number may be open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum LayerSpec {
    Linear(Option<usize>),
    BatchNorm(Option<f64>),
    LeakyRelu(Option<f64>),
    Other(HeadLayer),
}

/// A named output.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct BranchSpec {
    pub(super) name: String,
    pub(super) layers: Vec<LayerSpec>,
    pub(super) activation: Option<Activation>,
}

/// The words, in the order in which errors list them.
const WORDS: [&str; 18] = [
    "relu",
    "avg",
    "max",
    "avg+max",
    "max+avg",
    "flatten",
    "linear",
    "batch_norm",
    "leaky_relu",
    "gelu",
    "gelu_tanh",
    "silu",
    "tanh",
    "sigmoid",
    "softmax",
    "log_softmax",
    "dropout",
    "identity",
];

/// Bounds on what is read.
const MAX_BYTES: usize = 8192;

/// One item between commas.
enum Item {
    Pooling(PoolingSpec),
    Layer(LayerSpec),
    Nothing,
}

impl std::str::FromStr for HeadSpec {
    type Err = Error;

    /// # Errors
    /// [`Error::Input`] with the word that is wrong and the nearest that is right.
    fn from_str(text: &str) -> Result<Self> {
        parse(text).map_err(|reason| Error::Input(format!("head '{}': {reason}", shortened(text))))
    }
}

fn shortened(text: &str) -> String {
    crate::error::one_line(text, 200)
}

fn parse(text: &str) -> Result<HeadSpec, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("{} bytes, of which {MAX_BYTES} are read", text.len()));
    }
    let mut parts = text.split(';');
    let mut items = items(parts.next().unwrap_or_default())?.into_iter();
    let mut relu = false;
    let pooling = loop {
        match items.next() {
            Some(Item::Pooling(pooling)) => break pooling,
            Some(Item::Layer(LayerSpec::Other(HeadLayer::Relu))) if !relu => relu = true,
            Some(Item::Nothing) => {}
            _ => {
                return Err(
                    "only `relu` may stand before the pooling, which is expected next: avg, max, avg+max, max+avg or \
                            flatten, as in 'relu, avg, linear'"
                        .into(),
                );
            }
        }
    };
    let mut layers = layers(items)?;
    let branches = parts.map(branch).collect::<Result<Vec<_>, _>>()?;
    let activation = if branches.is_empty() { last_activation(&mut layers) } else { None };
    Ok(HeadSpec { relu, pooling, layers, branches, activation })
}

fn branch(text: &str) -> Result<BranchSpec, String> {
    let (name, rest) = text.split_once(':').ok_or_else(|| {
        format!("'{}' names no output: a name and a colon are expected, as in '; age: linear 1'", text.trim())
    })?;
    let mut layers = layers(items(rest)?.into_iter())?;
    let activation = last_activation(&mut layers);
    Ok(BranchSpec { name: name.trim().into(), layers, activation })
}

fn layers(items: impl Iterator<Item = Item>) -> Result<Vec<LayerSpec>, String> {
    let layers = items.filter_map(|item| match item {
        Item::Layer(layer) => Some(Ok(layer)),
        Item::Nothing => None,
        Item::Pooling(_) => Some(Err("a second pooling: one is expected, before the layers".to_string())),
    });
    layers.collect()
}

/// Takes the function that turns logits into scores off the end.
fn last_activation(layers: &mut Vec<LayerSpec>) -> Option<Activation> {
    let activation = match layers.last()? {
        LayerSpec::Other(HeadLayer::Sigmoid) => Activation::Sigmoid,
        LayerSpec::Other(HeadLayer::Softmax | HeadLayer::LogSoftmax) => Activation::Softmax,
        _ => return None,
    };
    layers.pop();
    Some(activation)
}

fn items(text: &str) -> Result<Vec<Item>, String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(item).collect()
}

fn item(text: &str) -> Result<Item, String> {
    let mut words = text.split_whitespace();
    let (word, argument, more) = (words.next().unwrap_or_default(), words.next(), words.next());
    if let Some(more) = more {
        return Err(format!("'{text}': a comma is expected before '{more}'"));
    }
    let layer = |layer| Item::Layer(LayerSpec::Other(layer));
    let found = match (word.to_ascii_lowercase().as_str(), argument) {
        ("linear", width) => Item::Layer(LayerSpec::Linear(width.map(|w| width_of(w, text)).transpose()?)),
        ("batch_norm", eps) => Item::Layer(LayerSpec::BatchNorm(eps.map(|e| fraction(e, text)).transpose()?)),
        ("leaky_relu", slope) => Item::Layer(LayerSpec::LeakyRelu(slope.map(|s| fraction(s, text)).transpose()?)),
        ("flatten", None) => Item::Pooling(PoolingSpec::Flatten),
        ("flatten", Some(size)) => {
            let sides = size.split_once('x').and_then(|(h, w)| Some((h.parse().ok()?, w.parse().ok()?)));
            let (height, width) = sides.ok_or_else(|| format!("'{text}': a size such as 7x7 is expected"))?;
            Item::Pooling(PoolingSpec::Stated(Pooling::Flatten { height, width }))
        }
        // Its rate does not matter.
        ("dropout" | "identity", _) => Item::Nothing,
        (_, Some(argument)) if WORDS.contains(&word) => {
            return Err(format!("'{word}' takes nothing behind it, but '{argument}' stands there"));
        }
        ("avg", _) => Item::Pooling(PoolingSpec::Stated(Pooling::Average)),
        ("max", _) => Item::Pooling(PoolingSpec::Stated(Pooling::Maximum)),
        ("avg+max", _) => Item::Pooling(PoolingSpec::Stated(Pooling::AverageMaximum)),
        ("max+avg", _) => Item::Pooling(PoolingSpec::Stated(Pooling::MaximumAverage)),
        ("relu", _) => layer(HeadLayer::Relu),
        ("gelu", _) => layer(HeadLayer::Gelu),
        ("gelu_tanh", _) => layer(HeadLayer::GeluTanh),
        ("silu", _) => layer(HeadLayer::Silu),
        ("tanh", _) => layer(HeadLayer::Tanh),
        ("sigmoid", _) => layer(HeadLayer::Sigmoid),
        ("softmax", _) => layer(HeadLayer::Softmax),
        ("log_softmax", _) => layer(HeadLayer::LogSoftmax),
        _ => {
            let near = nearest(word, WORDS).unwrap_or_default();
            return Err(format!(
                "'{word}' is no layer of a head; the nearest is '{near}', and there are {}",
                WORDS.join(", ")
            ));
        }
    };
    Ok(found)
}

fn width_of(text: &str, item: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| format!("'{item}': a number of outputs is expected, such as 512"))
}

fn fraction(text: &str, item: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|x: &f64| (0.0..=1.0).contains(x));
    number.ok_or_else(|| format!("'{item}': a number from 0 to 1 is expected"))
}

impl From<&Head> for HeadSpec {
    /// With every number stated.
    fn from(head: &Head) -> Self {
        let layers = |layers: &[HeadLayer]| layers.iter().map(|&layer| LayerSpec::from(layer)).collect::<Vec<_>>();
        let branches = head.branches.iter().map(|branch| BranchSpec {
            name: branch.name.clone(),
            layers: layers(&branch.layers),
            activation: Some(branch.activation),
        });
        HeadSpec {
            relu: head.relu,
            pooling: PoolingSpec::Stated(head.pooling),
            layers: layers(&head.layers),
            branches: branches.collect(),
            activation: None,
        }
    }
}

impl From<HeadLayer> for LayerSpec {
    fn from(layer: HeadLayer) -> Self {
        match layer {
            HeadLayer::Linear { outputs } => LayerSpec::Linear(Some(outputs)),
            HeadLayer::BatchNorm { eps } => LayerSpec::BatchNorm(Some(eps)),
            HeadLayer::LeakyRelu { slope } => LayerSpec::LeakyRelu(Some(slope)),
            other => LayerSpec::Other(other),
        }
    }
}

impl std::fmt::Display for LayerSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LayerSpec::Linear(Some(outputs)) => HeadLayer::Linear { outputs: *outputs }.fmt(f),
            LayerSpec::BatchNorm(Some(eps)) => HeadLayer::BatchNorm { eps: *eps }.fmt(f),
            LayerSpec::LeakyRelu(Some(slope)) => HeadLayer::LeakyRelu { slope: *slope }.fmt(f),
            LayerSpec::Linear(None) => f.write_str("linear"),
            LayerSpec::BatchNorm(None) => f.write_str("batch_norm"),
            LayerSpec::LeakyRelu(None) => f.write_str("leaky_relu"),
            LayerSpec::Other(layer) => layer.fmt(f),
        }
    }
}

impl std::fmt::Display for HeadSpec {
    /// What [`HeadSpec::from_str`](std::str::FromStr::from_str) reads.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.relu { "relu, " } else { "" })?;
        match self.pooling {
            PoolingSpec::Stated(pooling) => pooling.fmt(f)?,
            PoolingSpec::Flatten => f.write_str("flatten")?,
        }
        let last = |activation: Option<Activation>| match activation {
            Some(Activation::Sigmoid) => Some("sigmoid"),
            Some(Activation::Softmax) => Some("softmax"),
            Some(Activation::None) | None => None,
        };
        let listed = |layers: &[LayerSpec], activation| {
            let layers = layers.iter().map(LayerSpec::to_string);
            layers.chain(last(activation).map(String::from)).collect::<Vec<_>>()
        };
        listed(&self.layers, self.activation).iter().try_for_each(|layer| write!(f, ", {layer}"))?;
        self.branches.iter().try_for_each(|branch| {
            write!(f, "; {}: {}", branch.name, listed(&branch.layers, branch.activation).join(", "))
        })
    }
}
