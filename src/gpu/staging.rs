//! Buffers that results are read back from.

use std::sync::atomic::{AtomicBool, Ordering};

/// A buffer that the host can map, and whether a pass in flight has it.
#[derive(Debug)]
pub(super) struct Staging {
    pub(super) buffer: wgpu::Buffer,
    taken: AtomicBool,
}

impl Staging {
    pub(super) fn new(buffer: wgpu::Buffer) -> Staging {
        Staging { buffer, taken: AtomicBool::new(false) }
    }

    /// Takes it; whether it was free.
    pub(super) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::AcqRel)
    }

    pub(super) fn release(&self) {
        self.taken.store(false, Ordering::Release);
    }

    pub(super) fn is_free(&self) -> bool {
        !self.taken.load(Ordering::Acquire)
    }
}
