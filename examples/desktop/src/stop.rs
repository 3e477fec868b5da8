//! Stopping the network's thread: when the window closes, and when a load is outdated by another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use densenet_wgpu::{CancelToken, Result};

/// The tokens of the work under way, shared by the window and the network's thread.
#[derive(Clone, Default)]
pub(crate) struct Stop(Arc<Mutex<Tokens>>);

#[derive(Default)]
struct Tokens {
    /// Of the last requested load, until it has succeeded.
    load: Option<CancelToken>,
    /// Of the network that answers.
    network: Option<CancelToken>,
}

impl Stop {
    fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The token of a new load. It cancels the load before it, begun or not; the network that answers goes on.
    pub(crate) fn next_load(&self) -> CancelToken {
        let token = CancelToken::new();
        if let Some(outdated) = self.tokens().load.replace(token.clone()) {
            outdated.cancel();
        }
        token
    }

    /// A load has succeeded: its network answers from now on.
    ///
    /// # Errors
    /// [`Cancelled`](densenet_wgpu::Error::Cancelled) where the load was outdated at the last moment; the network before it
    /// still answers.
    pub(crate) fn take_over(&self, token: &CancelToken) -> Result<()> {
        // Under the lock, so that no later load can cancel a network that has taken over.
        let mut tokens = self.tokens();
        token.check()?;
        tokens.network = tokens.load.take();
        Ok(())
    }

    /// Cancels everything.
    pub(crate) fn all(&self) {
        let tokens = self.tokens();
        tokens.load.iter().chain(&tokens.network).for_each(CancelToken::cancel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_outdates_the_load_before_it_and_no_network_that_answers() {
        let stop = Stop::default();
        let [first, second] = [stop.next_load(), stop.next_load()];
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert!(stop.take_over(&first).is_err());
        stop.take_over(&second).expect("it is the last one");
        // Its weights cannot be had, say: the second network goes on.
        let third = stop.next_load();
        let fourth = stop.next_load();
        assert!(third.is_cancelled() && !second.is_cancelled() && !fourth.is_cancelled());
        stop.all();
        assert!(second.is_cancelled() && fourth.is_cancelled());
    }
}
