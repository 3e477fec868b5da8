//! Waiting for the device without blocking the async core.
//!
//! In a browser the event loop completes a mapping. On native somebody must poll the device: blocking callers do it
//! themselves, for async callers one thread at a time waits and their futures are woken by wgpu's callback.

use std::sync::{Arc, Mutex, Weak};

use futures_channel::oneshot;

use super::Gpu;
use crate::error::{Error, Result};

/// No forward pass takes longer; a driver that does has hung.
#[cfg(not(target_arch = "wasm32"))]
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(600);

/// Where the answer to a mapping goes; taken by whoever answers first.
type Answer = Mutex<Option<oneshot::Sender<std::result::Result<(), String>>>>;

fn answer(to: &Answer, with: std::result::Result<(), String>) {
    if let Some(sender) = to.lock().ok().and_then(|mut sender| sender.take()) {
        // The receiver is gone where the caller dropped its future: nobody waits.
        let _ = sender.send(with);
    }
}

/// A mapping that was asked for.
pub(super) struct Mapping(oneshot::Receiver<std::result::Result<(), String>>);

impl Mapping {
    /// Asks for the first `bytes` of a staging buffer. The work that fills it must have been submitted.
    pub(super) fn request(gpu: &Gpu, buffer: &wgpu::Buffer, bytes: u64) -> Mapping {
        let (sender, receiver) = oneshot::channel();
        let to: Arc<Answer> = Arc::new(Mutex::new(Some(sender)));
        gpu.inner.waiting.add(&to);
        buffer.map_async(wgpu::MapMode::Read, 0..bytes, move |result| answer(&to, result.map_err(|e| e.to_string())));
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

/// Mappings that wait for the device.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    answers: Mutex<Vec<Weak<Answer>>>,
    /// Set while a thread polls on behalf of async callers.
    #[cfg(not(target_arch = "wasm32"))]
    driven: std::sync::atomic::AtomicBool,
}

impl Waiting {
    fn add(&self, to: &Arc<Answer>) {
        if let Ok(mut answers) = self.answers.lock() {
            answers.retain(|answer| answer.strong_count() > 0);
            answers.push(Arc::downgrade(to));
        }
    }

    /// Tells all that wait that nothing will come.
    #[cfg(not(target_arch = "wasm32"))]
    fn fail(&self, reason: &Error) {
        let answers = self.answers.lock().map(|mut answers| std::mem::take(&mut *answers)).unwrap_or_default();
        answers.iter().filter_map(Weak::upgrade).for_each(|to| answer(&to, Err(reason.to_string())));
    }
}

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
    if gpu.inner.waiting.driven.swap(true, AcqRel) {
        // That thread may just be past its last poll: it looks again before it ends.
        return;
    }
    let gpu = gpu.clone();
    std::thread::spawn(move || {
        let result = drive_here(&gpu);
        gpu.inner.waiting.driven.swap(false, AcqRel);
        // Once more, for work that was submitted between the end of the wait and this flag, and found it set.
        if let Err(e) = result.and_then(|()| drive_here(&gpu)) {
            gpu.inner.waiting.fail(&e);
        }
    });
}

/// In a browser the event loop does it.
#[cfg(target_arch = "wasm32")]
pub(super) fn drive_in_background(_: &Gpu) {}
