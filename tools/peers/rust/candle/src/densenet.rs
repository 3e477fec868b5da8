//! A DenseNet with bottlenecks in candle's modules. Its shapes and weights come from tensors under torchvision's names.

use candle_core::{Result, Tensor};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, Linear, Module, ModuleT, VarBuilder, batch_norm};

/// torchvision's, for every batch norm.
const EPSILON: f64 = 1e-5;

/// Batch norm, ReLU, convolution.
struct NormConv {
    norm: BatchNorm,
    conv: Conv2d,
}

impl NormConv {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.conv.forward(&self.norm.forward_t(x, false)?.relu()?)
    }
}

struct DenseLayer {
    bottleneck: NormConv,
    grow: NormConv,
}

struct Block {
    layers: Vec<DenseLayer>,
    /// None after the last block.
    transition: Option<NormConv>,
}

pub(crate) struct DenseNet {
    conv0: Conv2d,
    norm0: BatchNorm,
    blocks: Vec<Block>,
    norm5: BatchNorm,
    classifier: Linear,
}

impl DenseNet {
    /// Images [N, C, H, W] in, logits [N, classes] out.
    pub(crate) fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let x = self.norm0.forward_t(&self.conv0.forward(images)?, false)?.relu()?;
        // candle's pooling does not pad. Zeros are right after a ReLU.
        let mut x = x.pad_with_zeros(2, 1, 1)?.pad_with_zeros(3, 1, 1)?.max_pool2d_with_stride(3, 2)?;
        for block in &self.blocks {
            for layer in &block.layers {
                let new = layer.grow.forward(&layer.bottleneck.forward(&x)?)?;
                x = Tensor::cat(&[&x, &new], 1)?;
            }
            if let Some(transition) = &block.transition {
                x = transition.forward(&x)?.avg_pool2d(2)?;
            }
        }
        let x = self.norm5.forward_t(&x, false)?.relu()?;
        self.classifier.forward(&x.mean((2, 3))?)
    }
}

/// Builds the network from tensors with torchvision's names.
pub(crate) fn load(weights: VarBuilder<'_>) -> Result<DenseNet> {
    let features = weights.pp("features");
    let mut blocks = Vec::new();
    while features.contains_tensor(&format!("denseblock{}.denselayer1.conv1.weight", blocks.len() + 1)) {
        let number = blocks.len() + 1;
        let (block, mut layers) = (features.pp(format!("denseblock{number}")), Vec::new());
        while block.contains_tensor(&format!("denselayer{}.conv1.weight", layers.len() + 1)) {
            let layer = block.pp(format!("denselayer{}", layers.len() + 1));
            layers.push(DenseLayer {
                bottleneck: norm_conv(&layer.pp("norm1"), &layer.pp("conv1"))?,
                grow: norm_conv(&layer.pp("norm2"), &layer.pp("conv2"))?,
            });
        }
        let transition = features.pp(format!("transition{number}"));
        let transition = match transition.contains_tensor("conv.weight") {
            true => Some(norm_conv(&transition.pp("norm"), &transition.pp("conv"))?),
            false => None,
        };
        blocks.push(Block { layers, transition });
    }
    let classifier = weights.pp("classifier");
    Ok(DenseNet {
        conv0: conv(&features.pp("conv0"), 2)?,
        norm0: norm(&features.pp("norm0"))?,
        blocks,
        norm5: norm(&features.pp("norm5"))?,
        classifier: Linear::new(classifier.get_unchecked("weight")?, Some(classifier.get_unchecked("bias")?)),
    })
}

fn norm_conv(norm_weights: &VarBuilder<'_>, conv_weights: &VarBuilder<'_>) -> Result<NormConv> {
    Ok(NormConv { norm: norm(norm_weights)?, conv: conv(conv_weights, 1)? })
}

fn norm(weights: &VarBuilder<'_>) -> Result<BatchNorm> {
    let channels = weights.get_unchecked("weight")?.dim(0)?;
    batch_norm(channels, EPSILON, weights.clone())
}

/// A convolution without bias, padded to keep the size at stride 1.
fn conv(weights: &VarBuilder<'_>, stride: usize) -> Result<Conv2d> {
    let weight = weights.get_unchecked("weight")?;
    let padding = weight.dim(2)? / 2;
    Ok(Conv2d::new(weight, None, Conv2dConfig { padding, stride, ..Default::default() }))
}
