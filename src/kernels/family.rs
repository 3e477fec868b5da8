//! The kernel families.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// A way of laying out activations and weights, with kernels of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KernelFamily {
    /// Storage buffers, channels by four: for GPUs, and for any adapter that nobody has tested.
    Buffer,
    /// Read-only rgba32float storage textures: for Mesa's lavapipe.
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

impl FromStr for KernelFamily {
    type Err = Error;

    /// # Errors
    /// [`Error::Input`] for a name that is not one of [`KernelFamily::ALL`].
    fn from_str(text: &str) -> Result<Self> {
        let known = KernelFamily::ALL.into_iter().find(|family| family.to_string() == text);
        known.ok_or_else(|| Error::Input(format!("'{text}' is not a kernel family: use buffer or texture")))
    }
}
