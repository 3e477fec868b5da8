//! How long a dispatch takes on the device.

use std::num::NonZeroU64;
use std::time::Duration;

use web_time::Instant;

use super::failure::{self, Scopes};
use super::readback::{self, Driver};
use super::session::Session;
use crate::error::Result;
use crate::kernels::Alternative;

/// A sample takes about as long, so that the host's share of it is small. Browsers' clocks are coarse.
const SAMPLE: Duration = Duration::from_millis(if cfg!(target_arch = "wasm32") { 8 } else { 2 });
/// The most repetitions in a sample.
const MOST: u32 = 512;
/// Samples, of which the best counts.
const SAMPLES: u32 = 3;

/// Times a dispatch of a session as `alternative` would run it, with what the session's last run left in its memory.
pub(super) async fn time(
    session: &Session,
    dispatch: usize,
    alternative: &Alternative,
    driver: Driver,
) -> Result<Duration> {
    let gpu = session.gpu();
    let recorder = session.recorder();
    let pipeline = gpu.pipeline(alternative.variant).await?;
    let prepare = || {
        let size = alternative.params.len() as u64;
        let params = gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("parameters"),
            size,
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        gpu.queue().write_buffer(&params, 0, &alternative.params);
        let own = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &params,
            offset: 0,
            size: NonZeroU64::new(size),
        });
        recorder.resources.bind(&recorder.model, &recorder.program.dispatches[dispatch], &pipeline, own)
    };
    let bind_group = gpu.scoped("preparing a measurement", prepare).await?;
    let workgroups = alternative.grid.workgroups(recorder.program.batch as u32);
    let watch = Stopwatch { session, pipeline, bind_group, workgroups, driver };
    // The first compiles, on many drivers.
    watch.repeat(1).await?;
    // What it takes to hand over work at all does not count.
    let mut times = 2;
    loop {
        let (few, many) = (watch.best(1).await?, watch.best(1 + times).await?);
        let sample = many.saturating_sub(few);
        if sample >= SAMPLE || times >= MOST {
            return Ok(sample / times);
        }
        let wanted = SAMPLE.as_secs_f64() / sample.as_secs_f64().max(1e-6) * f64::from(times) * 1.2;
        times = (wanted as u32).clamp(2 * times, MOST);
    }
}

struct Stopwatch<'a> {
    session: &'a Session,
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    workgroups: [u32; 3],
    driver: Driver,
}

impl Stopwatch<'_> {
    /// The best of a few samples: whatever else a machine does only makes them longer.
    async fn best(&self, times: u32) -> Result<Duration> {
        let mut best = Duration::MAX;
        for _ in 0..SAMPLES {
            best = best.min(self.repeat(times).await?);
        }
        Ok(best)
    }

    /// The time from handing over so many dispatches, one after the other, to their end.
    async fn repeat(&self, times: u32) -> Result<Duration> {
        let gpu = self.session.gpu();
        let record = || {
            let descriptor = wgpu::CommandEncoderDescriptor { label: Some("measured") };
            let mut encoder = gpu.device().create_command_encoder(&descriptor);
            {
                let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
                pass.set_pipeline(&self.pipeline);
                pass.set_bind_group(0, &self.bind_group, &[]);
                let [x, y, z] = self.workgroups;
                (0..times).for_each(|_| pass.dispatch_workgroups(x, y, z));
            }
            let commands = encoder.finish();
            let start = Instant::now();
            let submission = gpu.queue().submit([commands]);
            (start, submission, readback::all_done(gpu))
        };
        let (value, errors) = Scopes::around(gpu.device(), record);
        let (start, submission, done) = value;
        self.driver.drive(gpu, &submission)?;
        readback::answer(gpu, &done).await?;
        let time = start.elapsed();
        errors.await.map_err(|error| failure::translate(error, "measuring a kernel"))?;
        Ok(time)
    }
}
