//! The front door: a weight file in, the classes of pictures out.
//!
//! ```
//! # #[cfg(all(feature = "gpu", feature = "safetensors", not(target_arch = "wasm32")))]
//! # fn main() -> densenet_wgpu::Result<()> {
//! use densenet_wgpu::Classifier;
//!
//! let classifier = Classifier::open_blocking("models/mnist.safetensors")?;
//! for place in classifier.classify_blocking("tests/images/digits/3-inverted.png")?.top(5) {
//!     println!("{:6.2} %  {}", 100.0 * place.score, place.label);
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(all(feature = "gpu", feature = "safetensors", not(target_arch = "wasm32"))))]
//! # fn main() {}
//! ```
//!
//! A [`Classifier`] chooses the engine, takes labels and preprocessing from the file, prepares pictures and runs them in
//! batches. [`ClassifierOptions`] overrides each choice. To drive the engine yourself, see [`Gpu`](crate::Gpu),
//! [`Model`](crate::Model) and [`Session`](crate::Session), or [`crate::cpu`].

#[cfg(not(target_arch = "wasm32"))]
mod ahead;
mod choice;
#[expect(clippy::module_inception, reason = "the type is what the room is about")]
mod classifier;
mod engine;
#[cfg(not(target_arch = "wasm32"))]
mod flow;
mod gradient;
mod input;
mod load;
mod many;
mod options;
mod outputs;
mod pool;
mod prediction;
mod rank;

pub use classifier::Classifier;
pub use input::Input;
#[cfg(not(target_arch = "wasm32"))]
pub use many::Predictions;
pub use options::{ClassifierOptions, Engine};
pub use outputs::Wanted;
pub use prediction::{Place, Prediction};
pub use rank::top_k;
