//! An open device.

use std::sync::{Arc, Mutex};

use super::adapter::{self, GpuOptions};
use super::failure::{self, Lost};
use super::pipelines::Pipelines;
use super::verdicts::{Verdict, Verdicts};
use super::waiting::Waiting;
use crate::error::Result;
use crate::kernels::{AdapterFacts, Experience, Variant};

/// An open device. Cheap to clone; all clones share the device.
///
/// Join every thread that uses it before `main` returns. Drivers are taken down then, and one that is still compiling or
/// running may crash the process.
///
/// ```
/// use densenet_wgpu::{Gpu, GpuOptions};
///
/// # fn main() -> densenet_wgpu::Result<()> {
/// let gpu = Gpu::new_blocking(GpuOptions::default())?;
/// println!("{} ({}, {})", gpu.adapter().name, gpu.adapter().kind, gpu.adapter().backend);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gpu {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// What the adapter could give.
    adapter: AdapterFacts,
    /// What the device was opened with.
    facts: AdapterFacts,
    lost: Lost,
    waiting: Waiting,
    /// Shared by all that is made of the same device and the same shaders.
    pipelines: Arc<Pipelines>,
    verdicts: Arc<Verdicts>,
    /// Which variants are fast, of those that suit these facts.
    choices: Mutex<Experience>,
    /// Whether what was found out is kept for the next time.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "a browser keeps nothing by itself"))]
    remembers: bool,
}

impl Gpu {
    /// Opens the adapter that `options` name, or the best one: the first of [`super::adapters`].
    ///
    /// # Errors
    /// [`Error::NoAdapter`](crate::Error::NoAdapter) where there is none or none matches (the message lists those that
    /// exist), [`Error::Device`](crate::Error::Device) where it cannot be opened.
    pub async fn new(options: GpuOptions) -> Result<Gpu> {
        let (adapter, found) = adapter::choose(&options).await?;
        let (device, queue) = adapter::open(&adapter, &found).await?;
        let lost = Lost::watch(&device);
        let facts = adapter::facts_of(&adapter.get_info(), device.features(), &device.limits());
        let gpu = Gpu::from_parts(device, queue, found, facts, lost, options.remember);
        #[cfg(not(target_arch = "wasm32"))]
        gpu.recall_from_file();
        Ok(gpu)
    }

    /// Shares a device that was opened elsewhere, such as a user interface's. [`super::device_descriptor`] says what to
    /// open it with; only with `TIMESTAMP_QUERY` can steps be timed. The loss of such a device is reported as
    /// [`Error::Device`](crate::Error::Device), since its owner has the callback that would say more.
    pub fn with_device(device: wgpu::Device, queue: wgpu::Queue) -> Gpu {
        let facts = adapter::facts_of(&device.adapter_info(), device.features(), &device.limits());
        let gpu = Gpu::from_parts(device, queue, facts.clone(), facts, Lost::unwatched(), true);
        #[cfg(not(target_arch = "wasm32"))]
        gpu.recall_from_file();
        gpu
    }

    /// The same device, with kernels chosen and limits kept as if it had been opened with `facts`. For tests, and for
    /// adapters that misreport themselves. Claiming what the device lacks gives errors or wrong numbers.
    pub fn with_facts(&self, facts: AdapterFacts) -> Gpu {
        let inner = &self.inner;
        let (device, queue) = (inner.device.clone(), inner.queue.clone());
        let gpu = Gpu::from_parts(device, queue, inner.adapter.clone(), facts, inner.lost.clone(), false);
        gpu.with(inner.pipelines.clone(), inner.verdicts.clone())
    }

    /// The same device with other shaders than ours: `edit` is given each variant with its WGSL. For tests of what happens where a
    /// driver computes wrong values.
    pub fn with_shaders(&self, edit: impl Fn(&Variant, String) -> String + Send + Sync + 'static) -> Gpu {
        let pipelines = Pipelines::edited(Arc::new(edit), self.inner.pipelines.clone());
        self.with_facts(self.facts().clone()).with(Arc::new(pipelines), Arc::default())
    }

    /// Itself, which nobody shares yet.
    fn with(mut self, pipelines: Arc<Pipelines>, verdicts: Arc<Verdicts>) -> Gpu {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            (inner.pipelines, inner.verdicts) = (pipelines, verdicts);
        }
        self
    }

    fn from_parts(
        device: wgpu::Device,
        queue: wgpu::Queue,
        adapter: AdapterFacts,
        facts: AdapterFacts,
        lost: Lost,
        remembers: bool,
    ) -> Gpu {
        Gpu {
            inner: Arc::new(Inner {
                device,
                queue,
                adapter,
                facts,
                lost,
                waiting: Waiting::default(),
                pipelines: Arc::default(),
                verdicts: Arc::default(),
                choices: Mutex::default(),
                remembers,
            }),
        }
    }

    /// The adapter as [`super::adapters`] lists it: all that it could give. For a device from [`Gpu::with_device`] that is
    /// unknown, and these are the device's facts.
    pub fn adapter(&self) -> &AdapterFacts {
        &self.inner.adapter
    }

    /// The adapter with the limits and features that the device was opened with: what programs are lowered for.
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

    /// Whether the device is lost.
    pub(super) fn lost(&self) -> &Lost {
        &self.inner.lost
    }

    /// What was built for it.
    pub(super) fn pipelines(&self) -> &Pipelines {
        &self.inner.pipelines
    }

    /// What its self-test found.
    pub(super) fn verdicts(&self) -> &Verdicts {
        &self.inner.verdicts
    }

    /// What its self-test found so far: a verdict for each variant that was asked.
    pub fn self_test(&self) -> Vec<(Variant, Verdict)> {
        self.inner.verdicts.all()
    }

    /// What was found out about it: which variants are not trusted, and which were chosen for layers.
    pub fn experience(&self) -> Experience {
        let mut experience = self.inner.choices.lock().map(|choices| choices.clone()).unwrap_or_default();
        self.inner.verdicts.refuse_in(&mut experience);
        experience
    }

    /// Changes which variants are chosen for layers.
    pub(super) fn change_choices(&self, change: impl FnOnce(&mut Experience)) {
        if let Ok(mut choices) = self.inner.choices.lock() {
            change(&mut choices);
        }
    }

    /// Whether what was found out about it is kept for the next time.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn remembers(&self) -> bool {
        self.inner.remembers
    }

    /// Who waits for the device.
    pub(super) fn waiting(&self) -> &Waiting {
        &self.inner.waiting
    }

    /// Runs `work` and turns what the device refuses meanwhile into an error. `what` completes "while ...".
    pub(super) async fn scoped<T>(&self, what: &str, work: impl FnOnce() -> T) -> Result<T> {
        let (value, errors) = failure::Scopes::around(&self.inner.device, work);
        self.inner.lost.check()?;
        errors.await.map_err(|error| failure::translate(error, what))?;
        Ok(value)
    }

    /// Blocking twin of [`Gpu::new`].
    ///
    /// # Errors
    /// As [`Gpu::new`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn new_blocking(options: GpuOptions) -> Result<Gpu> {
        pollster::block_on(Gpu::new(options))
    }
}
