//! DenseNet inference on any GPU that WebGPU reaches, in hand-written WGSL.
pub mod architecture;
pub mod error;
pub mod weights;

pub use architecture::{Activation, Architecture, InputSize, Shape};
pub use error::{Error, Result};
pub use weights::{Tensor, Weights};
