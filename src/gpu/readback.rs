//! Waiting for the device without blocking the async core.
//!
//! In a browser, the event loop completes what was asked for. On native, somebody must poll the device: blocking callers
//! do so themselves; for async callers one thread polls, and wgpu's callbacks wake their futures.

use std::sync::Arc;

use super::device::Gpu;
use super::signal::Signal;
use crate::error::{Error, Result};

/// No forward pass takes longer; a driver that does has hung.
#[cfg(not(target_arch = "wasm32"))]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

/// Asks for the first `bytes` of a staging buffer. The work that fills it must have been submitted.
pub(super) fn map(gpu: &Gpu, buffer: &wgpu::Buffer, bytes: u64) -> Arc<Signal> {
    let (signal, sender) = Signal::new();
    gpu.waiting().add(&signal);
    buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |result| sender.send(result.map_err(|e| e.to_string())));
    signal
}

/// Asks for word that all that was submitted so far is done.
pub(super) fn all_done(gpu: &Gpu) -> Arc<Signal> {
    let (signal, sender) = Signal::new();
    gpu.waiting().add(&signal);
    gpu.queue().on_submitted_work_done(move || sender.send(Ok(())));
    signal
}

/// Lets callbacks run whose work is done, without waiting. A browser's event loop does so by itself.
pub(super) fn collect(gpu: &Gpu) {
    // What goes wrong shows where the work is awaited.
    let _ = gpu.device().poll(wgpu::PollType::Poll);
}

/// Waits for a signal, whoever drives the device.
pub(super) async fn answer(gpu: &Gpu, signal: &Signal) -> Result<()> {
    signal.wait().await.map_err(|reason| {
        let lost = gpu.lost().check().err();
        lost.unwrap_or_else(|| Error::Device(format!("waiting for the device: {reason}")))
    })
}

/// Who polls the device.
#[derive(Clone, Copy, Debug)]
pub(super) enum Driver {
    /// The calling thread, which blocks: for blocking callers.
    #[cfg(not(target_arch = "wasm32"))]
    Here,
    /// Somebody else: a thread, or a browser's event loop.
    Background,
}

impl Driver {
    /// Sees to it that the device is polled until `submission` is done.
    pub(super) fn drive(self, gpu: &Gpu, submission: &wgpu::SubmissionIndex) -> Result<()> {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Driver::Here => drive_here(gpu, Some(submission.clone())),
            Driver::Background => {
                drive_in_background(gpu, submission);
                Ok(())
            }
        }
    }
}

/// Polls on the calling thread until a submission, or all submitted work, is done.
#[cfg(not(target_arch = "wasm32"))]
pub(super) fn drive_here(gpu: &Gpu, submission: Option<wgpu::SubmissionIndex>) -> Result<()> {
    let wait = wgpu::PollType::Wait { submission_index: submission, timeout: Some(PATIENCE) };
    match gpu.device().poll(wait) {
        Ok(_) => Ok(()),
        Err(wgpu::PollError::Timeout) => {
            Err(Error::Device(format!("no answer within {} s: the driver hangs", PATIENCE.as_secs())))
        }
        Err(e) => Err(gpu.lost().check().err().unwrap_or_else(|| Error::Device(format!("waiting: {e}")))),
    }
}

/// Has a thread poll until `submission` is done: the one that already does, or a new one.
#[cfg(not(target_arch = "wasm32"))]
fn drive_in_background(gpu: &Gpu, submission: &wgpu::SubmissionIndex) {
    if !gpu.waiting().enqueue(submission) {
        return;
    }
    let gpu = gpu.clone();
    std::thread::spawn(move || {
        while let Some(submission) = gpu.waiting().next() {
            if let Err(e) = drive_here(&gpu, Some(submission)) {
                gpu.waiting().fail(&e);
            }
        }
    });
}

/// In a browser the event loop does it.
#[cfg(target_arch = "wasm32")]
fn drive_in_background(_: &Gpu, _: &wgpu::SubmissionIndex) {}
