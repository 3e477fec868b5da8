//! Passes in flight: submitted, not yet read back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Gpu;
use super::failure::{self, Errors, Scopes};
use super::output::{self, Output, Readout};
use super::readback::{Driver, Mapping};
use crate::error::{Error, Result};

/// A staging buffer, and whether a pass in flight has it.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) staging: wgpu::Buffer,
    taken: AtomicBool,
}

impl Slot {
    pub(super) fn new(staging: wgpu::Buffer) -> Slot {
        Slot { staging, taken: AtomicBool::new(false) }
    }

    pub(super) fn is_free(&self) -> bool {
        !self.taken.load(Ordering::Acquire)
    }
}

/// A submitted pass: see [`super::Session::submit`]. It holds one of the session's staging buffers until it is awaited or
/// dropped; a dropped one still runs on the device, and nobody hears of it.
#[must_use = "the result comes with `wait`"]
pub struct Pending {
    gpu: Gpu,
    slot: Arc<Slot>,
    readout: Arc<Readout>,
    count: usize,
    submission: wgpu::SubmissionIndex,
    errors: Option<Errors>,
    mapping: Option<Mapping>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("count", &self.count)
            .field("submission", &self.submission)
            .finish_non_exhaustive()
    }
}

impl Pending {
    /// Takes `slot`, which must be free, and lets `submit` submit a pass of `count` images that fills it.
    pub(super) fn start(
        gpu: &Gpu,
        slot: &Arc<Slot>,
        readout: &Arc<Readout>,
        count: usize,
        submit: impl FnOnce(&wgpu::Buffer) -> wgpu::SubmissionIndex,
    ) -> Pending {
        slot.taken.store(true, Ordering::Release);
        let bytes = count as u64 * readout.image_bytes();
        let work = || {
            let submission = submit(&slot.staging);
            (submission, Mapping::request(gpu, &slot.staging, bytes))
        };
        let ((submission, mapping), errors) = Scopes::around(gpu.device(), work);
        Pending {
            gpu: gpu.clone(),
            slot: slot.clone(),
            readout: readout.clone(),
            count,
            submission,
            errors: Some(errors),
            mapping: Some(mapping),
        }
    }

    /// Images of the pass.
    pub fn batch(&self) -> usize {
        self.count
    }

    /// Waits for the result, and reads it.
    ///
    /// # Errors
    /// [`Error::Weights`] where the result is not finite, because weights or images are so large that numbers overflow;
    /// [`Error::OutOfMemory`], [`Error::Device`], [`Error::DeviceLost`].
    pub async fn wait(self) -> Result<Output> {
        self.wait_driven(Driver::Background).await
    }

    /// Blocking twin of [`Pending::wait`].
    ///
    /// # Errors
    /// As [`Pending::wait`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn wait_blocking(self) -> Result<Output> {
        pollster::block_on(self.wait_driven(Driver::Here))
    }

    async fn wait_driven(self, driver: Driver) -> Result<Output> {
        let mut output = self.readout.empty();
        self.append_to(&mut output, driver).await?;
        output::finite(output)
    }

    /// Waits, and appends the images to `output`.
    pub(super) async fn append_to(mut self, output: &mut Output, driver: Driver) -> Result<()> {
        let gpu = &self.gpu;
        gpu.inner.lost.check()?;
        if let Some(errors) = self.errors.take() {
            errors.await.map_err(|error| failure::translate(error, "running the network"))?;
        }
        driver.drive(gpu, &self.submission)?;
        if let Some(mapping) = self.mapping.take() {
            mapping.done(gpu).await?;
        }
        let bytes = self.count as u64 * self.readout.image_bytes();
        let mapped = self.slot.staging.slice(0..bytes).get_mapped_range();
        let view = mapped.map_err(|e| Error::Device(format!("reading back: {e}")))?;
        self.readout.append(bytemuck::cast_slice(&view), self.count, output);
        Ok(())
    }
}

impl Drop for Pending {
    /// Unmaps the staging buffer, mapped or still to be mapped, for the next pass.
    fn drop(&mut self) {
        // After a lost device there is nothing to unmap, and nobody who needs to hear of it.
        let ((), _) = Scopes::around(self.gpu.device(), || self.slot.staging.unmap());
        self.slot.taken.store(false, Ordering::Release);
    }
}
