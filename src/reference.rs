//! The CPU reference: DenseNet as the paper draws it, written to be obviously right, not fast.
//!
//! Nothing is fused and no arithmetic is shared with the plan or the kernels: every batch norm is computed where it
//! stands, padding is a real border, a concatenation is a copy. Values are f64 from the input to the last layer and are
//! rounded to f32 once, when they are handed out. Threads (rayon) only ever split independent outputs, so results do not
//! depend on their number.
//!
//! With each output come its [tolerances](Outputs::tolerances): how far the same computation in f32 may be from it.

mod layers;
mod maps;
mod network;
mod outputs;
mod rounding;

#[cfg(feature = "images")]
pub(crate) use network::forward_while;
pub use network::{forward, forward_keeping};
pub use outputs::{Comparison, Outputs, compare};

#[cfg(test)]
mod tests;
