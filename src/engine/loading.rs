//! How far a load is, and who may stop it.

use super::load_options::{Progress, ProgressCallback};
use crate::cancel::CancelToken;
use crate::error::Result;

/// What an engine tells and asks while it loads.
pub(crate) struct Loading {
    pub(crate) progress: Option<ProgressCallback>,
    pub(crate) cancel: Option<CancelToken>,
    /// Parts done.
    pub(crate) done: usize,
    /// Parts in all.
    pub(crate) total: usize,
}

impl Loading {
    /// Says what is done now.
    ///
    /// # Errors
    /// [`Error::Cancelled`](crate::Error::Cancelled), also where the listener itself has just cancelled.
    pub(crate) fn say(&mut self, what: &str) -> Result<()> {
        if let Some(progress) = &mut self.progress {
            progress(Progress { done: self.done, total: self.total, what: what.to_string() });
        }
        self.cancel.as_ref().map_or(Ok(()), CancelToken::check)
    }

    /// Counts a part that is done, and says what comes.
    ///
    /// # Errors
    /// As [`Loading::say`].
    #[cfg(feature = "gpu")]
    pub(crate) fn step(&mut self, what: &str) -> Result<()> {
        self.done += 1;
        self.say(what)
    }
}
