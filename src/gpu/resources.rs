//! What a session holds on the device: activations, parameters, bind groups.

use std::sync::Arc;

use super::pending::Slot;
use super::{Model, Session};
use crate::kernels::{Panels, Program, Resource, TapPlace, TapSource};

/// One activation resource.
#[derive(Debug)]
pub(super) enum Activation {
    Buffer(wgpu::Buffer),
    Texture(wgpu::Texture, wgpu::TextureView),
}

impl Activation {
    fn new(device: &wgpu::Device, resource: &Resource) -> Activation {
        match resource {
            Resource::Buffer { label, bytes } => Activation::Buffer(device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: *bytes,
                usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            })),
            Resource::Texture { label, width, height } => {
                let texture = device.create_texture(&wgpu::TextureDescriptor {
                    label: Some(label),
                    size: wgpu::Extent3d { width: *width, height: *height, depth_or_array_layers: 1 },
                    mip_level_count: 1,
                    sample_count: 1,
                    dimension: wgpu::TextureDimension::D2,
                    format: wgpu::TextureFormat::Rgba32Float,
                    usage: wgpu::TextureUsages::STORAGE_BINDING
                        | wgpu::TextureUsages::COPY_SRC
                        | wgpu::TextureUsages::COPY_DST,
                    view_formats: &[],
                });
                let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
                Activation::Texture(texture, view)
            }
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Activation::Buffer(buffer) => buffer.size(),
            Activation::Texture(texture, _) => u64::from(texture.width()) * u64::from(texture.height()) * 16,
        }
    }

    fn binding(&self) -> wgpu::BindingResource<'_> {
        match self {
            Activation::Buffer(buffer) => buffer.as_entire_binding(),
            Activation::Texture(_, view) => wgpu::BindingResource::TextureView(view),
        }
    }

    /// Writes `value` into every element.
    pub(super) fn fill(&self, queue: &wgpu::Queue, value: f32) {
        match self {
            Activation::Buffer(buffer) => {
                let values = vec![value; (buffer.size() / 4) as usize];
                queue.write_buffer(buffer, 0, bytemuck::cast_slice(&values));
            }
            Activation::Texture(texture, _) => {
                let size = texture.size();
                let values = vec![value; (size.width * size.height * 4) as usize];
                let layout = wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(size.width * 16),
                    rows_per_image: None,
                };
                queue.write_texture(texture.as_image_copy(), bytemuck::cast_slice(&values), layout, size);
            }
        }
    }

    /// Writes images, NCHW, where the program reads them.
    pub(super) fn write_images(
        &self,
        queue: &wgpu::Queue,
        images: &[f32],
        channels: usize,
        height: usize,
        panels: Option<Panels>,
    ) {
        match (self, panels) {
            (Activation::Buffer(buffer), None) => queue.write_buffer(buffer, 0, bytemuck::cast_slice(images)),
            (Activation::Texture(texture, _), Some(panels)) => {
                let texels = panels.texels(images, channels, height);
                let width = panels.width();
                let layout =
                    wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * 16), rows_per_image: None };
                let height = texels.len() as u32 / 4 / width;
                let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
                queue.write_texture(texture.as_image_copy(), bytemuck::cast_slice(&texels), layout, size);
            }
            // A family that takes images in one kind of resource and allocated the other.
            _ => unreachable!("the images do not lie where the program says"),
        }
    }

    /// Records the copy of one image of a tap to `staging` at `offset`.
    pub(super) fn copy_tap(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        tap: &TapSource,
        image: usize,
        staging: &wgpu::Buffer,
        offset: u64,
    ) {
        match (self, tap.place) {
            (Activation::Buffer(buffer), TapPlace::Buffer { tensor_quads }) => {
                let plane = (tap.height * tap.width * 16) as u64;
                let start = (image * tensor_quads + tap.first_quad) as u64 * plane;
                encoder.copy_buffer_to_buffer(buffer, start, staging, offset, tap.bytes() as u64);
            }
            (Activation::Texture(texture, _), TapPlace::Texture(panels)) => {
                let row_bytes = tap.row_bytes();
                for y in 0..tap.height {
                    let [x, top] = panels.place((image * tap.height + y) as u32);
                    let source = wgpu::TexelCopyTextureInfo {
                        texture,
                        mip_level: 0,
                        origin: wgpu::Origin3d { x, y: top + tap.first_quad as u32, z: 0 },
                        aspect: wgpu::TextureAspect::All,
                    };
                    let layout = wgpu::TexelCopyBufferLayout {
                        offset: offset + (y * tap.quads() * row_bytes) as u64,
                        bytes_per_row: Some(row_bytes as u32),
                        rows_per_image: None,
                    };
                    let target = wgpu::TexelCopyBufferInfo { buffer: staging, layout };
                    let (width, height) = (tap.width as u32, tap.quads() as u32);
                    let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
                    encoder.copy_texture_to_buffer(source, target, size);
                }
            }
            // A family that placed a tensor in one kind of resource and allocated the other.
            _ => unreachable!("{} does not lie where its program says", tap.name),
        }
    }
}

/// Everything that a session allocates.
#[derive(Debug)]
pub(super) struct Resources {
    pub(super) activations: Vec<Activation>,
    pub(super) params: wgpu::Buffer,
    pub(super) slots: Vec<Arc<Slot>>,
    pub(super) bind_groups: Vec<wgpu::BindGroup>,
}

impl Resources {
    pub(super) fn new(
        model: &Model,
        program: &Program,
        pipelines: &[wgpu::ComputePipeline],
        staging_bytes: u64,
    ) -> Resources {
        let gpu = model.gpu();
        let buffer = |label: &str, size: u64, usage: wgpu::BufferUsages| {
            let descriptor = wgpu::BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false };
            gpu.device().create_buffer(&descriptor)
        };
        let activations: Vec<Activation> =
            program.resources.iter().map(|resource| Activation::new(gpu.device(), resource)).collect();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let slot = |_| Arc::new(Slot::new(buffer("staging", staging_bytes, usage)));
        let slots = (0..Session::IN_FLIGHT).map(slot).collect();
        let stride = program.parameter_stride(&gpu.facts().limits);
        let mut block = vec![0; stride * program.dispatches.len()];
        for (index, dispatch) in program.dispatches.iter().enumerate() {
            block[index * stride..][..dispatch.params.len()].copy_from_slice(&dispatch.params);
        }
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let params = buffer("parameters", block.len() as u64, usage);
        gpu.queue().write_buffer(&params, 0, &block);
        let bind_group = |(index, dispatch): (usize, &crate::kernels::Dispatch)| {
            let own = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &params,
                offset: (index * stride) as u64,
                size: std::num::NonZeroU64::new(dispatch.params.len() as u64),
            });
            let (source, destination) = (&activations[dispatch.source], &activations[dispatch.destination]);
            let weights = dispatch.weights.iter().map(|&weight| model.weight_binding(weight));
            let bindings = [own, source.binding(), destination.binding()].into_iter().chain(weights);
            let entries: Vec<wgpu::BindGroupEntry<'_>> =
                (0..).zip(bindings).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
            gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(&dispatch.name),
                layout: &pipelines[dispatch.variant].get_bind_group_layout(0),
                entries: &entries,
            })
        };
        let bind_groups = program.dispatches.iter().enumerate().map(bind_group).collect();
        Resources { activations, params, slots, bind_groups }
    }

    /// Bytes of all of them, before any padding of the driver's.
    pub(super) fn bytes(&self) -> u64 {
        let activations = self.activations.iter().map(Activation::bytes).sum::<u64>();
        let staging = self.slots.iter().map(|slot| slot.staging.size()).sum::<u64>();
        activations + self.params.size() + staging
    }
}
