//! `--adapter`, `--kernels` and `--precision`.

use densenet_wgpu::{AdapterFacts, Gpu, GpuOptions, KernelFamily, LoadOptions, Model, Precision, Weights};
use serde_json::{Value, json};

use super::progress;

/// Where the network runs.
#[derive(clap::Args, Debug)]
pub(crate) struct AdapterArgs {
    /// Part of an adapter's name, its index in `densenet adapters`, or `cpu` for the CPU reference; the best where not
    /// given
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) adapter: Option<String>,
    /// Kernel family, `buffer` or `texture`; what suits the adapter where not given
    #[arg(long, value_name = "FAMILY")]
    pub(crate) kernels: Option<KernelFamily>,
    /// What weights are stored as on the adapter, `f32` or `f16` (buffer kernels only; half the memory, rounded results)
    #[arg(long, value_name = "f32|f16", default_value_t)]
    pub(crate) precision: Precision,
}

impl AdapterArgs {
    /// Whether the CPU reference is asked for.
    pub(crate) fn is_cpu(&self) -> bool {
        self.adapter.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("cpu"))
    }

    /// Opens the adapter.
    pub(crate) fn open(&self) -> densenet_wgpu::Result<Gpu> {
        let options = GpuOptions::default();
        Gpu::new_blocking(match &self.adapter {
            Some(name) => options.adapter(name),
            None => options,
        })
    }

    /// Loads a model with these options and a progress bar; `class_maps` as in [`LoadOptions::class_maps`].
    pub(crate) fn load(&self, gpu: &Gpu, weights: &Weights, class_maps: bool) -> densenet_wgpu::Result<Model> {
        let facts = gpu.facts();
        log::info!("running on {} ({}, {})", facts.name, facts.kind, facts.backend);
        let options = LoadOptions::default()
            .kernels(self.kernels)
            .precision(self.precision)
            .class_maps(class_maps)
            .size(weights.preprocessing().ok().and_then(|preprocessing| preprocessing.size()))
            .progress(progress::loading());
        Model::load_blocking(gpu, weights, options)
    }
}

/// An adapter as JSON: its facts and the kernel family that suits it.
pub(crate) fn adapter_json(facts: &AdapterFacts) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(facts)?;
    value["kernels"] = json!(facts.family().to_string());
    Ok(value)
}
