//! Sessions for users: none runs a variant that did not answer the self-test.

use super::model::Model;
use super::readback::Driver;
use super::self_test::Asking;
use super::session::{Session, lower};
use super::trusted::{Trusted, trusted};
use super::verdicts::Verdict;
use crate::engine::SessionOptions;
use crate::error::{Error, Result};
use crate::kernels::Variant;
use crate::pause::Pause;

impl Model {
    /// Prepares to run images of one size: allocates buffers and bind groups, uploads no weights. Kernels that no session of this
    /// device ran before answer the self-test first.
    ///
    /// # Errors
    /// [`Error::Input`] for a size that the network does not admit, [`Error::Tap`] for an unknown tap, [`Error::Limit`]
    /// where not even one image fits, [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Device`] (also where the device computes
    /// wrong values, and no kernel is left that does not), [`Error::DeviceLost`].
    pub async fn session(&self, options: SessionOptions) -> Result<Session> {
        self.session_driven(options, Driver::Background).await
    }

    /// Blocking twin of [`Model::session`].
    ///
    /// # Errors
    /// As [`Model::session`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn session_blocking(&self, options: SessionOptions) -> Result<Session> {
        pollster::block_on(self.session_driven(options, Driver::Here))
    }

    pub(super) async fn session_driven(&self, options: SessionOptions, driver: Driver) -> Result<Session> {
        loop {
            if self.self_tests() {
                let variants = lower(self, &options)?.variants;
                let asking = Asking { pause: &Pause::default(), cancel: options.cancel.as_ref(), driver };
                match trusted(self.gpu(), self.kernels(), &variants, asking).await? {
                    Trusted::Yes => {}
                    Trusted::Again => continue,
                    Trusted::No(reason) => return Err(Error::Device(reason)),
                }
            }
            let session = Session::unasked(self, options.clone()).await?;
            // Meanwhile another thread may have found out, or measured, something.
            let right = |variant: &Variant| self.gpu().verdicts().of(*variant) == Some(Verdict::Right);
            if !self.self_tests() || session.program().variants.iter().all(right) {
                return Ok(session);
            }
        }
    }
}
