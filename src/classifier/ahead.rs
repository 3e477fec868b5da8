//! Preparing the next pictures on another thread.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use rayon::prelude::*;

use super::classifier::Classifier;
use super::input::{Input, Ready};
use crate::error::Result;

/// Prepared pictures in the order of the inputs, a batch at a time, one batch ahead.
pub(super) struct Ahead {
    batches: Option<Receiver<Vec<Result<Ready>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    pub(super) fn start<I>(classifier: &Classifier, pictures: I) -> Ahead
    where
        I: Iterator + Send + 'static,
        I::Item: Into<Input>,
    {
        let (sender, batches) = sync_channel(1);
        let classifier = classifier.clone();
        let thread = std::thread::spawn(move || {
            let mut pictures = pictures.map(Into::into);
            loop {
                let batch: Vec<Input> = pictures.by_ref().take(classifier.batch().max(PARALLEL)).collect();
                if batch.is_empty() {
                    return;
                }
                let batch = batch.into_par_iter().map(|input| classifier.prepare(input)).collect();
                if sender.send(batch).is_err() {
                    return;
                }
            }
        });
        Ahead { batches: Some(batches), thread: Some(thread) }
    }

    /// Waits for the next batch; `None` at the end.
    pub(super) fn next(&self) -> Option<Vec<Result<Ready>>> {
        self.batches.as_ref()?.recv().ok()
    }

    /// The next batch, if it is ready.
    pub(super) fn try_next(&self) -> Option<Vec<Result<Ready>>> {
        self.batches.as_ref()?.try_recv().ok()
    }
}

/// Pictures prepared in parallel, even if a pass takes fewer.
const PARALLEL: usize = 8;

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without a receiver the thread ends.
        self.batches = None;
        if let Some(thread) = self.thread.take() {
            // If the thread panicked, the iteration has ended already.
            let _ = thread.join();
        }
    }
}
