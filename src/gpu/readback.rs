//! Waiting for the device without blocking the async core.
//!
//! In a browser the event loop completes a mapping. On native somebody must poll the device: blocking callers do it
//! themselves, for async callers one thread at a time waits and their futures are woken by wgpu's callback.

use futures_channel::oneshot;

use super::Gpu;
use crate::error::{Error, Result};

/// No forward pass takes longer; a driver that does has hung.
#[cfg(not(target_arch = "wasm32"))]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

/// A mapping that was asked for.
pub(super) struct Mapping(oneshot::Receiver<std::result::Result<(), wgpu::BufferAsyncError>>);

impl Mapping {
    /// Asks for the first `bytes` of a staging buffer. The work that fills it must have been submitted.
    pub(super) fn request(buffer: &wgpu::Buffer, bytes: u64) -> Mapping {
        let (sender, receiver) = oneshot::channel();
        buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |result| {
            // The receiver is gone where the caller dropped its future: nobody waits.
            let _ = sender.send(result);
        });
        Mapping(receiver)
    }

    /// Waits, whoever drives the device.
    pub(super) async fn done(self, gpu: &Gpu) -> Result<()> {
        match self.0.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(e)) => {
                Err(gpu.inner.lost.check().err().unwrap_or_else(|| Error::Device(format!("reading back: {e}"))))
            }
            Err(_) => Err(gpu.lost_error()),
        }
    }
}

/// Set while a thread waits for the device on behalf of async callers.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Default)]
pub(super) struct Driver(std::sync::atomic::AtomicBool);

/// Polls on the calling thread until all submitted work is done.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn drive_here(gpu: &Gpu) -> Result<()> {
    let wait = wgpu::PollType::Wait { submission_index: None, timeout: Some(PATIENCE) };
    match gpu.device().poll(wait) {
        Ok(_) => Ok(()),
        Err(wgpu::PollError::Timeout) => {
            Err(Error::Device(format!("no answer within {} s: the driver hangs", PATIENCE.as_secs())))
        }
        Err(e) => Err(gpu.inner.lost.check().err().unwrap_or_else(|| Error::Device(format!("waiting: {e}")))),
    }
}

/// Has a thread poll until all submitted work is done, unless one already does.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn drive_in_background(gpu: &Gpu) {
    use std::sync::atomic::Ordering::AcqRel;
    if gpu.inner.driver.0.swap(true, AcqRel) {
        // That thread may just be past its last poll: it looks again before it ends.
        return;
    }
    let gpu = gpu.clone();
    std::thread::spawn(move || {
        let result = drive_here(&gpu);
        gpu.inner.driver.0.swap(false, AcqRel);
        match result {
            // Work that was submitted between the end of the wait and this flag found it set.
            Ok(()) => drop(gpu.device().poll(wgpu::PollType::wait_indefinitely())),
            Err(e) => log::error!("{e}"),
        }
    });
}

/// In a browser the event loop does it.
#[cfg(target_arch = "wasm32")]
pub(super) fn drive_in_background(_: &Gpu) {}
