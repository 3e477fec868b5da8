//! The engine: threads, and the widest instructions of this machine.

use std::fmt;
use std::sync::Arc;

use pulp::{Arch, WithSimd};

use super::options::CpuOptions;
use crate::error::{Error, Result};
use crate::threads::{self, Pool};

/// The CPU as an engine. Cheap to clone; clones share their threads, which compute for one run after the other.
///
/// ```
/// use densenet_wgpu::cpu::{Cpu, CpuOptions};
///
/// # fn main() -> densenet_wgpu::Result<()> {
/// let cpu = Cpu::new(CpuOptions::default().threads(1))?;
/// println!("{cpu}"); // CPU engine (1 thread, AVX2)
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cpu {
    arch: Arch,
    /// None where one thread, the caller's, does it all.
    pool: Option<Arc<Pool>>,
}

impl Cpu {
    /// The most threads. More would only wait, and each takes memory before it does anything.
    pub const MAX_THREADS: usize = 1024;

    /// Starts the threads.
    ///
    /// # Errors
    /// [`Error::Input`] for no thread or more than [`Cpu::MAX_THREADS`], or where the system starts no more.
    pub fn new(options: CpuOptions) -> Result<Cpu> {
        let threads = match options.threads {
            Some(threads) if !(1..=Cpu::MAX_THREADS).contains(&threads) => {
                let most = Cpu::MAX_THREADS;
                return Err(Error::Input(format!("the CPU engine takes 1 to {most} threads, not {threads}")));
            }
            _ if cfg!(target_arch = "wasm32") => 1,
            Some(threads) => threads,
            None => std::thread::available_parallelism().map_or(1, usize::from).min(Cpu::MAX_THREADS),
        };
        let start = || {
            let pool = threads::start(threads, "densenet-cpu");
            pool.map(Arc::new).map_err(|e| Error::Input(format!("{threads} threads cannot be started: {e}")))
        };
        let pool = (threads > 1).then(start).transpose()?;
        Ok(Cpu { arch: Arch::new(), pool })
    }

    /// Threads that compute.
    pub fn threads(&self) -> usize {
        self.pool.as_ref().map_or(1, |pool| pool.current_num_threads())
    }

    /// The instructions that it computes with, such as `AVX2`.
    pub fn instructions(&self) -> &'static str {
        self.arch.dispatch(Name)
    }

    /// Runs `work` on the engine's threads.
    pub(super) fn install<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }

    /// Runs `work` on the engine's threads without waiting for it; where the only thread is the caller's, here and now.
    pub(super) fn spawn(&self, work: impl FnOnce() + Send + 'static) {
        match &self.pool {
            Some(pool) => pool.spawn(work),
            None => work(),
        }
    }

    /// Runs an operation with the widest instructions.
    pub(super) fn vectorised<T: WithSimd>(&self, operation: T) -> T::Output {
        self.arch.dispatch(operation)
    }

    /// Hands each chunk of `data` to `work`, with its number. How data is cut does not depend on the number of threads,
    /// and so no result does.
    pub(super) fn each_chunk<T: Send>(&self, data: &mut [T], chunk: usize, work: impl Fn(usize, &mut [T]) + Sync) {
        match &self.pool {
            Some(_) if data.len() > chunk => threads::each_chunk(data, chunk, work),
            _ => data.chunks_mut(chunk).enumerate().for_each(|(index, chunk)| work(index, chunk)),
        }
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.threads();
        write!(f, "CPU engine ({threads} thread{}, {})", if threads == 1 { "" } else { "s" }, self.instructions())
    }
}

impl fmt::Debug for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cpu({} x {})", self.threads(), self.instructions())
    }
}

/// The name of the instructions.
struct Name;

impl WithSimd for Name {
    type Output = &'static str;

    fn with_simd<S: pulp::Simd>(self, _: S) -> &'static str {
        let lanes = size_of::<S::f32s>() / size_of::<f32>();
        match lanes {
            16 => "AVX-512",
            8 => "AVX2",
            4 if cfg!(target_arch = "aarch64") => "NEON",
            4 if cfg!(target_arch = "wasm32") => "SIMD128",
            _ => "baseline",
        }
    }
}
