//! DenseNet inference on any GPU that WebGPU reaches, in hand-written WGSL.
pub mod architecture;
pub mod error;
#[cfg(feature = "images")]
pub mod image;
pub mod labels;
pub mod preset;

pub use architecture::{Activation, Architecture, InputSize, Shape};
pub use error::{Error, Result};
pub use preset::Preset;
