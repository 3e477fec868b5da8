//! Idle runners, kept for the next picture: threads can share a classifier, and buffers are made once.

use std::sync::Mutex;

use super::engine::{Runner, Shape};

/// Idle runners kept: about as many threads as classify at once.
const MAX_IDLE: usize = 4;

#[derive(Default)]
pub(super) struct Pool(Mutex<Vec<(Shape, Runner)>>);

impl Pool {
    /// A runner for images of this size, these taps and at least this batch. Runners for other sizes are dropped, so that
    /// old buffers are freed before new ones are made.
    pub(super) fn take(&self, shape: &Shape) -> Option<(Shape, Runner)> {
        let mut idle = self.0.lock().ok()?;
        idle.retain(|(has, _)| has.size == shape.size && has.taps == shape.taps);
        let index = idle.iter().position(|(has, _)| has.batch >= shape.batch)?;
        Some(idle.swap_remove(index))
    }

    /// Takes a runner back.
    pub(super) fn put(&self, shape: Shape, runner: Runner) {
        if let Ok(mut idle) = self.0.lock()
            && idle.len() < MAX_IDLE
        {
            idle.push((shape, runner));
        }
    }

    /// The most bytes that an idle runner holds on the device, the model's included.
    pub(super) fn largest_device_bytes(&self) -> u64 {
        let idle = self.0.lock();
        idle.map(|idle| idle.iter().map(|(_, runner)| runner.device_bytes()).max().unwrap_or(0)).unwrap_or(0)
    }
}
