//! Who waits for the device: signals that it owes an answer, and submissions that a thread polls for.

#[cfg(not(target_arch = "wasm32"))]
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Weak};

use super::signal::Signal;
#[cfg(not(target_arch = "wasm32"))]
use crate::error::Error;

/// Signals that wait for the device.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    signals: Mutex<Vec<Weak<Signal>>>,
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
    /// Remembers a signal, for [`Waiting::fail`].
    pub(super) fn add(&self, signal: &Arc<Signal>) {
        if let Ok(mut signals) = self.signals.lock() {
            signals.retain(|signal| signal.strong_count() > 0);
            signals.push(Arc::downgrade(signal));
        }
    }

    /// Tells all that wait that nothing will come.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn fail(&self, reason: &Error) {
        let signals = self.signals.lock().map(|mut signals| std::mem::take(&mut *signals)).unwrap_or_default();
        signals.iter().filter_map(Weak::upgrade).for_each(|signal| signal.send(Err(reason.to_string())));
    }

    /// Adds a submission to poll for. Returns whether the caller must start a thread for it.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn enqueue(&self, submission: &wgpu::SubmissionIndex) -> bool {
        let Ok(mut driven) = self.driven.lock() else { return false };
        driven.submissions.push_back(submission.clone());
        !std::mem::replace(&mut driven.running, true)
    }

    /// The submission to poll for next. After none, the calling thread must end.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn next(&self) -> Option<wgpu::SubmissionIndex> {
        let mut driven = self.driven.lock().ok()?;
        let next = driven.submissions.pop_front();
        driven.running = next.is_some();
        next
    }
}
