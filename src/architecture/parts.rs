//! The network's parts in execution order: the one place that knows how a DenseNet is put together.
//!
//! Whatever goes through a network stands on [`Architecture::parts`]: the [walk](Architecture::walk), the plan, the CPU
//! reference, the inspection of weight files. Names are torchvision's module paths.

use super::head::HeadLayer;
use super::network::Architecture;

/// One part of a network, with its canonical names and channel counts.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Part {
    /// The stem: always first.
    Stem(StemPart),
    /// A dense layer.
    DenseLayer(DenseLayer),
    /// A dense block is complete. Nothing is computed here.
    BlockEnd(BlockEnd),
    /// A transition: between two blocks.
    Transition(Transition),
    /// Last norm, pooling and the head's layers: always last.
    Head(HeadPart),
}

/// The stem. Its windows are in [`Architecture::stem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StemPart {
    /// The convolution: `features.conv0`.
    pub conv: &'static str,
    /// The batch norm and the ReLU that follow it, where the stem has them: `features.norm0`, `features.relu0`.
    pub norm_relu: Option<[&'static str; 2]>,
    /// The max pooling, where the stem has one: `features.pool0`.
    pub pool: Option<&'static str>,
    /// Channels of the image.
    pub input_channels: usize,
    /// Channels of the first dense block's input.
    pub output_channels: usize,
}

/// A dense layer: BN-ReLU-1x1-BN-ReLU-3x3, or BN-ReLU-3x3 without a bottleneck.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DenseLayer {
    /// `features.denseblock1.denselayer1`. Modules are `norm1`, `relu1`, `conv1`, `norm2`, `relu2`, `conv2`.
    pub name: String,
    /// Its block, 0-based.
    pub block: usize,
    /// Its number in the block, 0-based.
    pub layer: usize,
    /// Channels that the block began with.
    pub block_input_channels: usize,
    /// Channels that the layer reads: the block's input and the new channels of all layers before.
    pub input_channels: usize,
    /// Output channels of the 1x1 convolution, where there is one.
    pub bottleneck: Option<usize>,
    /// New channels: the growth rate.
    pub new_channels: usize,
}

impl DenseLayer {
    /// `features.denseblock1`: the block that the layer belongs to.
    pub fn block_name(&self) -> String {
        dense_block_name(self.block)
    }

    /// The 3x3 convolution, which makes the new channels: `conv2`, or `conv1` without a bottleneck.
    pub fn last_convolution(&self) -> String {
        let number = if self.bottleneck.is_some() { 2 } else { 1 };
        format!("{}.conv{number}", self.name)
    }
}

/// A complete dense block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockEnd {
    /// `features.denseblock1`.
    pub name: String,
    /// Its number, 0-based.
    pub block: usize,
    /// Dense layers.
    pub layers: usize,
    /// Channels that it began with.
    pub input_channels: usize,
    /// Channels of its output: its input and the new channels of every layer.
    pub output_channels: usize,
}

/// A transition: BN-ReLU-1x1 and 2x2 average pooling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// `features.transition1`. Modules are `norm`, `relu`, `conv`, `pool`.
    pub name: String,
    /// The block that it follows, 0-based.
    pub block: usize,
    /// Channels that it reads: the block's output.
    pub input_channels: usize,
    /// Channels of the next block's input.
    pub output_channels: usize,
}

/// Last norm, pooling, and the layers up to the outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct HeadPart {
    /// The batch norm: `features.norm5`.
    pub norm: &'static str,
    /// The ReLU that follows it, where there is one: `features.relu5`.
    pub relu: Option<&'static str>,
    /// The pooling, and its vector: `features.pool5`.
    pub pool: &'static str,
    /// The layers that all outputs share.
    pub layers: Vec<NamedLayer>,
    /// Those of each named output, and the output's own name: `classifier.age`.
    pub branches: Vec<(String, Vec<NamedLayer>)>,
    /// All outputs, where there are any layers: `classifier`.
    pub outputs: Option<&'static str>,
    /// The last block, 0-based.
    pub block: usize,
    /// Channels that it reads: the last block's output.
    pub input_channels: usize,
}

/// A layer of the head, with its canonical name and widths.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedLayer {
    /// `classifier` for the only one of a head; `classifier.0` and so on where there are several, `classifier.age.0` in a
    /// branch. Layers without parameters count.
    pub name: String,
    /// What it does.
    pub layer: HeadLayer,
    /// Length of the vector that it reads.
    pub inputs: usize,
    /// Length of the vector that it yields.
    pub outputs: usize,
}

impl Part {
    /// The batch norm that a part applies to the block tensor before anything else: `norm1` of a dense layer, `norm` of a
    /// transition, `norm5` of the head. The stem reads the image, and a block's end computes nothing.
    pub fn pre_activation_norm(&self) -> Option<String> {
        match self {
            Part::DenseLayer(layer) => Some(format!("{}.norm1", layer.name)),
            Part::Transition(transition) => Some(format!("{}.norm", transition.name)),
            Part::Head(head) => Some(head.norm.into()),
            Part::Stem(_) | Part::BlockEnd(_) => None,
        }
    }

    /// The convolution whose input channels are those of the block tensor: `conv1` of a dense layer, `conv` of a
    /// transition. What the head's layers read is pooled.
    pub fn block_reader(&self) -> Option<String> {
        match self {
            Part::DenseLayer(layer) => Some(format!("{}.conv1", layer.name)),
            Part::Transition(transition) => Some(format!("{}.conv", transition.name)),
            Part::Head(_) | Part::Stem(_) | Part::BlockEnd(_) => None,
        }
    }
}

impl Architecture {
    /// The network's parts in execution order: the stem; the layers of each block and its end, followed by a transition
    /// where another block comes; the head.
    ///
    /// # Panics
    /// Where the architecture is not [valid](Architecture::validate).
    pub fn parts(&self) -> impl Iterator<Item = Part> + '_ {
        let blocks = self.layers.len();
        let stem = StemPart {
            conv: "features.conv0",
            norm_relu: self.stem.norm.then_some(["features.norm0", "features.relu0"]),
            pool: self.stem.pool.map(|_| "features.pool0"),
            input_channels: self.stem_input_channels(),
            output_channels: self.stem.channels,
        };
        let head = self.head_part();
        let between = (0..blocks).flat_map(move |block| {
            let layers = (0..self.layers[block]).map(move |layer| Part::DenseLayer(self.dense_layer(block, layer)));
            let end = Part::BlockEnd(BlockEnd {
                name: dense_block_name(block),
                block,
                layers: self.layers[block],
                input_channels: self.block_input_channels(block),
                output_channels: self.block_output_channels(block),
            });
            let transition = (block + 1 < blocks).then(|| {
                Part::Transition(Transition {
                    name: transition_name(block),
                    block,
                    input_channels: self.block_output_channels(block),
                    output_channels: self.block_input_channels(block + 1),
                })
            });
            layers.chain([end]).chain(transition)
        });
        std::iter::once(Part::Stem(stem)).chain(between).chain([Part::Head(head)])
    }

    /// The epsilon of a batch norm, by its canonical name: the head's norms have their own.
    pub fn norm_eps(&self, norm: &str) -> f64 {
        head_layers(self)
            .into_iter()
            .find_map(|layer| match layer.layer {
                HeadLayer::BatchNorm { eps } if layer.name == norm => Some(eps),
                _ => None,
            })
            .unwrap_or(self.eps)
    }

    fn head_part(&self) -> HeadPart {
        let mut layers = head_layers(self);
        let mut branches: Vec<(String, Vec<NamedLayer>)> = Vec::new();
        for branch in self.head.branches.iter().rev() {
            let own = layers.split_off(layers.len() - branch.layers.len());
            branches.insert(0, (format!("classifier.{}", branch.name), own));
        }
        HeadPart {
            norm: "features.norm5",
            relu: self.head.relu.then_some("features.relu5"),
            pool: "features.pool5",
            layers,
            branches,
            outputs: (!self.head.is_bare()).then_some("classifier"),
            block: self.layers.len() - 1,
            input_channels: self.last_channels(),
        }
    }

    fn dense_layer(&self, block: usize, layer: usize) -> DenseLayer {
        let block_input_channels = self.block_input_channels(block);
        DenseLayer {
            name: dense_layer_name(block, layer),
            block,
            layer,
            block_input_channels,
            input_channels: block_input_channels + layer * self.growth_rate,
            bottleneck: self.bottleneck,
            new_channels: self.growth_rate,
        }
    }
}

/// The head's layers: those that all outputs share, then those of each branch.
fn head_layers(architecture: &Architecture) -> Vec<NamedLayer> {
    let head = &architecture.head;
    let mut named = Vec::new();
    let mut push = |layers: &[HeadLayer], module: &str, mut inputs: usize| {
        for (at, &layer) in layers.iter().enumerate() {
            let outputs = layer.outputs(inputs);
            named.push(NamedLayer { name: format!("{module}.{at}"), layer, inputs, outputs });
            inputs = outputs;
        }
        inputs
    };
    let shared = push(&head.layers, "classifier", architecture.feature_channels());
    for branch in &head.branches {
        push(&branch.layers, &format!("classifier.{}", branch.name), shared);
    }
    // The only layer is the classifier itself, as in torchvision.
    if let [only] = &mut named[..]
        && head.branches.is_empty()
    {
        only.name = "classifier".into();
    }
    named
}

/// `features.denseblock1.denselayer1`, from 0-based numbers.
pub(crate) fn dense_layer_name(block: usize, layer: usize) -> String {
    format!("{}.denselayer{}", dense_block_name(block), layer + 1)
}

/// `features.denseblock1`, from a 0-based number.
pub(crate) fn dense_block_name(block: usize) -> String {
    format!("features.denseblock{}", block + 1)
}

/// `features.transition1`, from a 0-based number.
pub(crate) fn transition_name(block: usize) -> String {
    format!("features.transition{}", block + 1)
}
