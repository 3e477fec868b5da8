//! Preparing the next pictures on another thread.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::classifier::Classifier;
use super::input::{Input, Ready};
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::threads;

/// Prepared pictures in the order of the inputs, a batch at a time, one batch ahead.
pub(super) struct Ahead {
    batches: Option<Receiver<Vec<Result<Ready>>>>,
    thread: Option<JoinHandle<()>>,
    cancel: Option<CancelToken>,
}

impl Ahead {
    pub(super) fn start<I>(classifier: &Classifier, pictures: I) -> Ahead
    where
        I: Iterator + Send + 'static,
        I::Item: Into<Input>,
    {
        let (sender, batches) = sync_channel(1);
        let (classifier, cancel) = (classifier.clone(), classifier.inner.cancel.clone());
        let thread = std::thread::spawn(move || {
            let mut pictures = pictures.map(Into::into);
            loop {
                let batch: Vec<Input> = pictures.by_ref().take(classifier.batch().max(PARALLEL)).collect();
                if batch.is_empty() {
                    return;
                }
                let batch = threads::map(batch, |input| classifier.prepare(input));
                if sender.send(batch).is_err() {
                    return;
                }
            }
        });
        Ahead { batches: Some(batches), thread: Some(thread), cancel }
    }

    /// Waits for the next batch; `None` at the end. A picture may be long in coming, from a terminal or over a network.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled).
    pub(super) fn next(&self) -> Result<Option<Vec<Result<Ready>>>> {
        let Some(batches) = &self.batches else { return Ok(None) };
        loop {
            self.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
            match batches.recv_timeout(GLANCE) {
                Ok(batch) => return Ok(Some(batch)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The next batch, if it is ready.
    pub(super) fn try_next(&self) -> Option<Vec<Result<Ready>>> {
        self.batches.as_ref()?.try_recv().ok()
    }
}

/// How often a wait looks at the cancel token.
const GLANCE: Duration = Duration::from_millis(20);
/// Pictures prepared in parallel, even if a pass takes fewer.
const PARALLEL: usize = 8;

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without a receiver the thread ends.
        self.batches = None;
        let is_cancelled = self.cancel.as_ref().is_some_and(CancelToken::is_cancelled);
        // Once cancelled it ends as soon as it can: nobody waits for the picture that it reads.
        if let Some(thread) = self.thread.take_if(|_| !is_cancelled) {
            // If the thread panicked, the iteration has ended already.
            let _ = thread.join();
        }
    }
}
