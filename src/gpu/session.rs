//! A session: buffers and bind groups for images of one size, and the recording of forward passes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::output::{self, Output, Readout};
use super::pending::{Pending, Slot};

#[cfg(not(target_arch = "wasm32"))]
use super::profile::{self, StepTime};
use super::readback::{self, Driver};
use super::resources::Resources;
use super::session_options::SessionOptions;
use super::{Gpu, Model};
use crate::architecture::InputSize;
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::kernels::{Program, STAGING_BUFFERS};
use crate::maps::CLASS_MAPS;
use crate::plan::Plan;

/// Runs images of one size.
#[derive(Debug)]
pub struct Session {
    model: Model,
    program: Program,
    size: InputSize,
    pipelines: Vec<wgpu::ComputePipeline>,
    resources: Resources,
    readout: Arc<Readout>,
    cancel: Option<CancelToken>,
    last_encode: Mutex<Duration>,
}

impl Session {
    /// Passes of a session that may be in flight at once: as many as it has staging buffers.
    pub const IN_FLIGHT: usize = STAGING_BUFFERS;

    pub(super) async fn new(model: &Model, options: SessionOptions) -> Result<Session> {
        let gpu = model.gpu();
        let facts = gpu.facts();
        if options.max_batch == 0 {
            return Err(Error::Input("max_batch is 0: at least 1 is needed".into()));
        }
        let class_maps = options.taps.iter().any(|name| name == CLASS_MAPS);
        if class_maps && !model.has_class_maps() {
            let hint = "load the model with LoadOptions::class_maps for class-activation maps".into();
            return Err(Error::Tap { name: CLASS_MAPS.into(), hint });
        }
        let plan = |batch| match class_maps {
            true => Plan::with_class_maps(model.architecture(), options.size, batch),
            false => Plan::new(model.architecture(), options.size, batch),
        };
        let one = plan(1)?;
        for name in &options.taps {
            one.tap(name)?;
        }
        let lower = |wanted| Program::lower_within(plan, wanted, model.kernels(), facts);
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
        // Packing does not depend on size or batch, so that the model's arrays serve every session; those of class maps
        // stand behind the others.
        debug_assert!(model.arrays().starts_with(&program.weights));
        let mut pipelines = Vec::new();
        for variant in &program.variants {
            pipelines.push(model.pipeline(*variant).await?);
        }
        let staging_bytes = read_bytes * program.batch as u64;
        let make = || Resources::new(model, &program, &pipelines, staging_bytes);
        let resources = gpu.scoped("allocating a session", make).await?;
        let readout = Arc::new(Readout::new(&program, &options.taps));
        let (model, size, cancel) = (model.clone(), options.size, options.cancel);
        Ok(Session { model, program, size, pipelines, resources, readout, cancel, last_encode: Mutex::default() })
    }

    /// Values of one image: channels x height x width.
    pub fn image_elements(&self) -> usize {
        self.model.architecture().input_channels * self.size.height * self.size.width
    }

    /// Images that one pass takes.
    pub fn batch(&self) -> usize {
        self.program.batch
    }

    /// Height and width of the images.
    pub fn size(&self) -> InputSize {
        self.size
    }

    /// The program that runs.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Dispatches of one pass.
    pub fn dispatches(&self) -> usize {
        self.program.dispatches.len()
    }

    /// Bytes on the device: the model's packed weights, and what this session alone holds: activations, parameters and
    /// [`Session::IN_FLIGHT`] staging buffers. Drivers may pad further.
    pub fn device_bytes(&self) -> u64 {
        self.model.weight_bytes() + self.resources.bytes()
    }

    /// Milliseconds that recording the last pass took on the host.
    pub fn last_encode_ms(&self) -> f64 {
        self.last_encode.lock().map(|time| time.as_secs_f64() * 1e3).unwrap_or(0.0)
    }

    /// Runs images: planar NCHW f32, any number of them, in as many passes as it takes.
    ///
    /// # Errors
    /// [`Error::Input`] where the length is no multiple of [`Session::image_elements`] or a value is not finite, or where
    /// [`Session::IN_FLIGHT`] passes are in flight; [`Error::Weights`] where the result is not finite, because weights or
    /// images are so large that numbers overflow; [`Error::OutOfMemory`], [`Error::Device`], [`Error::DeviceLost`].
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

    /// Each pass is submitted before the one before it is read back.
    async fn run_driven(&mut self, images: &[f32], driver: Driver) -> Result<Output> {
        self.check(images)?;
        let mut output = self.readout.empty();
        let mut before: Option<Pending> = None;
        for pass in images.chunks(self.program.batch * self.image_elements()) {
            // Others may hold the second slot.
            if self.free_slot().is_none()
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
        output::finite(output)
    }

    /// Submits one pass of at most [`Session::batch`] images and returns at once, so that the next can be prepared and
    /// submitted while the device works on this one. Passes run in the order in which they were submitted; their results
    /// may be awaited in any order, or dropped.
    ///
    /// # Errors
    /// [`Error::Input`] as [`Session::run`], and where the images do not fit one pass or [`Session::IN_FLIGHT`] passes
    /// are in flight already: one of them must be awaited or dropped first. [`Error::DeviceLost`]; what the device has to
    /// say otherwise, [`Pending::wait`] does.
    pub fn submit(&mut self, images: &[f32]) -> Result<Pending> {
        self.check(images)?;
        self.check_one_pass(images)?;
        self.submit_pass(images)
    }

    /// Times every step of one pass on the device, in a compute pass of its own each: the sum is a little more than the
    /// time of a run, whose steps share one pass.
    ///
    /// # Errors
    /// [`Error::Device`] where the device has no timestamps, else as [`Session::run`]; `images` must fit one pass.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn profile_blocking(&mut self, images: &[f32]) -> Result<Vec<StepTime>> {
        self.check(images)?;
        let count = self.check_one_pass(images)?;
        let gpu = self.model.gpu();
        if !gpu.facts().timestamps {
            return Err(Error::Device(format!("'{}' takes no timestamps: steps cannot be timed", gpu.facts().name)));
        }
        let profile = || profile::submit(self, images, count);
        let (staging, mapping) = pollster::block_on(gpu.scoped("timing the steps", profile))?;
        readback::drive_here(gpu, None)?;
        pollster::block_on(mapping.done(gpu))?;
        profile::read(self, &staging, count)
    }

    /// Fills every activation with `value`, the pads and borders too. Tests do so with NaN before a run, to show that
    /// nothing is read that the same run did not write.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::DeviceLost`].
    pub async fn fill_activations(&mut self, value: f32) -> Result<()> {
        let queue = self.gpu().queue();
        let fill = || self.resources.activations.iter().for_each(|activation| activation.fill(queue, value));
        self.gpu().scoped("filling the activations", fill).await
    }

    fn check(&self, images: &[f32]) -> Result<()> {
        let image = self.image_elements();
        if images.is_empty() || !images.len().is_multiple_of(image) {
            return Err(Error::Input(format!(
                "{} values are no whole number of images: each has {} channels of {} pixels, {image} values in NCHW order",
                images.len(),
                self.model.architecture().input_channels,
                self.size
            )));
        }
        match images.iter().position(|value| !value.is_finite()) {
            Some(at) => Err(Error::Input(format!(
                "image {} holds {} at element {}: only finite numbers can be run",
                at / image,
                images[at],
                at % image
            ))),
            None => Ok(()),
        }
    }

    /// The number of images, if they fit one pass.
    fn check_one_pass(&self, images: &[f32]) -> Result<usize> {
        let count = images.len() / self.image_elements();
        if count > self.program.batch {
            return Err(Error::Input(format!("{count} images do not fit one pass of {}", self.program.batch)));
        }
        Ok(count)
    }

    fn free_slot(&self) -> Option<&Arc<Slot>> {
        self.resources.slots.iter().find(|slot| slot.is_free())
    }

    /// Uploads the images of one pass, records it and submits it once.
    fn submit_pass(&mut self, images: &[f32]) -> Result<Pending> {
        let gpu = self.gpu();
        self.cancel.as_ref().map_or(Ok(()), CancelToken::check)?;
        gpu.inner.lost.check()?;
        let Some(slot) = self.free_slot() else {
            return Err(Error::Input(format!(
                "{} passes are in flight: await or drop one before the next",
                Session::IN_FLIGHT
            )));
        };
        let count = images.len() / self.image_elements();
        let submit = |staging: &wgpu::Buffer| {
            self.upload(images);
            let start = Clock::now();
            let commands = self.record(count, staging);
            if let Ok(mut last) = self.last_encode.lock() {
                *last = start.elapsed();
            }
            gpu.queue().submit([commands])
        };
        Ok(Pending::start(gpu, slot, &self.readout, count, submit))
    }

    fn record(&self, count: usize, staging: &wgpu::Buffer) -> wgpu::CommandBuffer {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("forward pass") };
        let mut encoder = self.gpu().device().create_command_encoder(&descriptor);
        let mut next = 0;
        let mut offset = 0;
        // One compute pass, ended early only where a tap must be copied before its memory is reused.
        for read in &self.readout.sources {
            if read.dispatch + 1 > next {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                for index in next..=read.dispatch {
                    self.dispatch(&mut pass, index, count);
                }
                next = read.dispatch + 1;
            }
            for image in 0..count {
                let activation = &self.resources.activations[read.resource];
                activation.copy_tap(&mut encoder, read, image, staging, offset);
                offset += read.bytes() as u64;
            }
        }
        encoder.finish()
    }

    /// Copies the images to where the program reads them.
    pub(super) fn upload(&self, images: &[f32]) {
        let channels = self.model.architecture().input_channels;
        let input = &self.resources.activations[self.program.input];
        input.write_images(self.gpu().queue(), images, channels, self.size.height, self.program.input_panels);
    }

    /// The device.
    pub(super) fn gpu(&self) -> &Gpu {
        self.model.gpu()
    }

    pub(super) fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, index: usize, count: usize) {
        let dispatch = &self.program.dispatches[index];
        pass.set_pipeline(&self.pipelines[dispatch.variant]);
        pass.set_bind_group(0, &self.resources.bind_groups[index], &[]);
        let [x, y, z] = dispatch.grid.workgroups(count as u32);
        pass.dispatch_workgroups(x, y, z);
    }
}

/// A clock where there is one: `std::time` panics in a browser.
#[cfg(not(target_arch = "wasm32"))]
use std::time::Instant as Clock;

#[cfg(target_arch = "wasm32")]
struct Clock;

#[cfg(target_arch = "wasm32")]
impl Clock {
    fn now() -> Clock {
        Clock
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}
