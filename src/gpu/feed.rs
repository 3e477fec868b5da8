//! Handing passes to the device.
//!
//! Without a cancel token, a pass is one submission. With one, it is submitted in chunks of dispatches, of which the device
//! has at most two: the one that it works on and the next. Whoever waits for a pass submits the chunks that follow, and
//! checks the token before each. All passes of a session use the same activations, so that chunks are submitted in the
//! order of their passes.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use web_time::Instant;

use super::failure::{Errors, Scopes};
use super::readback;
use super::recorder::Recorder;
use super::signal::Signal;
use super::staging::Staging;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::kernels::{AdapterKind, Dispatch};

/// Chunks on the device at once: while it works on one it has the next, and never waits for the host.
const CHUNKS_AHEAD: usize = 2;

/// The passes of a session that are under way.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) recorder: Recorder,
    cancel: Option<CancelToken>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    /// In the order in which they were pushed.
    passes: VecDeque<Pass>,
    /// Chunks that the device may still work on; of sessions with a token only.
    running: VecDeque<Chunk>,
    next: PassId,
    last_encode: Duration,
}

/// Which pass of a session.
pub(super) type PassId = u64;

/// A pass that nobody has read back.
struct Pass {
    id: PassId,
    count: usize,
    staging: Arc<Staging>,
    /// Images still to be uploaded: earlier passes need the memory until then.
    images: Option<Vec<f32>>,
    /// Dispatches still to be submitted.
    chunks: VecDeque<Range<usize>>,
    submitted: Submitted,
}

/// What the submission of a pass leaves to wait for.
#[derive(Default)]
pub(super) struct Submitted {
    /// What the device refused, of each chunk.
    pub(super) errors: Vec<Errors>,
    /// The last chunk, and the mapping of the staging buffer.
    pub(super) last: Option<(wgpu::SubmissionIndex, Arc<Signal>)>,
}

/// A chunk on the device.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pass: PassId,
    pub(super) submission: wgpu::SubmissionIndex,
    pub(super) done: Arc<Signal>,
}

impl Feed {
    pub(super) fn new(recorder: Recorder, cancel: Option<CancelToken>) -> Feed {
        Feed { recorder, cancel, queue: Mutex::default() }
    }

    /// Fails once the session's token is cancelled.
    pub(super) fn proceed(&self) -> Result<()> {
        self.cancel.as_ref().map_or(Ok(()), CancelToken::check)
    }

    /// Adds a pass of `count` images that fills `staging`.
    pub(super) fn push(&self, images: &[f32], count: usize, staging: Arc<Staging>) -> PassId {
        let mut queue = self.lock();
        let id = queue.next;
        queue.next += 1;
        let mut submitted = Submitted::default();
        let early = queue.passes.iter().all(|pass| pass.chunks.is_empty());
        if early {
            let ((), errors) = Scopes::around(self.recorder.gpu().device(), || self.recorder.upload(images));
            submitted.errors.push(errors);
        }
        let images = (!early).then(|| images.to_vec());
        let chunks = self.chunks(count);
        queue.passes.push_back(Pass { id, count, staging, images, chunks, submitted });
        id
    }

    /// Submits as much as the device should have by now. Returns the chunk to wait for before the next call, or none
    /// where pass `id` has no more than its last chunk before it.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled), [`Error::DeviceLost`](crate::Error::DeviceLost).
    pub(super) fn advance(&self, id: PassId) -> Result<Option<Chunk>> {
        self.proceed()?;
        self.recorder.gpu().lost().check()?;
        if self.cancel.is_some() {
            readback::collect(self.recorder.gpu());
        }
        let mut queue = self.lock();
        queue.running.retain(|chunk| !chunk.done.is_set());
        while queue.running.len() < CHUNKS_AHEAD && self.submit_next(&mut queue) {}
        let ahead = queue.passes.iter().any(|pass| pass.id == id && !pass.chunks.is_empty());
        let own = queue.running.iter().filter(|chunk| chunk.pass == id).count();
        Ok(if ahead || own > 1 { queue.running.front().cloned() } else { None })
    }

    /// Submits all that was pushed, for work that must come behind it.
    pub(super) fn flush(&self) {
        let mut queue = self.lock();
        while self.submit_next(&mut queue) {}
    }

    /// Takes out a pass that was submitted, or drops what was not submitted of it.
    pub(super) fn take(&self, id: PassId) -> Option<Submitted> {
        let mut queue = self.lock();
        let at = queue.passes.iter().position(|pass| pass.id == id)?;
        queue.passes.remove(at).map(|pass| pass.submitted)
    }

    /// Time that recording the last pass took on the host.
    pub(super) fn last_encode(&self) -> Duration {
        self.lock().last_encode
    }

    /// Submits the next chunk; whether there was one.
    fn submit_next(&self, queue: &mut Queue) -> bool {
        let Queue { passes, running, last_encode, .. } = queue;
        let Some((pass, chunk)) = passes.iter_mut().find_map(|pass| pass.chunks.pop_front().map(|chunk| (pass, chunk)))
        else {
            return false;
        };
        let gpu = self.recorder.gpu();
        if chunk.start == 0 {
            *last_encode = Duration::ZERO;
        }
        let work = || {
            if let Some(images) = pass.images.take() {
                self.recorder.upload(&images);
            }
            let start = Instant::now();
            let commands = self.recorder.record(chunk, pass.count, &pass.staging.buffer);
            *last_encode += start.elapsed();
            let submission = gpu.queue().submit([commands]);
            if self.cancel.is_some() {
                let done = readback::all_done(gpu);
                running.push_back(Chunk { pass: pass.id, submission: submission.clone(), done });
            }
            if pass.chunks.is_empty() {
                let bytes = pass.count as u64 * self.recorder.readout.image_bytes();
                pass.submitted.last = Some((submission, readback::map(gpu, &pass.staging.buffer, bytes)));
            }
        };
        let ((), errors) = Scopes::around(gpu.device(), work);
        pass.submitted.errors.push(errors);
        true
    }

    /// How a pass of `count` images is cut.
    fn chunks(&self, count: usize) -> VecDeque<Range<usize>> {
        let dispatches = &self.recorder.program.dispatches[..self.recorder.dispatches()];
        let budget = match self.cancel {
            Some(_) => chunk_macs(self.recorder.gpu().facts().kind) / count.max(1) as u64,
            None => u64::MAX,
        };
        cut(dispatches, budget)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pass")
            .field("id", &self.id)
            .field("count", &self.count)
            .field("chunks", &self.chunks)
            .finish_non_exhaustive()
    }
}

/// Multiply-accumulates of a chunk: what a slow adapter of a kind does in some 25 ms. lavapipe on two cores was measured
/// at 20 to 35 a nanosecond.
fn chunk_macs(kind: AdapterKind) -> u64 {
    match kind {
        AdapterKind::Discrete | AdapterKind::Virtual => 20_000_000_000,
        AdapterKind::Integrated => 3_000_000_000,
        AdapterKind::Software | AdapterKind::Other => 500_000_000,
    }
}

/// Cuts dispatches into ranges of at most `budget` multiply-accumulates an image, or of one dispatch that exceeds it.
fn cut(dispatches: &[Dispatch], budget: u64) -> VecDeque<Range<usize>> {
    let mut chunks = VecDeque::new();
    let (mut start, mut macs) = (0, 0);
    for (index, dispatch) in dispatches.iter().enumerate() {
        if index > start && macs + dispatch.macs > budget {
            chunks.push_back(start..index);
            (start, macs) = (index, 0);
        }
        macs += dispatch.macs;
    }
    chunks.push_back(start..dispatches.len());
    chunks
}
