//! From a plan to a program: which kernel, with which constants, parameters, bindings and grid.
//!
//! Everything here is plain data without wgpu: a program can be printed, compared, and checked for a device that does
//! not exist. Each file of a family's folder keeps a kernel's parameters, weight packing and grid together, so that the
//! numbers that specialise the shader and those that size its grid cannot disagree.

mod buffer;
mod facts;
mod footprint;
mod kernel;
mod lowering;
mod pack;
mod program;
mod source;
mod texture;

use std::fmt;

use crate::error::{Error, Result};
use crate::precision::Precision;

pub use facts::{AdapterFacts, AdapterKind, DeviceLimits};
pub use footprint::{Footprint, STAGING_BUFFERS};
#[cfg(feature = "gpu")]
pub(crate) use footprint::{Layout, Place, WeightTexture};
pub use kernel::{Binding, Kernel, Variant};
pub use pack::{PackedWeight, Packing, Storage};
pub use program::{Dispatch, Grid, Images, Program, Resource, TapPlace, TapSource};
pub use texture::Panels;

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

/// Which kernels a program is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels {
    /// Their family.
    pub family: KernelFamily,
    /// What their weights are stored as.
    pub precision: Precision,
}

impl Kernels {
    /// What is asked for, completed by what suits the adapter.
    ///
    /// # Errors
    /// [`Error::Input`] for f16 in the texture family.
    pub fn choose(family: Option<KernelFamily>, precision: Precision, facts: &AdapterFacts) -> Result<Kernels> {
        let family = match (family, precision) {
            (Some(KernelFamily::Texture), Precision::F16) => {
                return Err(Error::Input("texture kernels have no f16 weights: ask for buffer kernels or f32".into()));
            }
            (Some(family), _) => family,
            (None, Precision::F16) => KernelFamily::Buffer,
            (None, Precision::F32) => facts.family(),
        };
        Ok(Kernels { family, precision })
    }
}

impl From<KernelFamily> for Kernels {
    /// A family in f32.
    fn from(family: KernelFamily) -> Self {
        Kernels { family, precision: Precision::F32 }
    }
}

#[cfg(test)]
mod tests;
