//! DenseNet inference on any GPU that WebGPU reaches, in hand-written WGSL.
pub mod architecture;
pub mod error;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "images")]
pub mod image;
pub mod kernels;
pub mod labels;
pub mod plan;
pub mod preset;
pub mod reference;
pub mod weights;

pub use architecture::{Activation, Architecture, InputSize, Shape};
pub use error::{Error, Result};
#[cfg(feature = "gpu")]
pub use gpu::{Gpu, GpuOptions, LoadOptions, Model, Output, Progress, Session, SessionOptions, TapValue};
pub use preset::Preset;
pub use weights::{Tensor, Weights};

/// The README's program, compiled by `cargo test --doc`.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
