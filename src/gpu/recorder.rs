//! Recording a forward pass, or a part of one.

use std::ops::Range;

use super::device::Gpu;
use super::model::Model;
use super::readout::Readout;
use super::resources::Resources;
use crate::architecture::InputSize;
use crate::kernels::Program;

/// All that a session records its passes from.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) model: Model,
    pub(super) program: Program,
    pub(super) size: InputSize,
    pub(super) pipelines: Vec<wgpu::ComputePipeline>,
    pub(super) resources: Resources,
    pub(super) readout: Readout,
}

impl Recorder {
    pub(super) fn gpu(&self) -> &Gpu {
        self.model.gpu()
    }

    /// Copies images to where the program reads them, after what the network itself does to its input.
    pub(super) fn upload(&self, images: &[f32]) {
        let architecture = self.model.architecture();
        let transform = architecture.input.as_ref();
        let transformed = transform.map(|transform| transform.apply(images, self.size.height * self.size.width));
        let images = transformed.as_deref().unwrap_or(images);
        let channels = architecture.stem_input_channels();
        let input = &self.resources.activations[self.program.input];
        input.write_images(self.gpu().queue(), images, channels, self.size.height, self.program.input_panels);
    }

    /// Dispatches up to the last one that something is read back from.
    pub(super) fn dispatches(&self) -> usize {
        self.readout.sources.iter().map(|source| source.dispatch + 1).max().unwrap_or(0)
    }

    /// Records some dispatches of a pass of `count` images, and the copies of what they make to `staging`.
    pub(super) fn record(&self, dispatches: Range<usize>, count: usize, staging: &wgpu::Buffer) -> wgpu::CommandBuffer {
        let descriptor = wgpu::CommandEncoderDescriptor { label: Some("forward pass") };
        let mut encoder = self.gpu().device().create_command_encoder(&descriptor);
        let mut next = dispatches.start;
        let mut offset = 0;
        // One compute pass, ended early only where a tap must be copied before its memory is reused.
        for read in &self.readout.sources {
            if dispatches.contains(&read.dispatch) {
                self.dispatch_all(&mut encoder, next..read.dispatch + 1, count);
                next = next.max(read.dispatch + 1);
                for image in 0..count {
                    let activation = &self.resources.activations[read.resource];
                    activation.copy_tap(&mut encoder, read, image, staging, offset + (image * read.bytes()) as u64);
                }
            }
            offset += (count * read.bytes()) as u64;
        }
        self.dispatch_all(&mut encoder, next..dispatches.end, count);
        encoder.finish()
    }

    /// Dispatches in a compute pass of their own.
    fn dispatch_all(&self, encoder: &mut wgpu::CommandEncoder, dispatches: Range<usize>, count: usize) {
        if dispatches.is_empty() {
            return;
        }
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        dispatches.for_each(|index| self.dispatch(&mut pass, index, count));
    }

    /// Records one dispatch for `count` images.
    pub(super) fn dispatch(&self, pass: &mut wgpu::ComputePass<'_>, index: usize, count: usize) {
        let dispatch = &self.program.dispatches[index];
        pass.set_pipeline(&self.pipelines[dispatch.variant]);
        pass.set_bind_group(0, &self.resources.bind_groups[index], &[]);
        let [x, y, z] = dispatch.grid.workgroups(count as u32);
        pass.dispatch_workgroups(x, y, z);
    }
}
