//! A model on the device: packed weights and pipelines, shared by all its sessions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::load_options::{LoadOptions, Progress, ProgressCallback};
use super::session_options::SessionOptions;
use super::weight_store::WeightStore;
use super::{Gpu, Session};
use crate::architecture::Architecture;
use crate::cancel::CancelToken;
use crate::error::Result;
use crate::kernels::{Binding, KernelFamily, Kernels, PackedWeight, Program, Variant};
use crate::maps::CLASS_MAPS;
use crate::plan::Plan;
use crate::precision::Precision;
use crate::weights::Weights;

/// A network on a device. Cheap to clone; clones share weights and pipelines, and sessions of any size or batch upload
/// nothing.
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
    /// Packs and uploads `weights`, builds the pipelines and runs each once, since many drivers compile at the first
    /// dispatch.
    ///
    /// # Errors
    /// [`crate::Error::Weights`] for a missing tensor, [`crate::Error::Architecture`] where class maps are asked for and
    /// there is no classifier, [`crate::Error::Limit`] for an array above a limit of the adapter,
    /// [`crate::Error::OutOfMemory`], [`crate::Error::Device`], [`crate::Error::DeviceLost`],
    /// [`crate::Error::Cancelled`].
    pub async fn load(gpu: &Gpu, weights: &Weights, options: LoadOptions) -> Result<Model> {
        let (model, mut loading) = Model::upload(gpu, weights, options).await?;
        let mut session = loading.warm_session(&model).await?;
        let image = vec![0.0; session.image_elements()];
        session.run(&image).await?;
        loading.step("done")?;
        Ok(model)
    }

    async fn upload(gpu: &Gpu, weights: &Weights, options: LoadOptions) -> Result<(Model, Loading)> {
        let architecture = weights.architecture().clone();
        let kernels = Kernels::choose(options.kernels, options.precision, gpu.facts())?;
        let plan = |size, batch| match options.class_maps {
            true => Plan::with_class_maps(&architecture, size, batch),
            false => Plan::new(&architecture, size, batch),
        };
        let program = Program::lower(&plan(architecture.least_square_size()?, 1)?, kernels, gpu.facts())?;
        let mut variants = program.variants.clone();
        // Large layers have kernels of their own. A limit that `size` exceeds is for its session to report.
        if let Some(Ok(sized)) = options.size.map(|size| Program::lower(&plan(size, 1)?, kernels, gpu.facts())) {
            variants.extend(sized.variants.iter().filter(|variant| !program.variants.contains(variant)));
        }
        let total = 2 + variants.len();
        let mut loading = Loading { progress: options.progress, cancel: options.cancel, done: 0, total };
        loading.say("packing weights")?;
        let store = WeightStore::upload(gpu, &program.weights, weights).await?;
        let pipelines = Mutex::new(HashMap::new());
        let class_maps = options.class_maps;
        let inner = Inner { gpu: gpu.clone(), kernels, class_maps, architecture, weights: store, pipelines };
        let model = Model { inner: Arc::new(inner) };
        for variant in &variants {
            loading.step(&format!("building {variant}"))?;
            model.pipeline(*variant).await?;
        }
        loading.step("compiling")?;
        Ok((model, loading))
    }

    /// The device it is on.
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

    /// What its weights are stored as on the device.
    pub fn precision(&self) -> Precision {
        self.inner.kernels.precision()
    }

    /// Whether its sessions may be asked for class-activation maps: [`LoadOptions::class_maps`].
    pub fn has_class_maps(&self) -> bool {
        self.inner.class_maps
    }

    /// Which kernels its programs are made of.
    pub(super) fn kernels(&self) -> Kernels {
        self.inner.kernels
    }

    /// Bytes of the packed weights on the device.
    pub fn weight_bytes(&self) -> u64 {
        self.inner.weights.bytes()
    }

    /// Prepares to run images of one size: buffers and bind groups, no weights.
    ///
    /// # Errors
    /// [`crate::Error::Input`] for a size that the network does not admit, [`crate::Error::Tap`] for an unknown tap,
    /// [`crate::Error::Limit`] where not even one image fits, [`crate::Error::OutOfMemory`].
    pub async fn session(&self, options: SessionOptions) -> Result<Session> {
        Session::new(self, options).await
    }

    /// Blocking twin of [`Model::load`].
    ///
    /// # Errors
    /// As [`Model::load`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn load_blocking(gpu: &Gpu, weights: &Weights, options: LoadOptions) -> Result<Model> {
        let (model, mut loading) = pollster::block_on(Model::upload(gpu, weights, options))?;
        let mut session = pollster::block_on(loading.warm_session(&model))?;
        let image = vec![0.0; session.image_elements()];
        session.run_blocking(&image)?;
        loading.step("done")?;
        Ok(model)
    }

    /// Blocking twin of [`Model::session`].
    ///
    /// # Errors
    /// As [`Model::session`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn session_blocking(&self, options: SessionOptions) -> Result<Session> {
        pollster::block_on(self.session(options))
    }

    /// The pipeline of a variant, built if it is new.
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

    /// A packed array as a binding.
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

/// The rest of a load, after the upload.
struct Loading {
    progress: Option<ProgressCallback>,
    cancel: Option<CancelToken>,
    done: usize,
    total: usize,
}

impl Loading {
    fn say(&mut self, what: &str) -> Result<()> {
        if let Some(progress) = &mut self.progress {
            progress(Progress { done: self.done, total: self.total, what: what.to_string() });
        }
        self.cancel.as_ref().map_or(Ok(()), CancelToken::check)
    }

    fn step(&mut self, what: &str) -> Result<()> {
        self.done += 1;
        self.say(what)
    }

    /// A session of the smallest image: enough to run every pipeline once.
    async fn warm_session(&mut self, model: &Model) -> Result<Session> {
        let size = model.architecture().least_square_size()?;
        model.session(SessionOptions::new(size).taps(model.has_class_maps().then_some(CLASS_MAPS))).await
    }
}
