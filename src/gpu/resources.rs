//! What a session allocates on the device: activations, parameters, staging buffers and bind groups.

use std::sync::Arc;

use super::model::Model;
use super::staging::Staging;
use crate::kernels::{Dispatch, Panels, Program, Resource, STAGING_BUFFERS, TapPlace, TapSource};

/// Device memory of one of the program's resources.
#[derive(Debug)]
pub(super) enum Allocation {
    Buffer(wgpu::Buffer),
    Texture(wgpu::Texture, wgpu::TextureView),
}

impl Allocation {
    fn new(device: &wgpu::Device, resource: &Resource) -> Allocation {
        match resource {
            Resource::Buffer { label, bytes } => Allocation::Buffer(device.create_buffer(&wgpu::BufferDescriptor {
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
                Allocation::Texture(texture, view)
            }
        }
    }

    fn bytes(&self) -> u64 {
        match self {
            Allocation::Buffer(buffer) => buffer.size(),
            Allocation::Texture(texture, _) => u64::from(texture.width()) * u64::from(texture.height()) * 16,
        }
    }

    fn binding(&self) -> wgpu::BindingResource<'_> {
        match self {
            Allocation::Buffer(buffer) => buffer.as_entire_binding(),
            Allocation::Texture(_, view) => wgpu::BindingResource::TextureView(view),
        }
    }

    /// Writes `value` into every element.
    pub(super) fn fill(&self, queue: &wgpu::Queue, value: f32) {
        match self {
            Allocation::Buffer(buffer) => {
                let values = vec![value; (buffer.size() / 4) as usize];
                queue.write_buffer(buffer, 0, bytemuck::cast_slice(&values));
            }
            Allocation::Texture(texture, _) => {
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
            (Allocation::Buffer(buffer), None) => queue.write_buffer(buffer, 0, bytemuck::cast_slice(images)),
            (Allocation::Texture(texture, _), Some(panels)) => {
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
            (Allocation::Buffer(buffer), TapPlace::Buffer { tensor_quads }) => {
                let plane = (tap.height * tap.width * 16) as u64;
                let start = (image * tensor_quads + tap.first_quad) as u64 * plane;
                encoder.copy_buffer_to_buffer(buffer, start, staging, offset, tap.bytes() as u64);
            }
            (Allocation::Texture(texture, _), TapPlace::Texture(panels)) => {
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
    pub(super) activations: Vec<Allocation>,
    pub(super) params: wgpu::Buffer,
    pub(super) staging: Vec<Arc<Staging>>,
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
        let activations: Vec<Allocation> =
            program.resources.iter().map(|resource| Allocation::new(gpu.device(), resource)).collect();
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let one = |_| Arc::new(Staging::new(buffer("staging", staging_bytes, usage)));
        let staging = (0..STAGING_BUFFERS).map(one).collect();
        let stride = program.parameter_stride(&gpu.facts().limits);
        let mut block = vec![0; stride * program.dispatches.len()];
        for (index, dispatch) in program.dispatches.iter().enumerate() {
            block[index * stride..][..dispatch.params.len()].copy_from_slice(&dispatch.params);
        }
        let usage = wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST;
        let params = buffer("parameters", block.len() as u64, usage);
        gpu.queue().write_buffer(&params, 0, &block);
        let bind_group = |(index, dispatch): (usize, &Dispatch)| {
            let own = wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer: &params,
                offset: (index * stride) as u64,
                size: std::num::NonZeroU64::new(dispatch.params.len() as u64),
            });
            bind(model, &activations, dispatch, &pipelines[dispatch.variant], own)
        };
        let bind_groups = program.dispatches.iter().enumerate().map(bind_group).collect();
        Resources { activations, params, staging, bind_groups }
    }

    /// The bindings of a dispatch with other parameters.
    pub(super) fn bind(
        &self,
        model: &Model,
        dispatch: &Dispatch,
        pipeline: &wgpu::ComputePipeline,
        params: wgpu::BindingResource<'_>,
    ) -> wgpu::BindGroup {
        bind(model, &self.activations, dispatch, pipeline, params)
    }

    /// Bytes of all of them, without what the driver pads.
    pub(super) fn bytes(&self) -> u64 {
        let activations = self.activations.iter().map(Allocation::bytes).sum::<u64>();
        let staging = self.staging.iter().map(|staging| staging.buffer.size()).sum::<u64>();
        activations + self.params.size() + staging
    }
}

/// The bindings of a dispatch.
fn bind(
    model: &Model,
    activations: &[Allocation],
    dispatch: &Dispatch,
    pipeline: &wgpu::ComputePipeline,
    params: wgpu::BindingResource<'_>,
) -> wgpu::BindGroup {
    let (source, destination) = (&activations[dispatch.source], &activations[dispatch.destination]);
    let weights = dispatch.weights.iter().map(|&weight| model.weight_binding(weight));
    let bindings = [params, source.binding(), destination.binding()].into_iter().chain(weights);
    let entries: Vec<wgpu::BindGroupEntry<'_>> =
        (0..).zip(bindings).map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource }).collect();
    model.gpu().device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some(&dispatch.name),
        layout: &pipeline.get_bind_group_layout(0),
        entries: &entries,
    })
}
