//! An answer that comes once, for any number of tasks that wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// What the device answers: done, or why not.
pub(super) type Answer = std::result::Result<(), String>;

/// Where an answer arrives.
#[derive(Debug, Default)]
pub(super) struct Signal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    answer: Option<Answer>,
    wakers: Vec<Waker>,
}

impl Signal {
    /// A signal, and the sender that a callback takes.
    pub(super) fn new() -> (Arc<Signal>, Sender) {
        let signal = Arc::new(Signal::default());
        (signal.clone(), Sender(signal))
    }

    /// Gives the answer; only the first counts.
    pub(super) fn send(&self, answer: Answer) {
        let mut state = self.lock();
        state.answer.get_or_insert(answer);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether the answer is there.
    pub(super) fn is_set(&self) -> bool {
        self.lock().answer.is_some()
    }

    /// Waits for the answer.
    pub(super) async fn wait(&self) -> Answer {
        std::future::poll_fn(|context| {
            let mut state = self.lock();
            if let Some(answer) = &state.answer {
                return Poll::Ready(answer.clone());
            }
            if !state.wakers.iter().any(|waker| waker.will_wake(context.waker())) {
                state.wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers a [`Signal`]. Dropped without an answer, as wgpu drops the callbacks of a device that is gone, it says so.
pub(super) struct Sender(Arc<Signal>);

impl Sender {
    pub(super) fn send(self, answer: Answer) {
        self.0.send(answer);
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.0.send(Err("the device gave no answer".into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_hears_the_first_answer() {
        let (signal, sender) = Signal::new();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let signal = signal.clone();
                std::thread::spawn(move || pollster::block_on(signal.wait()))
            })
            .collect();
        assert!(!signal.is_set());
        sender.send(Ok(()));
        signal.send(Err("too late".into()));
        for thread in waiting {
            assert_eq!(thread.join().unwrap(), Ok(()));
        }
        assert!(signal.is_set());
    }

    #[test]
    fn a_sender_that_is_dropped_is_an_answer() {
        let (signal, sender) = Signal::new();
        drop(sender);
        assert!(pollster::block_on(signal.wait()).is_err());
    }
}
