//! Times of single steps, from timestamps around compute passes of their own.

use std::sync::Arc;
use std::time::Duration;

use super::readback;
use super::session::Session;
use super::signal::Signal;
use crate::engine::StepTime;
use crate::error::{Error, Result};

impl Session {
    /// Times every step of one pass on the device. Each step gets a compute pass of its own, so the sum is a little more
    /// than the time of a run, whose steps share one. A cancel token does not stop it.
    ///
    /// # Errors
    /// [`Error::Device`] where the device has no timestamps, else as [`Session::run`]; `images` must fit one pass.
    pub fn profile_blocking(&mut self, images: &[f32]) -> Result<Vec<StepTime>> {
        let count = self.check_one_pass(images)?;
        let gpu = self.gpu();
        if !gpu.facts().timestamps {
            return Err(Error::Device(format!("'{}' takes no timestamps: steps cannot be timed", gpu.facts().name)));
        }
        self.feed().flush();
        let submit = || submit(self, images, count);
        let (staging, mapping) = pollster::block_on(gpu.scoped("timing the steps", submit))?;
        readback::drive_here(gpu, None)?;
        pollster::block_on(readback::answer(gpu, &mapping))?;
        read(self, &staging, count)
    }
}

/// Two timestamps of eight bytes a step.
fn bytes(session: &Session) -> u64 {
    session.program().dispatches.len() as u64 * 16
}

/// Records and submits a pass whose steps are timed.
fn submit(session: &Session, images: &[f32], count: usize) -> (wgpu::Buffer, Arc<Signal>) {
    let gpu = session.gpu();
    let device = gpu.device();
    let steps = session.program().dispatches.len() as u32;
    let queries = device.create_query_set(&wgpu::QuerySetDescriptor {
        label: Some("steps"),
        ty: wgpu::QueryType::Timestamp,
        count: 2 * steps,
    });
    let buffer = |usage| {
        let descriptor = wgpu::BufferDescriptor {
            label: Some("timestamps"),
            size: bytes(session),
            usage,
            mapped_at_creation: false,
        };
        device.create_buffer(&descriptor)
    };
    let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
    let staging = buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST);
    session.recorder().upload(images);
    let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("timed pass") });
    for step in 0..steps {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: None,
            timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
                query_set: &queries,
                beginning_of_pass_write_index: Some(2 * step),
                end_of_pass_write_index: Some(2 * step + 1),
            }),
        });
        session.recorder().dispatch(&mut pass, step as usize, count);
    }
    encoder.resolve_query_set(&queries, 0..2 * steps, &resolved, 0);
    encoder.copy_buffer_to_buffer(&resolved, 0, &staging, 0, bytes(session));
    gpu.queue().submit([encoder.finish()]);
    let mapping = readback::map(gpu, &staging, bytes(session));
    (staging, mapping)
}

/// Reads the times from the mapped staging buffer.
fn read(session: &Session, staging: &wgpu::Buffer, count: usize) -> Result<Vec<StepTime>> {
    let view = staging
        .slice(0..bytes(session))
        .get_mapped_range()
        .map_err(|e| Error::Device(format!("reading timestamps back: {e}")))?;
    let stamps: &[u64] = bytemuck::cast_slice(&view);
    let period = f64::from(session.gpu().queue().get_timestamp_period());
    let program = session.program();
    let times = program.dispatches.iter().zip(stamps.chunks_exact(2)).map(|(dispatch, stamp)| StepTime {
        name: dispatch.name.clone(),
        kernel: program.variants[dispatch.variant].to_string(),
        time: Duration::from_nanos((stamp[1].saturating_sub(stamp[0]) as f64 * period) as u64),
        macs: dispatch.macs * count as u64,
    });
    Ok(times.collect())
}
