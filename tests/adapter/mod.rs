//! The adapter that GPU tests run on. A test without one fails: a skipped test proves nothing.

use std::sync::{Mutex, MutexGuard, OnceLock};

use densenet_wgpu::kernels::AdapterKind;
use densenet_wgpu::{Gpu, GpuOptions};

/// The best adapter, treated as `kind` where given, so that kernels for kinds that are not here run too.
pub(crate) fn gpu(kind: Option<AdapterKind>) -> Gpu {
    let options = GpuOptions { adapter: std::env::var("DENSENET_TEST_ADAPTER").ok(), treat_as: kind };
    Gpu::new_blocking(options).unwrap_or_else(|e| panic!("{e}\n`cargo xtask test` installs a software adapter"))
}

/// A software adapter uses every core: tests that run networks take turns, so that their times stay bounded.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: OnceLock<Mutex<()>> = OnceLock::new();
    TURN.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
