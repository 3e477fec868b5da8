//! The pipelines of a device: one for each variant, built at its first use and shared by all its models.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex};

use super::device::Gpu;
use crate::error::Result;
use crate::kernels::{Binding, Variant};

/// What a shader is replaced with.
pub(super) type Edit = Arc<dyn Fn(&Variant, String) -> String + Send + Sync>;

/// What was built so far.
#[derive(Default)]
pub(super) struct Pipelines {
    built: Mutex<HashMap<Variant, wgpu::ComputePipeline>>,
    /// For tests of what happens where a driver is wrong, and where the pipelines are that it does not change.
    edit: Option<(Edit, Arc<Pipelines>)>,
}

impl Pipelines {
    pub(super) fn edited(edit: Edit, others: Arc<Pipelines>) -> Pipelines {
        Pipelines { edit: Some((edit, others)), ..Pipelines::default() }
    }

    /// The variants that were built.
    pub(super) fn names(&self) -> BTreeSet<Variant> {
        self.built.lock().map(|built| built.keys().copied().collect()).unwrap_or_default()
    }

    /// Lets go of pipelines that are not worth keeping. Sessions keep theirs.
    pub(super) fn keep(&self, is_worth: impl Fn(&Variant) -> bool) {
        if let Ok(mut built) = self.built.lock() {
            built.retain(|variant, _| is_worth(variant));
        }
    }

    fn of(&self, variant: &Variant) -> Option<wgpu::ComputePipeline> {
        self.built.lock().ok()?.get(variant).cloned()
    }

    /// The text of a variant, and where its pipeline belongs.
    fn source(&self, variant: &Variant) -> (String, &Pipelines) {
        let source = if cfg!(target_arch = "wasm32") { variant.browser_source() } else { variant.source() };
        let Some((edit, others)) = &self.edit else { return (source, self) };
        let edited = edit(variant, source.clone());
        if edited == source { (source, others) } else { (edited, self) }
    }
}

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
        if let Ok(mut built) = pipelines.built.lock() {
            built.insert(variant, pipeline.clone());
        }
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

impl fmt::Debug for Pipelines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipelines").finish_non_exhaustive()
    }
}
