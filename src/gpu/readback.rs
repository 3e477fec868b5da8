//! Waiting for the device without blocking the async core.
//!
//! In a browser the event loop completes a mapping. On native somebody must poll the device: blocking callers do it
//! themselves, for async callers one thread at a time waits and their futures are woken by wgpu's callback.

#[cfg(not(target_arch = "wasm32"))]
use std::collections::VecDeque;
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

/// Mappings that wait for the device.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    answers: Mutex<Vec<Weak<Answer>>>,
    #[cfg(not(target_arch = "wasm32"))]
    driven: Mutex<Driven>,
}

/// What a thread polls for on behalf of async callers.
#[cfg(not(target_arch = "wasm32"))]
#[derive(Debug, Default)]
struct Driven {
    submissions: VecDeque<wgpu::SubmissionIndex>,
    /// Whether that thread is there.
    running: bool,
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

    /// What to poll for next; where there is nothing, the thread that asks has ended.
    #[cfg(not(target_arch = "wasm32"))]
    fn next(&self) -> Option<wgpu::SubmissionIndex> {
        let mut driven = self.driven.lock().ok()?;
        let next = driven.submissions.pop_front();
        driven.running = next.is_some();
        next
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
        Err(e) => Err(gpu.inner.lost.check().err().unwrap_or_else(|| Error::Device(format!("waiting: {e}")))),
    }
}

/// Has a thread poll until `submission` is done: the one that already does, or a new one.
#[cfg(not(target_arch = "wasm32"))]
fn drive_in_background(gpu: &Gpu, submission: &wgpu::SubmissionIndex) {
    let Ok(mut driven) = gpu.inner.waiting.driven.lock() else { return };
    driven.submissions.push_back(submission.clone());
    if std::mem::replace(&mut driven.running, true) {
        return;
    }
    let gpu = gpu.clone();
    std::thread::spawn(move || {
        while let Some(submission) = gpu.inner.waiting.next() {
            if let Err(e) = drive_here(&gpu, Some(submission)) {
                gpu.inner.waiting.fail(&e);
            }
        }
    });
}

/// In a browser the event loop does it.
#[cfg(target_arch = "wasm32")]
fn drive_in_background(_: &Gpu, _: &wgpu::SubmissionIndex) {}
