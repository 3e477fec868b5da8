//! The walk: every layer of the unfused network in execution order, with its name, shapes, parameters and MACs.

use super::head::{HeadLayer, Pooling};
use super::network::Architecture;
use super::parts::{DenseLayer, HeadPart, NamedLayer, Part, StemPart, Transition};
use super::shape::{InputSize, MAX_SIDE, Shape};
use super::stem::Padding;
use crate::error::{Error, Result};

/// What a layer of the unfused network does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LayerKind {
    /// Convolution without bias.
    Convolution {
        /// Side of the square kernel.
        kernel: usize,
        /// Stride in both directions.
        stride: usize,
    },
    /// Batch norm with running statistics.
    BatchNorm,
    /// max(x, 0).
    Relu,
    /// Max pooling (stem).
    MaxPool,
    /// 2x2 average pooling with stride 2 (transitions); an odd last row or column is dropped.
    AveragePool,
    /// A dense layer's input with its new channels behind it; the outputs of a head with branches.
    Concatenation,
    /// What makes a vector of the feature maps: pooling over all pixels, or all of them.
    GlobalPool(Pooling),
    /// Fully connected, with bias.
    Linear,
    /// A layer of the head that has no parameters.
    HeadActivation(HeadLayer),
}

/// One layer of the unfused network.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// torchvision's module path; parameters are `name.weight` and so on.
    pub name: String,
    /// What it does.
    pub kind: LayerKind,
    /// The input's shape.
    pub input: Shape,
    /// The output's shape.
    pub output: Shape,
    /// Trainable parameters (running statistics are not counted, as is usual).
    pub parameters: u64,
    /// Multiply-accumulates for one image: convolutions and the classifier, as is usual.
    pub macs: u64,
}

struct Walk {
    layers: Vec<Layer>,
    shape: Shape,
}

impl Walk {
    fn push(&mut self, name: &str, kind: LayerKind, output: Shape) {
        let input = self.shape;
        let (parameters, macs) = match kind {
            LayerKind::Convolution { kernel, .. } => {
                let weights = (output.channels * input.channels * kernel * kernel) as u64;
                (weights, weights * (output.height * output.width) as u64)
            }
            LayerKind::BatchNorm => (2 * output.channels as u64, 0),
            LayerKind::Linear => {
                let weights = (output.channels * input.channels) as u64;
                (weights + output.channels as u64, weights)
            }
            _ => (0, 0),
        };
        self.layers.push(Layer { name: name.to_string(), kind, input, output, parameters, macs });
        self.shape = output;
    }

    fn window(&mut self, name: &str, kind: LayerKind, channels: usize, k: usize, s: usize, p: Padding) -> Result<()> {
        let [rows, columns] = p.resolve(k, s, self.shape.height, self.shape.width);
        let extent = |input: usize, pad: [usize; 2]| (input + pad[0] + pad[1]).checked_sub(k).map(|n| n / s + 1);
        let (Some(height), Some(width)) = (extent(self.shape.height, rows), extent(self.shape.width, columns)) else {
            return Err(too_small(name, self.shape, k));
        };
        self.push(name, kind, Shape { channels, height, width });
        Ok(())
    }

    /// A layer of the head.
    fn vector(&mut self, layer: &NamedLayer) {
        let kind = match layer.layer {
            HeadLayer::Linear { .. } => LayerKind::Linear,
            HeadLayer::BatchNorm { .. } => LayerKind::BatchNorm,
            HeadLayer::Relu => LayerKind::Relu,
            other => LayerKind::HeadActivation(other),
        };
        self.push(&layer.name, kind, Shape { channels: layer.outputs, height: 1, width: 1 });
    }

    fn norm_relu(&mut self, norm: &str, relu: &str) {
        self.push(norm, LayerKind::BatchNorm, self.shape);
        self.push(relu, LayerKind::Relu, self.shape);
    }

    /// A convolution that keeps the resolution.
    fn convolution(&mut self, name: &str, channels: usize, kernel: usize) {
        let output = Shape { channels, ..self.shape };
        self.push(name, LayerKind::Convolution { kernel, stride: 1 }, output);
    }

    fn stem(&mut self, architecture: &Architecture, part: &StemPart) -> Result<()> {
        let stem = architecture.stem;
        let (kernel, stride, channels) = (stem.kernel, stem.stride, part.output_channels);
        let kind = LayerKind::Convolution { kernel, stride };
        self.window(part.conv, kind, channels, kernel, stride, stem.padding)?;
        if let Some([norm, relu]) = part.norm_relu {
            self.norm_relu(norm, relu);
        }
        if let (Some(name), Some(pool)) = (part.pool, stem.pool) {
            self.window(name, LayerKind::MaxPool, channels, pool.kernel, pool.stride, pool.padding)?;
        }
        Ok(())
    }

    fn dense_layer(&mut self, layer: &DenseLayer) {
        let name = &layer.name;
        let before = self.shape;
        self.norm_relu(&format!("{name}.norm1"), &format!("{name}.relu1"));
        if let Some(width) = layer.bottleneck {
            self.convolution(&format!("{name}.conv1"), width, 1);
            self.norm_relu(&format!("{name}.norm2"), &format!("{name}.relu2"));
        }
        self.convolution(&layer.last_convolution(), layer.new_channels, 3);
        let output = Shape { channels: before.channels + layer.new_channels, ..before };
        self.push(&format!("{name}.concat"), LayerKind::Concatenation, output);
    }

    fn transition(&mut self, transition: &Transition) -> Result<()> {
        let (name, channels) = (&transition.name, transition.output_channels);
        self.norm_relu(&format!("{name}.norm"), &format!("{name}.relu"));
        self.convolution(&format!("{name}.conv"), channels, 1);
        self.window(&format!("{name}.pool"), LayerKind::AveragePool, channels, 2, 2, Padding::all(0))
    }

    fn head(&mut self, architecture: &Architecture, head: &HeadPart) -> Result<()> {
        self.push(head.norm, LayerKind::BatchNorm, self.shape);
        if let Some(relu) = head.relu {
            self.push(relu, LayerKind::Relu, self.shape);
        }
        let pooling = architecture.head.pooling;
        if let Pooling::Flatten { height, width } = pooling
            && (height, width) != (self.shape.height, self.shape.width)
        {
            let fits = architecture.fixed_size().map_or(String::new(), |size| format!(", as from an input of {size}"));
            return Err(Error::Input(format!(
                "this network's head reads feature maps of {height}x{width} pixels whole{fits}; this input gives \
                 {}x{}: use that size",
                self.shape.height, self.shape.width
            )));
        }
        let channels = architecture.feature_channels();
        self.push(head.pool, LayerKind::GlobalPool(pooling), Shape { channels, height: 1, width: 1 });
        head.layers.iter().for_each(|layer| self.vector(layer));
        let shared = self.shape;
        for (_, layers) in &head.branches {
            self.shape = shared;
            layers.iter().for_each(|layer| self.vector(layer));
        }
        if let (false, Some(name)) = (head.branches.is_empty(), head.outputs) {
            self.push(name, LayerKind::Concatenation, Shape { channels: architecture.output_channels(), ..shared });
        }
        Ok(())
    }
}

fn too_small(name: &str, shape: Shape, kernel: usize) -> Error {
    Error::Input(format!(
        "the image is too small for this network: {name} would get {}x{} pixels and needs at least {kernel}x{kernel}; \
         use a larger input size",
        shape.height, shape.width
    ))
}

impl Architecture {
    /// Every layer of the unfused network for an input of `size`, in execution order.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network, [`Error::Input`] for an image too small for it.
    pub fn walk(&self, size: InputSize) -> Result<Vec<Layer>> {
        self.validate()?;
        if ![size.height, size.width].iter().all(|side| (1..=MAX_SIDE).contains(side)) {
            return Err(Error::Input(format!("an input of {size} pixels is not possible: 1 to {MAX_SIDE} each way")));
        }
        if let Some(own) = self.input.as_ref().and_then(|input| input.size)
            && own != size
        {
            return Err(Error::Input(format!(
                "this network resizes its input to {own} itself; this one has {size}: resize it before, as its own layer does"
            )));
        }
        let shape = Shape { channels: self.stem_input_channels(), height: size.height, width: size.width };
        let mut walk = Walk { layers: Vec::new(), shape };
        for part in self.parts() {
            match part {
                Part::Stem(stem) => walk.stem(self, &stem)?,
                Part::DenseLayer(layer) => walk.dense_layer(&layer),
                Part::BlockEnd(_) => {}
                Part::Transition(transition) => walk.transition(&transition)?,
                Part::Head(head) => walk.head(self, &head)?,
            }
        }
        Ok(walk.layers)
    }
}
