//! Activations as numbers that shaders know: `shaders/shared/activate.wgsl`.

use crate::plan::Elementwise;

/// Channels of a quad.
pub(super) const QUAD: u32 = 4;

const IDENTITY: u32 = 0;
pub(super) const LEAKY_RELU: u32 = 1;
pub(super) const GELU: u32 = 2;
pub(super) const GELU_TANH: u32 = 3;
pub(super) const SILU: u32 = 4;
pub(super) const TANH: u32 = 5;
pub(super) const SIGMOID: u32 = 6;

/// An activation's number, and the slope of a leaky ReLU.
pub(super) fn number(activation: Elementwise) -> (u32, f32) {
    match activation {
        Elementwise::Identity => (IDENTITY, 1.0),
        Elementwise::LeakyRelu { slope } => (LEAKY_RELU, slope),
        Elementwise::Gelu => (GELU, 0.0),
        Elementwise::GeluTanh => (GELU_TANH, 0.0),
        Elementwise::Silu => (SILU, 0.0),
        Elementwise::Tanh => (TANH, 0.0),
        Elementwise::Sigmoid => (SIGMOID, 0.0),
    }
}
