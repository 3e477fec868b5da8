//! DenseNet (Huang et al. 2017) on any GPU that WebGPU reaches, in hand-written WGSL.
//!
//! A dense layer reads everything before it and adds a few channels. Here concatenation is a write offset: a dense block
//! owns one buffer, each layer writes its channels behind those already there, and nothing is copied.
//!
//! ```no_run
//! use densenet_wgpu::{Gpu, GpuOptions, InputSize, LoadOptions, Model, SessionOptions, weights};
//!
//! # fn main() -> densenet_wgpu::Result<()> {
//! let gpu = Gpu::new_blocking(GpuOptions::default())?; // or Gpu::with_device, to share one with a user interface
//! let weights = weights::open("densenet121.safetensors")?;
//! let model = Model::load_blocking(&gpu, &weights, LoadOptions::default())?;
//! let mut session = model.session_blocking(SessionOptions::new(InputSize::square(224)))?;
//! let images = vec![0.0; 2 * session.image_elements()]; // NCHW f32, any number of images
//! let output = session.run_blocking(&images)?;
//! println!("{:?}", output.row(1)); // the logits of the second image
//! # Ok(())
//! # }
//! ```
//!
//! From a file to an answer: [`weights`] reads a file into tensors under canonical names and an [`Architecture`];
//! [`plan`] decides which tensors and steps there are; [`kernels`] lowers a plan to a program, plain data; the `gpu` room
//! runs it. [`reference`](mod@reference) computes the same without any of that, to compare. The blocking functions exist
//! on native only; each is the twin of an async one.
//!
//! Features (all are on by default): `gpu` (wgpu; `Gpu`, `Model`, `Session`), `images` (decoding and preparing pictures),
//! `safetensors` (weight files, the embedded digit model), `npy` and `cli` (what the binaries need). A library wants
//! `default-features = false` and those it uses; without any there are still architectures, plans, programs, seeded random
//! weights and the reference.

pub mod architecture;
mod cancel;
pub mod error;
#[cfg(feature = "gpu")]
pub mod gpu;
mod kernels;
pub mod labels;
mod maps;
mod nearest;
pub mod picture;
mod plan;
mod precision;
pub mod reference;
pub mod weights;

pub use architecture::{Activation, Architecture, InputSize, Shape};
pub use cancel::CancelToken;
pub use error::{Error, Result};
#[cfg(feature = "gpu")]
pub use gpu::{Gpu, GpuOptions, LoadOptions, Model, Output, Pending, Progress, Session, SessionOptions};
pub use kernels::{AdapterFacts, AdapterKind, DeviceLimits, KernelFamily};
pub use maps::{CLASS_MAPS, FeatureMaps};
#[cfg(feature = "images")]
pub use picture::Picture;
pub use picture::Preprocessing;
pub use precision::Precision;
pub use weights::{Tensor, Weights};
/// wgpu 30, whose types cross the border: [`Gpu::device`], [`Gpu::with_device`].
#[cfg(feature = "gpu")]
pub use wgpu;

/// What engines are made of: plans, programs and kernels, for tools that print or check them.
///
/// **Outside of semantic versioning**: anything here may change in any release.
pub mod low_level {
    /// From a plan to a program: kernels, variants, packing and grids.
    pub mod kernels {
        pub use crate::kernels::*;
    }
    /// What a forward pass does: tensors with channel slots, and steps.
    pub mod plan {
        pub use crate::plan::*;
    }
}

/// The README's program, compiled by `cargo test --doc`.
#[cfg(all(doctest, feature = "cli"))]
#[doc = include_str!("../README.md")]
struct Readme;
