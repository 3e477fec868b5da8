//! Building the pipeline of a variant, at its first use.

use super::device::Gpu;
use crate::error::Result;
use crate::kernels::{Binding, Variant};

impl Gpu {
    /// The pipeline of a variant.
    pub(super) async fn pipeline(&self, variant: Variant) -> Result<wgpu::ComputePipeline> {
        if let Some(pipeline) = self.pipelines().of(&variant) {
            return Ok(pipeline);
        }
        let (source, pipelines) = self.pipelines().source(&variant);
        if let Some(pipeline) = pipelines.of(&variant) {
            return Ok(pipeline);
        }
        let pipeline = self.scoped(&format!("building {variant}"), || build(self, variant, source)).await?;
        pipelines.add(variant, &pipeline);
        Ok(pipeline)
    }
}

fn build(gpu: &Gpu, variant: Variant, source: String) -> wgpu::ComputePipeline {
    let device = gpu.device();
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(variant.kernel.name()),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let layout = bind_group_layout(device, variant.kernel.bindings());
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(variant.kernel.name()),
        bind_group_layouts: &[Some(&layout)],
        ..Default::default()
    });
    let constants = variant.overrides();
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(&variant.to_string()),
        layout: Some(&layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() },
        cache: None,
    })
}

/// The layout of a kernel's bindings.
fn bind_group_layout(device: &wgpu::Device, bindings: &[Binding]) -> wgpu::BindGroupLayout {
    let buffer = |ty| wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None };
    let texture = |access| wgpu::BindingType::StorageTexture {
        access,
        format: wgpu::TextureFormat::Rgba32Float,
        view_dimension: wgpu::TextureViewDimension::D2,
    };
    let entries: Vec<wgpu::BindGroupLayoutEntry> = (0..)
        .zip(bindings)
        .map(|(binding, kind)| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: match kind {
                Binding::Uniform => buffer(wgpu::BufferBindingType::Uniform),
                Binding::ReadBuffer => buffer(wgpu::BufferBindingType::Storage { read_only: true }),
                Binding::WriteBuffer => buffer(wgpu::BufferBindingType::Storage { read_only: false }),
                Binding::ReadTexture => texture(wgpu::StorageTextureAccess::ReadOnly),
                Binding::WriteTexture => texture(wgpu::StorageTextureAccess::WriteOnly),
            },
            count: None,
        })
        .collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
}
