//! How the CPU engine is set up.

/// Options of [`Cpu::new`](super::Cpu::new).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CpuOptions {
    /// See [`CpuOptions::threads`].
    pub threads: Option<usize>,
}

impl CpuOptions {
    /// Threads that compute, 1 to [`Cpu::MAX_THREADS`](super::Cpu::MAX_THREADS). Without a number, as many as the machine runs at once. The browser has one.
    pub fn threads(mut self, threads: impl Into<Option<usize>>) -> Self {
        self.threads = threads.into();
        self
    }
}
