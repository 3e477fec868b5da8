//! The walk: every layer of the unfused network in execution order, with its name, shapes, parameters and MACs.

use super::{Architecture, InputSize, Padding, Shape};
use crate::error::{Error, Result};

/// What a layer of the unfused network does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// Convolution without bias.
    Convolution {
        /// Side of the square kernel.
        kernel: usize,
        /// Step in both directions.
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
    /// All that a dense block has so far, with the new channels behind.
    Concatenation,
    /// Mean over all pixels.
    GlobalAveragePool,
    /// Fully connected, with bias.
    Linear,
}

/// One layer of the unfused network.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// torchvision's module path; parameters are `name.weight` and so on.
    pub name: String,
    /// What it does.
    pub kind: LayerKind,
    /// What it reads.
    pub input: Shape,
    /// What it yields.
    pub output: Shape,
    /// Trainable parameters (running statistics are not counted, as is usual).
    pub parameters: u64,
    /// Multiply-accumulates for one image: convolutions and the classifier, as is usual.
    pub macs: u64,
}

/// A tensor that a weight file must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Canonical (torchvision's) name.
    pub name: String,
    /// OIHW for convolutions, `[out, in]` for the classifier, `[channels]` for batch norms.
    pub shape: Vec<usize>,
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

    /// Batch norm and ReLU: the pre-activation.
    fn norm_relu(&mut self, norm: &str, relu: &str) {
        self.push(norm, LayerKind::BatchNorm, self.shape);
        self.push(relu, LayerKind::Relu, self.shape);
    }

    fn convolution(&mut self, name: &str, channels: usize, kernel: usize) {
        let output = Shape { channels, ..self.shape };
        self.push(name, LayerKind::Convolution { kernel, stride: 1 }, output);
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
        if size.height == 0 || size.width == 0 || size.height > 65536 || size.width > 65536 {
            return Err(Error::Input(format!("an input of {size} pixels is not possible: 1 to 65536 each way")));
        }
        let shape = Shape { channels: self.input_channels, height: size.height, width: size.width };
        let mut walk = Walk { layers: Vec::new(), shape };
        let stem = self.stem;
        let kind = LayerKind::Convolution { kernel: stem.kernel, stride: stem.stride };
        walk.window("features.conv0", kind, stem.channels, stem.kernel, stem.stride, stem.padding)?;
        if stem.norm {
            walk.norm_relu("features.norm0", "features.relu0");
        }
        if let Some(pool) = stem.pool {
            let (k, s, p) = (pool.kernel, pool.stride, pool.padding);
            walk.window("features.pool0", LayerKind::MaxPool, stem.channels, k, s, p)?;
        }
        for (block, &layers) in self.layers.iter().enumerate() {
            for layer in 0..layers {
                self.walk_dense_layer(&mut walk, &dense_layer_name(block, layer));
            }
            if let Some(&channels) = self.transition_channels.get(block) {
                let name = transition_name(block);
                walk.norm_relu(&format!("{name}.norm"), &format!("{name}.relu"));
                walk.convolution(&format!("{name}.conv"), channels, 1);
                let pool = format!("{name}.pool");
                walk.window(&pool, LayerKind::AveragePool, channels, 2, 2, Padding::all(0))?;
            }
        }
        walk.norm_relu("features.norm5", "features.relu5");
        let features = Shape { channels: walk.shape.channels, height: 1, width: 1 };
        walk.push("features.pool5", LayerKind::GlobalAveragePool, features);
        if let Some(classes) = self.classes {
            walk.push("classifier", LayerKind::Linear, Shape { channels: classes, ..features });
        }
        Ok(walk.layers)
    }

    fn walk_dense_layer(&self, walk: &mut Walk, name: &str) {
        let all = walk.shape;
        walk.norm_relu(&format!("{name}.norm1"), &format!("{name}.relu1"));
        match self.bottleneck {
            Some(width) => {
                walk.convolution(&format!("{name}.conv1"), width, 1);
                walk.norm_relu(&format!("{name}.norm2"), &format!("{name}.relu2"));
                walk.convolution(&format!("{name}.conv2"), self.growth_rate, 3);
            }
            None => walk.convolution(&format!("{name}.conv1"), self.growth_rate, 3),
        }
        let output = Shape { channels: all.channels + self.growth_rate, ..all };
        walk.push(&format!("{name}.concat"), LayerKind::Concatenation, output);
    }

    /// Every tensor a weight file must hold, in execution order.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network.
    pub fn parameters(&self) -> Result<Vec<Parameter>> {
        let mut parameters = Vec::new();
        let mut push = |name: String, shape: &[usize]| parameters.push(Parameter { name, shape: shape.to_vec() });
        // Parameters do not depend on the input size: any size that the network admits will do.
        for layer in self.walk(self.least_square_size()?)? {
            let (input, output) = (layer.input.channels, layer.output.channels);
            match layer.kind {
                LayerKind::Convolution { kernel, .. } => {
                    push(format!("{}.weight", layer.name), &[output, input, kernel, kernel]);
                }
                LayerKind::BatchNorm => {
                    for part in ["weight", "bias", "running_mean", "running_var"] {
                        push(format!("{}.{part}", layer.name), &[output]);
                    }
                }
                LayerKind::Linear => {
                    push(format!("{}.weight", layer.name), &[output, input]);
                    push(format!("{}.bias", layer.name), &[output]);
                }
                _ => {}
            }
        }
        Ok(parameters)
    }

    /// Trainable parameters, as published (running statistics are not counted).
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network.
    pub fn parameter_count(&self) -> Result<u64> {
        Ok(self.walk(self.least_square_size()?)?.iter().map(|layer| layer.parameters).sum())
    }

    /// The side of the smallest square image that the network admits.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network, [`Error::Input`] where not even 65536 pixels suffice.
    pub fn least_square_size(&self) -> Result<InputSize> {
        self.validate()?;
        // Backwards from one pixel at the end: each stage needs at least what its window reads.
        let mut side = 1usize << self.transition_channels.len().min(20);
        let windows = [
            self.stem.pool.map(|pool| (pool.kernel, pool.stride, pool.padding)),
            Some((self.stem.kernel, self.stem.stride, self.stem.padding)),
        ];
        for (kernel, stride, padding) in windows.into_iter().flatten() {
            side = match padding {
                Padding::Same => (side - 1) * stride + 1,
                Padding::Explicit { top, left, bottom, right } => {
                    let pad = (top + bottom).min(left + right);
                    ((side - 1) * stride + kernel).saturating_sub(pad).max(1)
                }
            };
        }
        if side > 65536 {
            return Err(Error::Input(format!("no image of up to 65536 pixels a side suffices: {side} are needed")));
        }
        Ok(InputSize::square(side))
    }
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
