//! Layers of heads that tests go through.

use densenet_wgpu::architecture::HeadLayer;

/// Every activation that a head may have.
pub(crate) const ACTIVATIONS: [HeadLayer; 9] = [
    HeadLayer::Relu,
    HeadLayer::LeakyRelu { slope: 0.01 },
    HeadLayer::Gelu,
    HeadLayer::GeluTanh,
    HeadLayer::Silu,
    HeadLayer::Tanh,
    HeadLayer::Sigmoid,
    HeadLayer::Softmax,
    HeadLayer::LogSoftmax,
];
