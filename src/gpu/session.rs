//! A session: buffers and bind groups for images of one size, and running them.

use std::sync::Arc;

use super::device::Gpu;
use super::feed::Feed;
use super::model::Model;
use super::pending::Pending;
use super::readback::Driver;
use super::readout::Readout;
use super::recorder::Recorder;
use super::resources::Resources;
use crate::architecture::InputSize;
use crate::engine::{Output, SessionOptions, images};
use crate::error::{Error, Result};
use crate::kernels::{Program, STAGING_BUFFERS};
use crate::plan::Plan;

/// Runs images of one size.
///
/// ```
/// use densenet_wgpu::{Gpu, GpuOptions, InputSize, LoadOptions, Model, SessionOptions, weights};
///
/// # fn main() -> densenet_wgpu::Result<()> {
/// let gpu = Gpu::new_blocking(GpuOptions::default())?;
/// let model = Model::load_blocking(&gpu, &weights::embedded()?, LoadOptions::default())?;
/// let mut session = model.session_blocking(SessionOptions::new(InputSize::square(28)).max_batch(2))?;
/// let images = vec![0.0; 2 * session.image_elements()]; // planar NCHW
/// let output = session.run_blocking(&images)?;
/// assert_eq!((output.batch(), output.row(1).len()), (2, 10));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Session {
    feed: Arc<Feed>,
}

impl Session {
    /// Passes of a session that may be in flight at once: as many as it has staging buffers.
    pub const IN_FLIGHT: usize = STAGING_BUFFERS;

    /// A session whose variants need not have answered the self-test.
    pub(super) async fn unasked(model: &Model, options: SessionOptions) -> Result<Session> {
        if let Some(token) = &options.cancel {
            token.check()?;
        }
        let program = lower(model, &options)?;
        // Packing does not depend on size or batch, so the model's arrays serve every session; those of class maps come
        // last.
        debug_assert!(model.arrays().starts_with(&program.weights));
        let mut pipelines = Vec::new();
        for variant in &program.variants {
            pipelines.push(model.gpu().pipeline(*variant).await?);
        }
        let readout = Readout::new(&program, &options.taps);
        let staging_bytes = readout.image_bytes() * program.batch as u64;
        let make = || Resources::new(model, &program, &pipelines, staging_bytes);
        let resources = model.gpu().scoped("allocating a session", make).await?;
        let (model, size) = (model.clone(), options.size);
        let recorder = Recorder { model, program, size, pipelines, resources, readout };
        Ok(Session { feed: Arc::new(Feed::new(recorder, options.cancel)) })
    }

    /// Values of one image: channels x height x width.
    pub fn image_elements(&self) -> usize {
        self.recorder().model.architecture().input_channels * self.size().height * self.size().width
    }

    /// Images that one pass takes.
    pub fn batch(&self) -> usize {
        self.program().batch
    }

    /// Height and width of the images.
    pub fn size(&self) -> InputSize {
        self.recorder().size
    }

    /// The program that runs.
    pub fn program(&self) -> &Program {
        &self.recorder().program
    }

    /// Dispatches of one pass.
    pub fn dispatches(&self) -> usize {
        self.program().dispatches.len()
    }

    /// Bytes on the device: the model's packed weights, and what this session alone holds (activations, parameters and
    /// [`Session::IN_FLIGHT`] staging buffers). Drivers may pad further.
    pub fn device_bytes(&self) -> u64 {
        self.recorder().model.weight_bytes() + self.recorder().resources.bytes()
    }

    /// Milliseconds that the host took to record the last pass.
    pub fn last_encode_ms(&self) -> f64 {
        self.feed.last_encode().as_secs_f64() * 1e3
    }

    /// Runs images: planar NCHW f32, any number of them, in as many passes as it takes.
    ///
    /// With [`SessionOptions::cancel`], a pass that takes an adapter of its kind long is handed to the device in chunks,
    /// and a cancelled run ends after the chunk that the device works on.
    ///
    /// # Errors
    /// [`Error::Input`] where the length is no multiple of [`Session::image_elements`] or a value is not finite, or where
    /// [`Session::IN_FLIGHT`] passes are in flight; [`Error::Weights`] where the result is not finite, because weights or
    /// images are so large that numbers overflow; [`Error::Cancelled`], [`Error::OutOfMemory`], [`Error::Device`],
    /// [`Error::DeviceLost`].
    pub async fn run(&mut self, images: &[f32]) -> Result<Output> {
        self.run_driven(images, Driver::Background).await
    }

    /// Blocking twin of [`Session::run`].
    ///
    /// # Errors
    /// As [`Session::run`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run_blocking(&mut self, images: &[f32]) -> Result<Output> {
        pollster::block_on(self.run_driven(images, Driver::Here))
    }

    pub(super) async fn run_driven(&mut self, images: &[f32], driver: Driver) -> Result<Output> {
        self.run_unchecked(images, driver).await?.finite()
    }

    /// Submits each pass before it reads back the one before. What it gives need not be finite.
    pub(super) async fn run_unchecked(&mut self, images: &[f32], driver: Driver) -> Result<Output> {
        self.check(images)?;
        let mut output = self.recorder().readout.empty();
        let mut before: Option<Pending> = None;
        for pass in images.chunks(self.batch() * self.image_elements()) {
            // The caller may hold the other staging buffer.
            if self.recorder().resources.staging.iter().all(|staging| !staging.is_free())
                && let Some(pending) = before.take()
            {
                pending.append_to(&mut output, driver).await?;
            }
            let next = self.submit_pass(pass)?;
            if let Some(pending) = before.replace(next) {
                pending.append_to(&mut output, driver).await?;
            }
        }
        if let Some(last) = before {
            last.append_to(&mut output, driver).await?;
        }
        Ok(output)
    }

    /// Submits one pass of at most [`Session::batch`] images and returns at once, so that the next can be prepared and
    /// submitted while the device works on this one. Passes run in the order in which they were submitted; their results
    /// may be awaited in any order, or dropped.
    ///
    /// With [`SessionOptions::cancel`], a pass of several chunks is submitted up to the second; the rest follows while its
    /// [`Pending`], or that of another pass of this session, is awaited.
    ///
    /// # Errors
    /// [`Error::Input`] as [`Session::run`], and where the images do not fit one pass or [`Session::IN_FLIGHT`] passes
    /// are in flight already: await or drop one of them first. [`Error::Cancelled`], [`Error::DeviceLost`]. Whatever else
    /// the device refuses is reported by [`Pending::wait`].
    pub fn submit(&mut self, images: &[f32]) -> Result<Pending> {
        self.check_one_pass(images)?;
        self.submit_pass(images)
    }

    /// Fills every activation with `value`, pads and borders included. Tests do so with NaN before a run, to show that
    /// nothing is read that the same run did not write.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::DeviceLost`].
    pub async fn fill_activations(&mut self, value: f32) -> Result<()> {
        self.feed.flush();
        let (activations, queue) = (&self.recorder().resources.activations, self.gpu().queue());
        let fill = || activations.iter().for_each(|activation| activation.fill(queue, value));
        self.gpu().scoped("filling the activations", fill).await
    }

    /// The number of images, if they are whole images of finite numbers.
    fn check(&self, images: &[f32]) -> Result<usize> {
        images::check(images, self.recorder().model.architecture().input_channels, self.size())
    }

    /// The number of images, if they fit one pass, too.
    pub(super) fn check_one_pass(&self, images: &[f32]) -> Result<usize> {
        images::fit_one_pass(self.check(images)?, self.batch())
    }

    fn submit_pass(&mut self, images: &[f32]) -> Result<Pending> {
        self.feed.proceed()?;
        self.gpu().lost().check()?;
        let count = images.len() / self.image_elements();
        match self.recorder().resources.staging.iter().find(|staging| staging.take()) {
            Some(staging) => Pending::start(&self.feed, images, count, staging.clone()),
            None => Err(Error::Input(format!(
                "{} passes are in flight: await or drop one before the next",
                Session::IN_FLIGHT
            ))),
        }
    }

    /// Its passes under way.
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    pub(super) fn recorder(&self) -> &Recorder {
        &self.feed.recorder
    }

    pub(super) fn gpu(&self) -> &Gpu {
        self.recorder().gpu()
    }
}

/// The program for the largest batch, up to the one asked for, that the adapter's limits allow.
pub(super) fn lower(model: &Model, options: &SessionOptions) -> Result<Program> {
    let (facts, experience) = (model.gpu().facts(), model.experience());
    let class_maps = options.wants_class_maps(model.architecture(), model.has_class_maps())?;
    let plan = |batch| Plan::either(model.architecture(), options.size, batch, class_maps);
    let one = plan(1)?;
    for name in &options.taps {
        one.tap(name)?;
    }
    let lower = |wanted| Program::lower_within(plan, wanted, model.kernels(), facts, &experience);
    let mut program = lower(options.max_batch)?;
    let read_bytes = Readout::new(&program, &options.taps).image_bytes();
    let fits = facts.limits.max_buffer_size / read_bytes.max(1);
    if fits == 0 {
        return Err(Error::Limit {
            what: "reading all taps back".into(),
            limit: "max_buffer_size",
            need: read_bytes,
            have: facts.limits.max_buffer_size,
            remedy: "ask for fewer taps or a smaller input size".into(),
        });
    }
    if fits < program.batch as u64 {
        program = lower(fits as usize)?;
    }
    if program.batch < options.max_batch {
        log::info!("{} images a pass fit this adapter's limits: larger batches take several passes", program.batch);
    }
    Ok(program)
}
