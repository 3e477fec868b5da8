//! Runs DenseNets (Huang et al. 2017) on any GPU that WebGPU reaches, in hand-written WGSL, and on the processor where there is
//! none.
//!
//! ```
//! # #[cfg(all(feature = "gpu", feature = "images", feature = "safetensors", not(target_arch = "wasm32")))]
//! # fn main() -> densenet_wgpu::Result<()> {
//! use densenet_wgpu::Classifier;
//!
//! let classifier = Classifier::open_blocking("models/mnist.safetensors")?; // or densenet121.pth, model.keras, model.onnx, ..
//! for place in classifier.classify_blocking("tests/images/digits/7-paper.png")?.top(5) {
//!     println!("{:6.2} %  {}", 100.0 * place.score, place.label);
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "gpu", feature = "images", feature = "safetensors", not(target_arch = "wasm32"))))]
//! # fn main() {}
//! ```
//!
//! [`Classifier`] finds a GPU, else takes the CPU engine, and takes architecture, preprocessing and labels from the file;
//! [`ClassifierOptions`] overrides each. Below it is a second level, for engines of one's own: [`weights::open`] reads a
//! file into [`Weights`], a [`Gpu`] is a device, a [`Model`] holds the weights on it, and a [`Session`] runs tensors of one
//! size; the module [`cpu`] has the same for a [`Cpu`]. [`reference`](mod@reference) computes the same without any of that,
//! slowly, to compare with. Opening, loading, classifying and running are async; on native each has a `_blocking` twin.
//!
//! A dense layer reads everything before it and adds a few channels. Here concatenation is a write offset: a dense block
//! owns one buffer, each layer writes its channels behind those already there, and nothing is copied.
//!
//! # Features
//!
//! | feature | brings |
//! |---|---|
//! | `gpu` | [`Gpu`], [`Model`], [`Session`] (wgpu) |
//! | `cpu` | the CPU engine: [`Cpu`], [`cpu::Model`], [`cpu::Session`] |
//! | `images` | [`Classifier`]; decoding PNG and JPEG, resizing and normalising pictures; class-activation maps over them |
//! | `more-images` | WebP, BMP, GIF and TIFF files |
//! | `safetensors`, `pytorch`, `keras`, `onnx` | weight files of each kind, [`files`]; `safetensors` also the embedded digit model |
//! | `npy` | .npy files in the binaries |
//! | `cli` | the binaries, and all of the above but `pytorch`, `keras` and `onnx` |
//! | `pull` | `densenet pull`, published weights by name; nothing in the library, which never uses the network |
//!
//! All are on by default. A library wants `default-features = false` and those it uses. Without any there are
//! architectures, plans, programs, seeded random weights and the reference.

#![cfg_attr(
    target_arch = "wasm32",
    allow(
        clippy::arc_with_non_send_sync,
        reason = "a browser's devices stay on their thread; elsewhere they are shared"
    )
)]

pub mod architecture;
mod cancel;
#[cfg(feature = "images")]
mod classifier;
#[cfg(feature = "cpu")]
pub mod cpu;
mod engine;
pub mod error;
#[cfg(feature = "files")]
pub mod files;
#[cfg(feature = "gpu")]
pub mod gpu;
mod kernels;
pub mod labels;
mod maps;
mod nearest;
mod pause;
pub mod picture;
mod plan;
mod precision;
#[cfg(feature = "gpu")]
mod questions;
pub mod reference;
mod threads;
pub mod weights;

pub use architecture::{Activation, Architecture, InputSize, Shape};
pub use cancel::CancelToken;
#[cfg(all(feature = "images", not(target_arch = "wasm32")))]
pub use classifier::Predictions;
#[cfg(feature = "images")]
pub use classifier::{Classifier, ClassifierOptions, Engine, Input, Place, Prediction, Wanted, top_k};
#[cfg(feature = "cpu")]
pub use cpu::{Cpu, CpuOptions};
pub use engine::{LoadOptions, Output, Progress, ProgressCallback, SessionOptions, StepTime, Tuning};
pub use error::{Error, Result};
#[cfg(feature = "gpu")]
pub use gpu::{Gpu, GpuOptions, Model, Pending, Session};
pub use kernels::{AdapterFacts, AdapterKind, DeviceLimits, KernelFamily};
pub use maps::{CLASS_MAPS, FeatureMaps, POOLED_MAPS};
pub use pause::{Pause, Rest};
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
