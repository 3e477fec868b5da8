//! The only room that knows wgpu: adapters, devices, models and sessions.
//!
//! The core is async and never blocks, so that it can run in a browser; on native every async function has a blocking
//! twin.

mod adapter;
mod failure;
mod load_options;
mod model;
mod output;
mod pending;
#[cfg(not(target_arch = "wasm32"))]
mod profile;
mod readback;
mod resources;
mod session;
mod session_options;
mod weight_store;

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::kernels::AdapterFacts;
pub use adapter::{GpuOptions, device_descriptor};
use failure::Lost;
pub use load_options::{LoadOptions, Progress, ProgressCallback};
pub use model::Model;
pub use output::Output;
pub use pending::Pending;
#[cfg(not(target_arch = "wasm32"))]
pub use profile::StepTime;
pub use session::Session;
pub use session_options::SessionOptions;

/// A device to run on. Cheap to clone; all clones share the device.
///
/// A thread that uses one should be joined before `main` returns: drivers are taken down then, and one that still compiles
/// or runs may crash the process.
#[derive(Clone, Debug)]
pub struct Gpu {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    facts: AdapterFacts,
    lost: Lost,
    waiting: readback::Waiting,
}

impl Gpu {
    /// Opens the best adapter, or the one that `options` name: discrete before integrated before virtual before
    /// software; Vulkan, Metal and DX12 before GL.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] where none is there or none matches (those that are there are named), [`Error::Device`] where
    /// it cannot be opened.
    pub async fn new(options: GpuOptions) -> Result<Gpu> {
        let (adapter, facts) = adapter::choose(&options).await?;
        let (device, queue) = adapter::open(&adapter, &facts).await?;
        let lost = Lost::watch(&device);
        // From here on what the device was opened with counts, not what the adapter could give.
        let facts = adapter::facts_of(&adapter.get_info(), device.features(), &device.limits());
        Ok(Gpu::from_parts(device, queue, facts, lost))
    }

    /// Shares a device that somebody else made, such as a user interface. Limits and features are those of `device`
    /// ([`device_descriptor`] says what is wanted); timestamps need `TIMESTAMP_QUERY` in it. That such a device was lost shows as [`Error::Device`], since the callback
    /// that says so is its maker's.
    pub fn with_device(device: wgpu::Device, queue: wgpu::Queue) -> Gpu {
        let facts = adapter::facts_of(&device.adapter_info(), device.features(), &device.limits());
        Gpu::from_parts(device, queue, facts, Lost::unwatched())
    }

    /// The same device, for which kernels are chosen and limits kept as if its adapter had `facts`: for tests, and for
    /// adapters that misreport themselves. Claiming what the adapter lacks gives errors or wrong numbers.
    pub fn with_facts(&self, facts: AdapterFacts) -> Gpu {
        Gpu::from_parts(self.inner.device.clone(), self.inner.queue.clone(), facts, self.inner.lost.clone())
    }

    fn from_parts(device: wgpu::Device, queue: wgpu::Queue, facts: AdapterFacts, lost: Lost) -> Gpu {
        Gpu { inner: Arc::new(Inner { device, queue, facts, lost, waiting: Default::default() }) }
    }

    /// What is known about the adapter, with the limits that the device was opened with.
    pub fn facts(&self) -> &AdapterFacts {
        &self.inner.facts
    }

    /// The device.
    pub fn device(&self) -> &wgpu::Device {
        &self.inner.device
    }

    /// Its queue.
    pub fn queue(&self) -> &wgpu::Queue {
        &self.inner.queue
    }

    /// Runs `work` and turns what the device refuses meanwhile into an error. `what` completes "while ...".
    async fn scoped<T>(&self, what: &str, work: impl FnOnce() -> T) -> Result<T> {
        let (value, errors) = failure::Scopes::around(&self.inner.device, work);
        self.inner.lost.check()?;
        errors.await.map_err(|error| failure::translate(error, what))?;
        Ok(value)
    }

    fn lost_error(&self) -> Error {
        self.inner.lost.check().err().unwrap_or_else(|| Error::Device("it gave no answer".into()))
    }
}

/// Every adapter, the best first: the order in which `--adapter INDEX` counts.
pub async fn adapters() -> Vec<AdapterFacts> {
    adapter::enumerate(wgpu::Backends::all()).await.into_iter().map(|(_, facts)| facts).collect()
}

/// Blocking twin of [`adapters`].
#[cfg(not(target_arch = "wasm32"))]
pub fn adapters_blocking() -> Vec<AdapterFacts> {
    pollster::block_on(adapters())
}

#[cfg(not(target_arch = "wasm32"))]
impl Gpu {
    /// Blocking twin of [`Gpu::new`].
    ///
    /// # Errors
    /// As [`Gpu::new`].
    pub fn new_blocking(options: GpuOptions) -> Result<Gpu> {
        pollster::block_on(Gpu::new(options))
    }
}
