//! A model on the device: packed weights and pipelines, shared by all its sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::device::Gpu;
use super::weight_store::WeightStore;
use crate::architecture::Architecture;
use crate::error::Result;
use crate::kernels::{Binding, KernelFamily, Kernels, PackedWeight, Variant};
use crate::precision::Precision;

/// A network on a device: packed weights and pipelines. Cheap to clone; clones share both. It serves sessions of any size
/// and batch, which upload no weights of their own, and may be used from several threads at once.
///
/// ```
/// use densenet_wgpu::{Gpu, GpuOptions, LoadOptions, Model, weights};
///
/// # fn main() -> densenet_wgpu::Result<()> {
/// let gpu = Gpu::new_blocking(GpuOptions::default())?;
/// let weights = weights::embedded()?; // or weights::open("densenet121.pth")?
/// let options = LoadOptions::default().progress(|p| println!("{} of {}: {}", p.done, p.total, p.what));
/// let model = Model::load_blocking(&gpu, &weights, options)?;
/// assert_eq!(model.architecture().classes(), Some(10));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    gpu: Gpu,
    kernels: Kernels,
    class_maps: bool,
    architecture: Architecture,
    weights: WeightStore,
    pipelines: Mutex<HashMap<Variant, wgpu::ComputePipeline>>,
}

impl Model {
    /// A model without pipelines.
    pub(super) fn new(
        gpu: &Gpu,
        kernels: Kernels,
        class_maps: bool,
        architecture: Architecture,
        weights: WeightStore,
    ) -> Model {
        let (gpu, pipelines) = (gpu.clone(), Mutex::default());
        Model { inner: Arc::new(Inner { gpu, kernels, class_maps, architecture, weights, pipelines }) }
    }

    /// Its device.
    pub fn gpu(&self) -> &Gpu {
        &self.inner.gpu
    }

    /// The network.
    pub fn architecture(&self) -> &Architecture {
        &self.inner.architecture
    }

    /// The kernel family that runs it.
    pub fn family(&self) -> KernelFamily {
        self.inner.kernels.family()
    }

    /// How its weights are stored on the device.
    pub fn precision(&self) -> Precision {
        self.inner.kernels.precision()
    }

    /// Whether its sessions can give class-activation maps: see [`crate::LoadOptions::class_maps`].
    pub fn has_class_maps(&self) -> bool {
        self.inner.class_maps
    }

    /// The kernels that its programs are made of.
    pub(super) fn kernels(&self) -> Kernels {
        self.inner.kernels
    }

    /// Bytes of the packed weights on the device.
    pub fn weight_bytes(&self) -> u64 {
        self.inner.weights.bytes()
    }

    /// The pipeline of a variant, built at its first use.
    pub(super) async fn pipeline(&self, variant: Variant) -> Result<wgpu::ComputePipeline> {
        let lock = |inner: &Inner| inner.pipelines.lock().map(|known| known.get(&variant).cloned()).unwrap_or_default();
        if let Some(pipeline) = lock(&self.inner) {
            return Ok(pipeline);
        }
        let device = self.inner.gpu.device();
        let build = || {
            let source = if cfg!(target_arch = "wasm32") { variant.browser_source() } else { variant.source() };
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
        };
        let pipeline = self.inner.gpu.scoped(&format!("building {variant}"), build).await?;
        if let Ok(mut known) = self.inner.pipelines.lock() {
            known.insert(variant, pipeline.clone());
        }
        Ok(pipeline)
    }

    /// The packed arrays, in the order that programs index them.
    pub(super) fn arrays(&self) -> &[PackedWeight] {
        self.inner.weights.arrays()
    }

    /// The binding of a packed array.
    pub(super) fn weight_binding(&self, index: usize) -> wgpu::BindingResource<'_> {
        self.inner.weights.binding(index)
    }
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
