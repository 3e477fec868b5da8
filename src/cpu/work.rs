//! What a step needs to run: the engine and its threads' scratch memory.

use std::sync::{Mutex, PoisonError};

use super::engine::Cpu;
use super::memory::zeros;
use crate::error::Result;
use crate::threads;

/// An engine with scratch memory for each of its threads.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) cpu: Cpu,
    scratch: Vec<Mutex<Vec<f32>>>,
}

impl Work {
    /// `elements` of scratch for each thread.
    ///
    /// # Errors
    /// As [`zeros`].
    pub(super) fn new(cpu: &Cpu, elements: usize) -> Result<Work> {
        let scratch = (0..cpu.threads()).map(|_| zeros(elements).map(Mutex::new)).collect::<Result<_>>()?;
        Ok(Work { cpu: cpu.clone(), scratch })
    }

    pub(super) fn bytes(&self) -> usize {
        let elements = |scratch: &Mutex<Vec<f32>>| scratch.lock().map_or(0, |scratch| scratch.len());
        self.scratch.iter().map(elements).sum::<usize>() * size_of::<f32>()
    }

    pub(super) fn fill(&mut self, value: f32) {
        let scratch = self.scratch.iter_mut();
        scratch.for_each(|scratch| scratch.get_mut().unwrap_or_else(PoisonError::into_inner).fill(value));
    }

    /// As [`Cpu::each_chunk`], with the thread's scratch, which holds anything.
    pub(super) fn each_chunk(
        &self,
        data: &mut [f32],
        chunk: usize,
        work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
    ) {
        self.cpu.each_chunk(data, chunk, |index, chunk| {
            // Work never waits for other work, so a thread holds its own scratch and nobody waits for it.
            let thread = threads::index() % self.scratch.len();
            let mut scratch = self.scratch[thread].lock().unwrap_or_else(PoisonError::into_inner);
            work(index, chunk, &mut scratch);
        });
    }
}

/// Cuts `count` into equal parts of about `target`; an even number of them where there are several, for an even number of
/// threads. Returns the length of a part. It depends on nothing but the two.
pub(super) fn part(count: usize, target: usize) -> usize {
    let parts = count.div_ceil(target).max(1);
    let parts = if parts > 1 { parts.next_multiple_of(2) } else { parts };
    count.div_ceil(parts).max(1)
}
