//! From a plan to a program: which kernel, with which constants, parameters, bindings and grid.
//!
//! Everything here is plain data without wgpu: a program can be printed, compared, and checked for a device that does
//! not exist. Each file of a family's folder keeps a kernel's parameters, weight packing and grid together, so that the
//! numbers that specialise the shader and those that size its grid cannot disagree.

mod buffer;
mod facts;
mod kernel;
mod lowering;
mod pack;
mod program;
mod source;
mod texture;

use std::fmt;

pub use facts::{AdapterFacts, AdapterKind, DeviceLimits};
pub use kernel::{Binding, Kernel, Variant};
pub use pack::{PackedWeight, Packing, Storage};
pub use program::{Dispatch, Grid, Images, Program, Resource, TapPlace, TapSource};
pub use texture::Panels;
#[cfg(feature = "gpu")]
pub(crate) use texture::not_a_power_of_two;

/// A way of laying out activations and weights, with kernels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelFamily {
    /// Storage buffers with channels by four: GPUs, and any adapter nobody has tested.
    Buffer,
    /// Read-only rgba32float storage textures: Mesa's lavapipe.
    Texture,
}

impl KernelFamily {
    /// Every family.
    pub const ALL: [KernelFamily; 2] = [KernelFamily::Buffer, KernelFamily::Texture];
}

impl fmt::Display for KernelFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KernelFamily::Buffer => "buffer",
            KernelFamily::Texture => "texture",
        })
    }
}

impl std::str::FromStr for KernelFamily {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = KernelFamily::ALL.into_iter().find(|family| family.to_string() == text);
        known.ok_or_else(|| format!("'{text}' is no kernel family: buffer or texture"))
    }
}

#[cfg(test)]
mod tests;
