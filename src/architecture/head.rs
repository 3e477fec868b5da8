//! What stands behind the last dense block's batch norm: ReLU, pooling, and the layers up to the outputs.

use serde::{Deserialize, Serialize};

use super::activation::Activation;

/// The end of a network. The paper's is ReLU, average pooling and one fully connected layer; people who train a DenseNet on
/// pictures of their own often put another in its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Whether a ReLU follows the last batch norm. Heads that are put behind a network's `features`, as fastai's, have none.
    #[serde(default = "yes")]
    pub relu: bool,
    /// What makes a vector of the feature maps.
    #[serde(default)]
    pub pooling: Pooling,
    /// The layers that all outputs share, in order.
    #[serde(default)]
    pub layers: Vec<HeadLayer>,
    /// Named outputs, each with layers of its own behind the shared ones. None: the shared layers make the only output.
    #[serde(default)]
    pub branches: Vec<Branch>,
}

fn yes() -> bool {
    true
}

/// How feature maps become a vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean of each channel.
    #[default]
    Average,
    /// The maximum of each channel.
    Maximum,
    /// The means, then the maxima (timm's `catavgmax`).
    AverageMaximum,
    /// The maxima, then the means (fastai's `AdaptiveConcatPool2d`).
    MaximumAverage,
    /// Every value, channel by channel, each by rows. It fixes the size of the input.
    Flatten {
        /// Rows of the feature maps.
        height: usize,
        /// Columns of the feature maps.
        width: usize,
    },
}

impl Pooling {
    /// Values of the vector, of feature maps with `channels` channels.
    pub fn outputs(self, channels: usize) -> usize {
        match self {
            Pooling::Average | Pooling::Maximum => channels,
            Pooling::AverageMaximum | Pooling::MaximumAverage => channels.saturating_mul(2),
            Pooling::Flatten { height, width } => channels.saturating_mul(height).saturating_mul(width),
        }
    }
}

/// A layer of a head: from one vector to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum HeadLayer {
    /// Fully connected, with bias: `weight` `[outputs, inputs]`, `bias` `[outputs]`.
    Linear {
        /// Length of the new vector.
        outputs: usize,
    },
    /// Batch norm with running statistics.
    BatchNorm {
        /// Its epsilon, which need not be the network's.
        eps: f64,
    },
    /// `max(x, 0)`.
    Relu,
    /// `x` above 0, `slope * x` below.
    LeakyRelu {
        /// PyTorch's default is 0.01, Keras' 0.3.
        slope: f64,
    },
    /// `x * Phi(x)`, with the normal distribution's `Phi` itself.
    Gelu,
    /// The same with tanh's approximation: `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))`.
    GeluTanh,
    /// `x / (1 + exp(-x))`, also called swish.
    Silu,
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `exp(x_i) / sum_j exp(x_j)`.
    Softmax,
    /// The logarithm of softmax.
    LogSoftmax,
}

/// One of several outputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Such as `age`.
    pub name: String,
    /// Its own layers, at least one of them linear.
    pub layers: Vec<HeadLayer>,
    /// What turns its logits into scores.
    #[serde(default)]
    pub activation: Activation,
}

impl Head {
    /// The paper's: ReLU, average pooling, one fully connected layer. `None`: the pooled features are the output.
    pub fn linear(classes: impl Into<Option<usize>>) -> Head {
        let layers = classes.into().map(|outputs| HeadLayer::Linear { outputs }).into_iter().collect();
        Head { relu: true, pooling: Pooling::Average, layers, branches: Vec::new() }
    }

    /// The outputs of [`Head::linear`], where this is such a head.
    pub fn as_linear(&self) -> Option<Option<usize>> {
        let classes = match self.layers[..] {
            [] => None,
            [HeadLayer::Linear { outputs }] => Some(outputs),
            _ => return None,
        };
        (*self == Head::linear(classes)).then_some(classes)
    }

    /// Whether it is the paper's, with a linear layer: class maps are that layer at every pixel. Those of other heads depend
    /// on the picture.
    pub fn is_plain(&self) -> bool {
        matches!(self.as_linear(), Some(Some(_)))
    }

    /// The same ReLU and pooling, without layers: the pooled features are the output.
    #[must_use]
    pub fn without_layers(&self) -> Head {
        Head { relu: self.relu, pooling: self.pooling, layers: Vec::new(), branches: Vec::new() }
    }

    /// Whether nothing stands behind the pooling.
    pub fn is_bare(&self) -> bool {
        self.layers.is_empty() && self.branches.is_empty()
    }

    /// Length of the output row of a vector of `inputs` values: that of the shared layers, or those of all branches, one
    /// behind the other.
    pub fn outputs(&self, inputs: usize) -> usize {
        let shared = width(&self.layers, inputs);
        match &self.branches[..] {
            [] => shared,
            branches => branches.iter().map(|branch| width(&branch.layers, shared)).sum(),
        }
    }
}

impl Default for Head {
    fn default() -> Self {
        Head::linear(None)
    }
}

/// Length of the vector behind `layers`.
pub(super) fn width(layers: &[HeadLayer], inputs: usize) -> usize {
    layers.iter().fold(inputs, |inputs, layer| layer.outputs(inputs))
}

impl HeadLayer {
    /// Length of its output, of a vector of `inputs` values.
    pub fn outputs(self, inputs: usize) -> usize {
        match self {
            HeadLayer::Linear { outputs } => outputs,
            _ => inputs,
        }
    }

    /// Whether it has parameters.
    pub fn has_parameters(self) -> bool {
        matches!(self, HeadLayer::Linear { .. } | HeadLayer::BatchNorm { .. })
    }
}

impl std::fmt::Display for HeadLayer {
    /// As `--head` reads it: `linear 512`, `relu`, `leaky_relu 0.01`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HeadLayer::Linear { outputs } => write!(f, "linear {outputs}"),
            HeadLayer::BatchNorm { eps } => write!(f, "batch_norm {eps:e}"),
            HeadLayer::Relu => f.write_str("relu"),
            HeadLayer::LeakyRelu { slope } => write!(f, "leaky_relu {slope}"),
            HeadLayer::Gelu => f.write_str("gelu"),
            HeadLayer::GeluTanh => f.write_str("gelu_tanh"),
            HeadLayer::Silu => f.write_str("silu"),
            HeadLayer::Tanh => f.write_str("tanh"),
            HeadLayer::Sigmoid => f.write_str("sigmoid"),
            HeadLayer::Softmax => f.write_str("softmax"),
            HeadLayer::LogSoftmax => f.write_str("log_softmax"),
        }
    }
}

impl std::fmt::Display for Pooling {
    /// As `--head` reads it: `avg`, `max`, `avg+max`, `max+avg`, `flatten 7x7`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Pooling::Average => f.write_str("avg"),
            Pooling::Maximum => f.write_str("max"),
            Pooling::AverageMaximum => f.write_str("avg+max"),
            Pooling::MaximumAverage => f.write_str("max+avg"),
            Pooling::Flatten { height, width } => write!(f, "flatten {height}x{width}"),
        }
    }
}

impl std::fmt::Display for Head {
    /// As `--head` reads it: `relu, avg, linear 512, relu; age: linear 1; sex: linear 2`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", if self.relu { "relu, " } else { "" }, self.pooling)?;
        self.layers.iter().try_for_each(|layer| write!(f, ", {layer}"))?;
        self.branches.iter().try_for_each(|branch| {
            let layers: Vec<String> = branch.layers.iter().map(HeadLayer::to_string).collect();
            write!(f, "; {}: {}", branch.name, layers.join(", "))
        })
    }
}
