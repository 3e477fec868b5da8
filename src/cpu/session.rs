//! A session: memory for images of one size, and running them.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;

use super::model::Model;
use super::pass::Pass;
use crate::architecture::InputSize;
use crate::cancel::CancelToken;
#[cfg(not(target_arch = "wasm32"))]
use crate::engine::StepTime;
use crate::engine::{Output, SessionOptions, images};
use crate::error::{Error, Result};
use crate::plan::Plan;

/// Runs images of one size on the CPU engine.
///
/// Results are the same, bit by bit, in every run and with any number of threads.
pub struct Session {
    model: Model,
    size: InputSize,
    cancel: Option<CancelToken>,
    pass: Arc<Mutex<Pass>>,
    /// The end of the last run, where its future may have been dropped before.
    running: Option<oneshot::Receiver<()>>,
    plan: Arc<Plan>,
    bytes: u64,
}

impl Model {
    /// Prepares to run images of one size: allocates what a pass needs, so that a pass allocates nothing but its result.
    ///
    /// # Errors
    /// [`Error::Input`] for a size that the network does not admit, [`Error::Tap`] for an unknown tap,
    /// [`Error::OutOfMemory`] where not even one image fits, [`Error::Cancelled`].
    pub async fn session(&self, options: SessionOptions) -> Result<Session> {
        Session::new(self, options)
    }

    /// Blocking twin of [`Model::session`].
    ///
    /// # Errors
    /// As [`Model::session`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn session_blocking(&self, options: SessionOptions) -> Result<Session> {
        Session::new(self, options)
    }
}

impl Session {
    fn new(model: &Model, options: SessionOptions) -> Result<Session> {
        options.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
        let class_maps = options.wants_class_maps(model.architecture(), model.has_class_maps())?;
        let plan = |batch| Plan::either(model.architecture(), options.size, batch, class_maps);
        let batch = options.max_batch.min(most_images(plan(1)?.activation_bytes()));
        let plan = Arc::new(plan(batch)?);
        let pass = Pass::new(model, plan.clone(), &options.taps)?;
        let bytes = pass.bytes();
        let pass = Arc::new(Mutex::new(pass));
        Ok(Session {
            model: model.clone(),
            size: options.size,
            cancel: options.cancel,
            pass,
            running: None,
            plan,
            bytes,
        })
    }

    /// Values of one image: channels x height x width.
    pub fn image_elements(&self) -> usize {
        self.model.architecture().input_channels * self.size.height * self.size.width
    }

    /// Images that one pass takes: at most those asked for, and no more than a gibibyte of activations holds. Larger passes
    /// gain nothing.
    pub fn batch(&self) -> usize {
        self.plan.batch
    }

    /// Height and width of the images.
    pub fn size(&self) -> InputSize {
        self.size
    }

    /// What a pass does.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Bytes of the model's packed weights, and of what this session alone holds: activations, and scratch memory for each
    /// thread.
    pub fn bytes(&self) -> u64 {
        self.model.weight_bytes() + self.bytes
    }

    /// Runs images: planar NCHW f32, any number of them, in as many passes as it takes. The engine's threads compute; where
    /// it has only one, that is the caller's, and this returns when the work is done. A run whose future is dropped ends at
    /// its next step.
    ///
    /// # Errors
    /// [`Error::Input`] where the length is no multiple of [`Session::image_elements`] or a value is not finite;
    /// [`Error::Weights`] where the result is not finite, because weights or images are so large that numbers overflow;
    /// [`Error::Cancelled`] between two steps of a pass.
    pub async fn run(&mut self, images: &[f32]) -> Result<Output> {
        self.check(images)?;
        // A thread of the pool must never wait for the pass: while it waits for parts of one run, it may take up another.
        if let Some(before) = &mut self.running {
            let _ = before.await;
        }
        let (ended, running) = oneshot::channel();
        self.running = Some(running);
        let (sender, receiver) = oneshot::channel();
        let (pass, cancel, images) = (self.pass.clone(), self.cancel.clone(), images.to_vec());
        self.model.cpu().spawn(move || {
            let proceed = || if sender.is_canceled() { Err(Error::Cancelled) } else { proceed(cancel.as_ref()) };
            let result = lock(&pass).run(&images, &proceed);
            let _ = ended.send(());
            // Nobody listens where the caller has dropped the future.
            let _ = sender.send(result);
        });
        receiver.await.unwrap_or_else(|_| Err(Error::Device("a thread of the CPU engine ended".into())))
    }

    /// Blocking twin of [`Session::run`].
    ///
    /// # Errors
    /// As [`Session::run`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run_blocking(&mut self, images: &[f32]) -> Result<Output> {
        self.check(images)?;
        let mut guard = lock(&self.pass);
        let pass = &mut *guard;
        let cancel = self.cancel.as_ref();
        self.model.cpu().install(|| pass.run(images, &|| proceed(cancel)))
    }

    /// Times every step of one pass. A cancel token does not stop it.
    ///
    /// # Errors
    /// As [`Session::run`]; `images` must fit one pass.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn profile_blocking(&mut self, images: &[f32]) -> Result<Vec<StepTime>> {
        images::fit_one_pass(self.check(images)?, self.batch())?;
        let mut guard = lock(&self.pass);
        let pass = &mut *guard;
        Ok(self.model.cpu().install(|| pass.profile(images)))
    }

    /// Fills every activation and the scratch memory with `value`, pads included. Tests do so with NaN before a run, to show
    /// that nothing is read that the same run did not write.
    pub fn fill_activations(&mut self, value: f32) {
        lock(&self.pass).fill(value);
    }

    fn check(&self, images: &[f32]) -> Result<usize> {
        images::check(images, self.model.architecture().input_channels, self.size)
    }
}

/// Images of a pass whose activations are of `bytes` each: in all of a gibibyte at most.
fn most_images(bytes: u64) -> usize {
    ((1 << 30) / bytes.max(1)).max(1) as usize
}

fn proceed(cancel: Option<&CancelToken>) -> Result<()> {
    cancel.map_or(Ok(()), CancelToken::check)
}

fn lock(pass: &Mutex<Pass>) -> MutexGuard<'_, Pass> {
    pass.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("model", &self.model)
            .field("size", &self.size)
            .field("batch", &self.batch())
            .finish_non_exhaustive()
    }
}
