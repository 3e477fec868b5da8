//! Finding an adapter and opening it.

use crate::error::{Error, Result};
use crate::kernels::{AdapterFacts, AdapterKind, DeviceLimits};

/// Which adapter to open. The default is the best one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GpuOptions {
    /// See [`GpuOptions::adapter`].
    pub adapter: Option<String>,
    /// See [`GpuOptions::hardware_only`].
    pub hardware_only: bool,
    /// See [`GpuOptions::remember`].
    pub remember: bool,
}

impl Default for GpuOptions {
    fn default() -> Self {
        GpuOptions { adapter: None, hardware_only: false, remember: true }
    }
}

impl GpuOptions {
    /// The adapter to open: part of its name in any case, or its index in [`super::adapters`].
    pub fn adapter(mut self, adapter: impl Into<String>) -> Self {
        self.adapter = Some(adapter.into());
        self
    }

    /// Whether software adapters do not count. They are slower than the CPU engine.
    pub fn hardware_only(mut self, hardware_only: bool) -> Self {
        self.hardware_only = hardware_only;
        self
    }

    /// Whether what the self-test and tuning find out about the adapter is kept in a file of the platform's cache folder, for the
    /// next program: yes, unless told otherwise. Browsers keep nothing by themselves.
    pub fn remember(mut self, remember: bool) -> Self {
        self.remember = remember;
        self
    }

    /// Which of `adapters`, in the order of [`super::adapters`], these options name.
    pub fn position(&self, adapters: &[AdapterFacts]) -> Option<usize> {
        let counts = |facts: &AdapterFacts| !self.hardware_only || facts.kind != AdapterKind::Software;
        let Some(wanted) = &self.adapter else {
            return adapters.iter().position(counts);
        };
        let by_index = self.index().filter(|&index| adapters.get(index).is_some_and(counts));
        let lower = wanted.to_lowercase();
        let by_name = |facts: &AdapterFacts| counts(facts) && facts.name.to_lowercase().contains(&lower);
        by_index.or_else(|| adapters.iter().position(by_name))
    }

    fn index(&self) -> Option<usize> {
        self.adapter.as_ref()?.parse().ok()
    }
}

/// Every adapter, the best first: the order in which `--adapter INDEX` counts. Vulkan, Metal and DX12 come before GL, and
/// of each discrete before integrated before virtual before others before software.
pub async fn adapters() -> Vec<AdapterFacts> {
    enumerate(wgpu::Backends::all()).await.into_iter().map(|(_, facts)| facts).collect()
}

/// Blocking twin of [`adapters`].
#[cfg(not(target_arch = "wasm32"))]
pub fn adapters_blocking() -> Vec<AdapterFacts> {
    pollster::block_on(adapters())
}

/// The adapters of some backends with their facts, the best first.
async fn enumerate(backends: wgpu::Backends) -> Vec<(wgpu::Adapter, AdapterFacts)> {
    // In a browser without WebGPU wgpu has no backend, and panics.
    #[cfg(target_arch = "wasm32")]
    if !wgpu::util::is_browser_webgpu_supported().await {
        return Vec::new();
    }
    let descriptor = wgpu::InstanceDescriptor { backends, ..wgpu::InstanceDescriptor::new_without_display_handle() };
    let instance = wgpu::Instance::new(descriptor);
    let mut found: Vec<(wgpu::Adapter, AdapterFacts)> = instance
        .enumerate_adapters(backends)
        .await
        .into_iter()
        .map(|adapter| {
            let facts = facts_of(&adapter.get_info(), adapter.features(), &adapter.limits());
            (adapter, facts)
        })
        .collect();
    // GL last, so that the other backends' adapters have the same index with and without it. Stable: the system's order
    // decides between equals.
    found.sort_by_key(|(_, facts)| (facts.backend == "gl", facts.kind));
    found
}

/// The adapter that is meant. GL takes time to open, and is asked only where nothing else fits.
pub(super) async fn choose(options: &GpuOptions) -> Result<(wgpu::Adapter, AdapterFacts)> {
    let mut found = enumerate(wgpu::Backends::PRIMARY).await;
    let mut facts = facts_alone(&found);
    // An index beyond this list may count GL's adapters; as a part of a name it would match any version number.
    let beyond = options.index().is_some_and(|index| index >= found.len());
    if let Some(index) = options.position(&facts).filter(|_| !beyond) {
        return Ok(found.swap_remove(index));
    }
    found.extend(enumerate(wgpu::Backends::all() - wgpu::Backends::PRIMARY).await);
    facts = facts_alone(&found);
    if let Some(index) = options.position(&facts) {
        return Ok(found.swap_remove(index));
    }
    Err(Error::NoAdapter(why_none(options, &facts)))
}

fn facts_alone(found: &[(wgpu::Adapter, AdapterFacts)]) -> Vec<AdapterFacts> {
    found.iter().map(|(_, facts)| facts.clone()).collect()
}

/// Why none of `adapters` was chosen.
fn why_none(options: &GpuOptions, adapters: &[AdapterFacts]) -> String {
    if adapters.is_empty() {
        let hint = if cfg!(target_arch = "wasm32") {
            "this browser has no WebGPU, or not for this machine and page: take another browser, or the CPU engine"
        } else if cfg!(target_os = "linux") {
            "install a Vulkan driver: your GPU's, or Mesa's software driver (package mesa-vulkan-drivers)"
        } else {
            "install or update the graphics driver"
        };
        return format!("none was found; {hint}");
    }
    let names: Vec<String> =
        adapters.iter().enumerate().map(|(i, f)| format!("{i} = {} ({})", f.name, f.backend)).collect();
    let wanted = match (&options.adapter, options.hardware_only) {
        (Some(wanted), false) => format!("none matches '{wanted}'"),
        (Some(wanted), true) => format!("none that is no software matches '{wanted}'"),
        (None, _) => "all are software".into(),
    };
    format!("{wanted}; there are: {}", names.join(", "))
}

/// What to ask of `adapter` when a device is opened elsewhere and shared through [`super::Gpu::with_device`]: WebGPU's
/// downlevel limits with the adapter's own buffer sizes, and timestamps and subgroups where it has them.
pub fn device_descriptor(adapter: &wgpu::Adapter) -> wgpu::DeviceDescriptor<'static> {
    let has = adapter.limits();
    wgpu::DeviceDescriptor {
        label: Some("densenet-wgpu"),
        required_features: adapter.features() & (wgpu::Features::TIMESTAMP_QUERY | wgpu::Features::SUBGROUP),
        required_limits: wgpu::Limits {
            max_buffer_size: has.max_buffer_size,
            max_storage_buffer_binding_size: has.max_storage_buffer_binding_size,
            max_storage_buffers_per_shader_stage: has.max_storage_buffers_per_shader_stage.min(8),
            max_storage_textures_per_shader_stage: has.max_storage_textures_per_shader_stage.min(4),
            max_texture_dimension_2d: has.max_texture_dimension_2d.min(8192),
            // What WebGPU guarantees; the downlevel defaults are 32 bytes below.
            max_compute_workgroup_storage_size: has.max_compute_workgroup_storage_size.min(16384),
            ..wgpu::Limits::downlevel_defaults()
        },
        ..Default::default()
    }
}

/// Opens a device with what programs need.
pub(super) async fn open(adapter: &wgpu::Adapter, facts: &AdapterFacts) -> Result<(wgpu::Device, wgpu::Queue)> {
    adapter
        .request_device(&device_descriptor(adapter))
        .await
        .map_err(|e| Error::Device(format!("'{}' ({}) could not be opened: {e}", facts.name, facts.backend)))
}

pub(super) fn facts_of(info: &wgpu::AdapterInfo, features: wgpu::Features, limits: &wgpu::Limits) -> AdapterFacts {
    AdapterFacts {
        // Browsers keep it to themselves.
        name: if info.name.is_empty() { "adapter without a name".into() } else { info.name.clone() },
        kind: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
            wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
            wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
            wgpu::DeviceType::Cpu => AdapterKind::Software,
            wgpu::DeviceType::Other => AdapterKind::Other,
        },
        backend: info.backend.to_str().to_string(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
        limits: DeviceLimits {
            max_buffer_size: limits.max_buffer_size,
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
            max_storage_textures_per_shader_stage: limits.max_storage_textures_per_shader_stage,
            max_texture_dimension_2d: limits.max_texture_dimension_2d,
            max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
            max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
            min_uniform_buffer_offset_alignment: limits.min_uniform_buffer_offset_alignment,
            min_storage_buffer_offset_alignment: limits.min_storage_buffer_offset_alignment,
        },
        subgroups: features.contains(wgpu::Features::SUBGROUP),
        subgroup_min: info.subgroup_min_size,
        subgroup_max: info.subgroup_max_size,
        shader_f16: features.contains(wgpu::Features::SHADER_F16),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_meant_by_its_index_or_by_part_of_its_name() {
        let named = |name: &str| {
            let info = wgpu::AdapterInfo::new(wgpu::DeviceType::Other, wgpu::Backend::Noop);
            AdapterFacts { name: name.into(), ..facts_of(&info, wgpu::Features::empty(), &wgpu::Limits::default()) }
        };
        let adapters = ["NVIDIA H100", "llvmpipe (LLVM 15)"].map(named);
        let position = |wanted: &str| GpuOptions::default().adapter(wanted).position(&adapters);
        for (wanted, index) in [("1", Some(1)), ("LLVM", Some(1)), ("nvidia", Some(0)), ("100", Some(0)), ("2", None)] {
            assert_eq!(position(wanted), index, "{wanted}");
        }
        assert_eq!(GpuOptions::default().position(&adapters), Some(0), "the best");
        assert_eq!(GpuOptions::default().position(&[]), None);
        let kinds = [AdapterKind::Software, AdapterKind::Other, AdapterKind::Software];
        let found: Vec<AdapterFacts> = kinds.iter().map(|&kind| AdapterFacts { kind, ..adapters[1].clone() }).collect();
        let hardware = GpuOptions::default().hardware_only(true);
        assert_eq!(hardware.position(&found), Some(1));
        assert_eq!(hardware.clone().adapter("llvm").position(&found), Some(1));
        assert_eq!(hardware.clone().adapter("0").position(&found[..1]), None);
        assert_eq!(hardware.position(&found[2..]), None);
    }
}
