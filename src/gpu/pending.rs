//! Passes in flight: submitted, not yet read back.

use std::fmt;
use std::sync::Arc;

use super::failure::{self, Scopes};
use super::feed::{Feed, PassId};
use super::readback::{self, Driver};
use super::staging::Staging;
use crate::engine::Output;
use crate::error::{Error, Result};

/// A submitted pass: see [`super::Session::submit`]. It holds one of the session's staging buffers until it is awaited or
/// dropped. What the device has of a dropped pass it still runs; its result is lost.
#[must_use = "the result comes with `wait`"]
pub struct Pending {
    feed: Arc<Feed>,
    pass: PassId,
    count: usize,
    staging: Arc<Staging>,
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("pass", &self.pass).field("count", &self.count).finish_non_exhaustive()
    }
}

impl Pending {
    /// Starts a pass of `count` images that fills `staging`, which the caller has taken.
    pub(super) fn start(feed: &Arc<Feed>, images: &[f32], count: usize, staging: Arc<Staging>) -> Result<Pending> {
        let pass = feed.push(images, count, staging.clone());
        let pending = Pending { feed: feed.clone(), pass, count, staging };
        feed.advance(pass)?;
        Ok(pending)
    }

    /// Images of the pass.
    pub fn batch(&self) -> usize {
        self.count
    }

    /// Waits for the result, and reads it. In a session with a cancel token, waiting is also what submits the rest of the
    /// pass, in chunks.
    ///
    /// # Errors
    /// [`Error::Weights`] where the result is not finite, because weights or images are so large that numbers overflow;
    /// [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Device`], [`Error::DeviceLost`].
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
        let mut output = self.feed.recorder.readout.empty();
        self.append_to(&mut output, driver).await?;
        output.finite()
    }

    /// Waits, and appends the images to `output`.
    pub(super) async fn append_to(self, output: &mut Output, driver: Driver) -> Result<()> {
        let recorder = &self.feed.recorder;
        let gpu = recorder.gpu();
        while let Some(chunk) = self.feed.advance(self.pass)? {
            driver.drive(gpu, &chunk.submission)?;
            readback::answer(gpu, &chunk.done).await?;
        }
        let submitted = self.feed.take(self.pass).unwrap_or_default();
        for errors in submitted.errors {
            errors.await.map_err(|error| failure::translate(error, "running the network"))?;
        }
        if let Some((submission, mapping)) = submitted.last {
            driver.drive(gpu, &submission)?;
            readback::answer(gpu, &mapping).await?;
        }
        self.feed.proceed()?;
        let bytes = self.count as u64 * recorder.readout.image_bytes();
        let mapped = self.staging.buffer.slice(0..bytes).get_mapped_range();
        let view = mapped.map_err(|e| Error::Device(format!("reading back: {e}")))?;
        recorder.readout.append(bytemuck::cast_slice(&view), self.count, output);
        Ok(())
    }
}

impl Drop for Pending {
    /// Unmaps the staging buffer, mapped or still to be mapped, for the next pass.
    fn drop(&mut self) {
        self.feed.take(self.pass);
        // A buffer of a pass that was not submitted to its end is not mapped, and a lost device has none: no harm.
        let ((), _) = Scopes::around(self.feed.recorder.gpu().device(), || self.staging.buffer.unmap());
        self.staging.release();
    }
}
