//! The list of all kernels.

use super::kernel::Kernel;
use super::{buffer, shared, texture};

impl Kernel {
    /// Every kernel.
    pub fn all() -> impl Iterator<Item = &'static Kernel> {
        buffer::KERNELS.iter().chain(shared::KERNELS).chain(texture::KERNELS).copied()
    }

    /// The kernel with this [`Kernel::name`].
    pub fn named(name: &str) -> Option<&'static Kernel> {
        Kernel::all().find(|kernel| kernel.name() == name)
    }
}
