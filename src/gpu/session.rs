//! A session: buffers and bind groups for images of one size, and the recording of forward passes.

use std::sync::Mutex;
use std::time::Duration;

#[cfg(not(target_arch = "wasm32"))]
use super::profile::{self, StepTime};
use super::readback::{self, Mapping};
use super::resources::{Activation, Resources};
use super::{Gpu, Model};
use crate::architecture::InputSize;
use crate::error::{Error, Result};
use crate::kernels::{Program, TapSource};
use crate::plan::Plan;

/// What a session is for.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// Height and width of the images.
    pub size: InputSize,
    /// Images that one pass takes at most; a longer input is run in several, as is one that the adapter's limits split.
    pub max_batch: usize,
    /// Names of values to read back besides the result; see [`Plan::taps`].
    pub taps: Vec<String>,
}

impl SessionOptions {
    /// Single images of `size`, no taps.
    pub fn new(size: InputSize) -> Self {
        SessionOptions { size, max_batch: 1, taps: Vec::new() }
    }
}

/// A tap's values.
#[derive(Clone, Debug, PartialEq)]
pub struct TapValue {
    /// Channels of one image.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// NCHW.
    pub data: Vec<f32>,
}

/// What a run yields.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    batch: usize,
    columns: usize,
    values: Vec<f32>,
    taps: Vec<(String, TapValue)>,
}

impl Output {
    /// Images.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Values of one image: classes, or pooled features where the network has no classifier.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// `[N, classes]`, row by row.
    pub fn logits(&self) -> &[f32] {
        &self.values
    }

    /// The logits of image `index`.
    ///
    /// # Panics
    /// Where there is no such image.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.columns..][..self.columns]
    }

    /// A tap that the session was made with.
    pub fn tap(&self, name: &str) -> Option<&TapValue> {
        self.taps.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// Runs images of one size.
#[derive(Debug)]
pub struct Session {
    model: Model,
    program: Program,
    size: InputSize,
    pipelines: Vec<wgpu::ComputePipeline>,
    resources: Resources,
    /// The taps to read, in the order of their dispatches; the result comes last.
    reads: Vec<TapSource>,
    last_encode: Mutex<Duration>,
    /// A pass was submitted and not collected: it failed, or its future was dropped.
    pending: bool,
}

impl Session {
    pub(super) async fn new(model: &Model, options: SessionOptions) -> Result<Session> {
        let gpu = model.gpu();
        let facts = gpu.facts();
        if options.max_batch == 0 {
            return Err(Error::Input("max_batch is 0: at least 1 is needed".into()));
        }
        let one = Plan::new(model.architecture(), options.size, 1)?;
        for name in &options.taps {
            one.tap(name)?;
        }
        let lower = |wanted| Program::lower_within(model.architecture(), options.size, wanted, model.kernels(), facts);
        let mut program = lower(options.max_batch)?;
        let read_bytes: u64 = reads(&program, &options.taps).iter().map(|read| read.bytes() as u64).sum();
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
        // Packing does not depend on size or batch, so that the model's arrays serve every session.
        debug_assert_eq!(program.weights, model.arrays());
        let mut pipelines = Vec::new();
        for variant in &program.variants {
            pipelines.push(model.pipeline(*variant).await?);
        }
        let staging_bytes = read_bytes * program.batch as u64;
        let make = || Resources::new(model, &program, &pipelines, staging_bytes);
        let resources = gpu.scoped("allocating a session", make).await?;
        let reads = reads(&program, &options.taps);
        let (model, size) = (model.clone(), options.size);
        Ok(Session { model, program, size, pipelines, resources, reads, last_encode: Mutex::default(), pending: false })
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

    /// Bytes on the device: packed weights, activations, parameters and the staging buffer.
    pub fn device_bytes(&self) -> u64 {
        let Resources { params, staging, .. } = &self.resources;
        self.model.weight_bytes() + self.program.activation_bytes() + params.size() + staging.size()
    }

    /// Milliseconds that recording the last pass took on the host.
    pub fn last_encode_ms(&self) -> f64 {
        self.last_encode.lock().map(|time| time.as_secs_f64() * 1e3).unwrap_or(0.0)
    }

    /// Runs images: planar NCHW f32, any number of them, in as many passes as it takes.
    ///
    /// # Errors
    /// [`Error::Input`] where the length is no multiple of [`Session::image_elements`] or a value is not finite;
    /// [`Error::Weights`] where the result is not finite, because weights or images are so large that numbers overflow;
    /// [`Error::OutOfMemory`], [`Error::Device`], [`Error::DeviceLost`].
    pub async fn run(&mut self, images: &[f32]) -> Result<Output> {
        self.check(images)?;
        let mut output = self.empty_output();
        for pass in images.chunks(self.program.batch * self.image_elements()) {
            let (bytes, mapping) = self.submit(pass).await?;
            readback::drive_in_background(self.gpu());
            mapping.done(self.gpu()).await?;
            self.collect(bytes, &mut output)?;
        }
        finite(output)
    }

    /// Blocking twin of [`Session::run`].
    ///
    /// # Errors
    /// As [`Session::run`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn run_blocking(&mut self, images: &[f32]) -> Result<Output> {
        self.check(images)?;
        let mut output = self.empty_output();
        for pass in images.chunks(self.program.batch * self.image_elements()) {
            let (bytes, mapping) = pollster::block_on(self.submit(pass))?;
            readback::drive_here(self.gpu())?;
            pollster::block_on(mapping.done(self.gpu()))?;
            self.collect(bytes, &mut output)?;
        }
        finite(output)
    }

    /// Times every step of one pass on the device, in a compute pass of its own each: the sum is a little more than the
    /// time of a run, whose steps share one pass.
    ///
    /// # Errors
    /// [`Error::Device`] where the device has no timestamps, else as [`Session::run`]; `images` must fit one pass.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn profile_blocking(&mut self, images: &[f32]) -> Result<Vec<StepTime>> {
        self.check(images)?;
        let count = images.len() / self.image_elements();
        if count > self.program.batch {
            return Err(Error::Input(format!("{count} images do not fit one pass of {}", self.program.batch)));
        }
        let gpu = self.model.gpu();
        if !gpu.facts().timestamps {
            return Err(Error::Device(format!("'{}' takes no timestamps: steps cannot be timed", gpu.facts().name)));
        }
        let profile = || profile::submit(self, images, count);
        let (staging, mapping) = pollster::block_on(gpu.scoped("timing the steps", profile))?;
        readback::drive_here(gpu)?;
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

    fn empty_output(&self) -> Output {
        let taps = self.reads[..self.reads.len() - 1]
            .iter()
            .map(|tap| {
                let (channels, height, width) = (tap.channels(), tap.height, tap.width);
                (tap.name.clone(), TapValue { channels, height, width, data: Vec::new() })
            })
            .collect();
        Output { batch: 0, columns: self.program.output.channels(), values: Vec::new(), taps }
    }

    /// Uploads the images of one pass, records it and submits it once.
    async fn submit(&mut self, images: &[f32]) -> Result<(u64, Mapping)> {
        if std::mem::replace(&mut self.pending, true) {
            // Nobody wants what an abandoned pass left mapped or is still being mapped.
            self.resources.staging.unmap();
        }
        let gpu = self.gpu();
        let count = images.len() / self.image_elements();
        let bytes = count as u64 * self.reads.iter().map(|read| read.bytes() as u64).sum::<u64>();
        let submit = || {
            self.upload(images);
            let start = Clock::now();
            let commands = self.record(count);
            if let Ok(mut last) = self.last_encode.lock() {
                *last = start.elapsed();
            }
            gpu.queue().submit([commands]);
            Mapping::request(gpu, &self.resources.staging, bytes)
        };
        Ok((bytes, gpu.scoped("running the network", submit).await?))
    }

    fn record(&self, count: usize) -> wgpu::CommandBuffer {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("forward pass") };
        let mut encoder = self.gpu().device().create_command_encoder(&descriptor);
        let mut next = 0;
        let mut offset = 0;
        // One compute pass, ended early only where a tap must be copied before its memory is reused.
        for read in &self.reads {
            if read.dispatch + 1 > next {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                for index in next..=read.dispatch {
                    self.dispatch(&mut pass, index, count);
                }
                next = read.dispatch + 1;
            }
            for image in 0..count {
                let activation = &self.resources.activations[read.resource];
                activation.copy_tap(&mut encoder, read, image, &self.resources.staging, offset);
                offset += read.bytes() as u64;
            }
        }
        encoder.finish()
    }

    /// Copies the images to where the program reads them.
    pub(super) fn upload(&self, images: &[f32]) {
        if let Activation::Buffer(input) = &self.resources.activations[self.program.input] {
            self.gpu().queue().write_buffer(input, 0, bytemuck::cast_slice(images));
        }
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

    /// Appends what lies mapped in the staging buffer to the output.
    fn collect(&mut self, bytes: u64, output: &mut Output) -> Result<()> {
        let view = self
            .resources
            .staging
            .slice(0..bytes)
            .get_mapped_range()
            .map_err(|e| Error::Device(format!("reading back: {e}")))?;
        let mut values: &[f32] = bytemuck::cast_slice(&view);
        let per_image: u64 = self.reads.iter().map(|read| read.bytes() as u64).sum();
        let count = (bytes / per_image) as usize;
        output.batch += count;
        for (index, read) in self.reads.iter().enumerate() {
            let target = match output.taps.get_mut(index) {
                Some((_, value)) => &mut value.data,
                None => &mut output.values,
            };
            for _ in 0..count {
                let (image, rest) = values.split_at(read.bytes() / 4);
                target.extend(read.unpack(image));
                values = rest;
            }
        }
        drop(view);
        self.resources.staging.unmap();
        self.pending = false;
        Ok(())
    }
}

/// NaN and infinity are no answer.
fn finite(output: Output) -> Result<Output> {
    match output.values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(Error::overflow(at / output.columns)),
        None => Ok(output),
    }
}

/// The taps asked for in the order of their dispatches, then the result.
fn reads(program: &Program, names: &[String]) -> Vec<TapSource> {
    let mut reads: Vec<TapSource> = program.taps.iter().filter(|tap| names.contains(&tap.name)).cloned().collect();
    reads.sort_by_key(|tap| tap.dispatch);
    reads.push(program.output.clone());
    reads
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
