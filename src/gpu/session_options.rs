//! What a session is made for.

use crate::architecture::InputSize;
use crate::cancel::CancelToken;

/// What a session is for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionOptions {
    /// Height and width of the images.
    pub size: InputSize,
    /// See [`SessionOptions::max_batch`].
    pub max_batch: usize,
    /// See [`SessionOptions::taps`].
    pub taps: Vec<String>,
    /// See [`SessionOptions::cancel`].
    pub cancel: Option<CancelToken>,
}

impl SessionOptions {
    /// Single images of `size`, no taps.
    pub fn new(size: InputSize) -> Self {
        SessionOptions { size, max_batch: 1, taps: Vec::new(), cancel: None }
    }

    /// The most images in one pass, at least 1. A longer input takes several passes; so does a batch that exceeds the
    /// adapter's limits.
    pub fn max_batch(mut self, images: usize) -> Self {
        self.max_batch = images;
        self
    }

    /// Names of values to read back besides the result: see [`crate::low_level::plan::Plan::taps`], and
    /// [`crate::CLASS_MAPS`] for class-activation maps.
    pub fn taps(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.taps = names.into_iter().map(|name| name.as_ref().to_string()).collect();
        self
    }

    /// Stops the session's runs once `token` is cancelled.
    pub fn cancel(mut self, token: impl Into<Option<CancelToken>>) -> Self {
        self.cancel = token.into();
        self
    }
}
