//! The plan: what a forward pass does, as plain data.
//!
//! A plan holds logical tensors with channel slots and the steps between them, after the simplifications that hold on
//! every adapter: `norm2` is folded into the 1x1 convolution before it and `norm0` into the stem; a pre-activation is
//! applied as its consumer loads; a transition pools before its 1x1 convolution (both are linear and the convolution has
//! no bias, so they commute, and a quarter of the multiplications remains). It knows neither weight values nor kernels.
//!
//! **Concatenation is a write offset.** A dense block owns one tensor as wide as its final channel count; each layer
//! writes its new channels into the next slot.

mod build;
mod builder;
mod chain;
mod dump;
mod forward;
mod head;
mod memory;
mod step;
mod tensor;

pub use build::MAX_IMAGES;
pub use forward::Plan;
pub use step::{Elementwise, Operation, Step, Tap};
pub use tensor::{PlanTensor, Slot, TensorId, TensorKind, View};

#[cfg(test)]
mod tests;
