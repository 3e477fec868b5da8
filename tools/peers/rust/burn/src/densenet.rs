//! A DenseNet with bottlenecks in burn's modules. Its shapes and weights come from tensors under torchvision's names.

use anyhow::{Result, ensure};
use burn::module::{Param, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::pool::{AvgPool2dConfig, MaxPool2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Initializer, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use safetensors::{Dtype, SafeTensors};

/// Batch norm, ReLU, convolution.
struct NormConv {
    norm: BatchNorm,
    conv: Conv2d,
}

impl NormConv {
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        self.conv.forward(relu(self.norm.forward(x)))
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
    /// [features, classes]
    classifier: Tensor<2>,
    bias: Tensor<1>,
}

impl DenseNet {
    /// Images [N, C, H, W] in, logits [N, classes] out.
    pub(crate) fn forward(&self, images: Tensor<4>) -> Tensor<2> {
        let x = relu(self.norm0.forward(self.conv0.forward(images)));
        let stem_pool =
            MaxPool2dConfig::new([3, 3]).with_strides([2, 2]).with_padding(PaddingConfig2d::Explicit(1, 1, 1, 1));
        let mut x = stem_pool.init().forward(x);
        for block in &self.blocks {
            for layer in &block.layers {
                let new = layer.grow.forward(layer.bottleneck.forward(x.clone()));
                x = Tensor::cat(vec![x, new], 1);
            }
            if let Some(transition) = &block.transition {
                x = AvgPool2dConfig::new([2, 2]).with_strides([2, 2]).init().forward(transition.forward(x));
            }
        }
        let x = relu(self.norm5.forward(x));
        let pooled = x.mean_dims(&[2, 3]).flatten::<2>(1, 3);
        pooled.matmul(self.classifier.clone()) + self.bias.clone().unsqueeze()
    }
}

/// Builds the network from a file with torchvision's names.
pub(crate) fn load(file: &SafeTensors<'_>, device: &Device) -> Result<DenseNet> {
    let weights = Weights { file, device };
    let mut blocks = Vec::new();
    while weights.has(&format!("features.denseblock{}.denselayer1.conv1.weight", blocks.len() + 1)) {
        let number = blocks.len() + 1;
        let mut layers = Vec::new();
        while weights.has(&format!("features.denseblock{number}.denselayer{}.conv1.weight", layers.len() + 1)) {
            let layer = format!("features.denseblock{number}.denselayer{}", layers.len() + 1);
            layers.push(DenseLayer {
                bottleneck: weights.norm_conv(&format!("{layer}.norm1"), &format!("{layer}.conv1"))?,
                grow: weights.norm_conv(&format!("{layer}.norm2"), &format!("{layer}.conv2"))?,
            });
        }
        let transition = format!("features.transition{number}");
        let transition = match weights.has(&format!("{transition}.conv.weight")) {
            true => Some(weights.norm_conv(&format!("{transition}.norm"), &format!("{transition}.conv"))?),
            false => None,
        };
        blocks.push(Block { layers, transition });
    }
    Ok(DenseNet {
        conv0: weights.conv("features.conv0", 2)?,
        norm0: weights.norm("features.norm0")?,
        blocks,
        norm5: weights.norm("features.norm5")?,
        classifier: weights.tensor::<2>("classifier.weight")?.transpose(),
        bias: weights.tensor("classifier.bias")?,
    })
}

struct Weights<'a> {
    file: &'a SafeTensors<'a>,
    device: &'a Device,
}

impl Weights<'_> {
    fn has(&self, name: &str) -> bool {
        self.file.tensor(name).is_ok()
    }

    fn tensor<const D: usize>(&self, name: &str) -> Result<Tensor<D>> {
        let view = self.file.tensor(name)?;
        ensure!(view.dtype() == Dtype::F32 && view.shape().len() == D, "{name}: not f32 of {D} dimensions");
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Tensor::from_data(TensorData::new(values, view.shape().to_vec()), self.device))
    }

    fn norm_conv(&self, norm: &str, conv: &str) -> Result<NormConv> {
        Ok(NormConv { norm: self.norm(norm)?, conv: self.conv(conv, 1)? })
    }

    fn norm(&self, name: &str) -> Result<BatchNorm> {
        let gamma = self.tensor::<1>(&format!("{name}.weight"))?;
        let mut norm = BatchNormConfig::new(gamma.dims()[0]).init(self.device); // 1e-5 by default, like torchvision
        norm.gamma = Param::from_tensor(gamma);
        norm.beta = Param::from_tensor(self.tensor(&format!("{name}.bias"))?);
        norm.running_mean = RunningState::new(self.tensor(&format!("{name}.running_mean"))?);
        norm.running_var = RunningState::new(self.tensor(&format!("{name}.running_var"))?);
        Ok(norm)
    }

    /// A convolution without bias, padded to keep the size at stride 1.
    fn conv(&self, name: &str, stride: usize) -> Result<Conv2d> {
        let weight = self.tensor::<4>(&format!("{name}.weight"))?;
        let [out, inputs, kernel, _] = weight.dims();
        let pad = kernel / 2;
        let mut conv = Conv2dConfig::new([inputs, out], [kernel, kernel])
            .with_stride([stride, stride])
            .with_padding(PaddingConfig2d::Explicit(pad, pad, pad, pad))
            .with_bias(false)
            .with_initializer(Initializer::Zeros)
            .init(self.device);
        conv.weight = Param::from_tensor(weight);
        Ok(conv)
    }
}
