//! `--adapter` and `--kernels`.

use densenet_wgpu::kernels::{AdapterFacts, KernelFamily};
use densenet_wgpu::{Gpu, GpuOptions};
use serde_json::{Value, json};

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
}

impl AdapterArgs {
    /// Whether the CPU reference is asked for.
    pub(crate) fn is_cpu(&self) -> bool {
        self.adapter.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("cpu"))
    }

    /// Opens the adapter.
    pub(crate) fn open(&self) -> densenet_wgpu::Result<Gpu> {
        Gpu::new_blocking(GpuOptions { adapter: self.adapter.clone() })
    }
}

/// An adapter as JSON: its facts and the kernel family that suits it.
pub(crate) fn adapter_json(facts: &AdapterFacts) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(facts)?;
    value["kernels"] = json!(facts.family().to_string());
    Ok(value)
}
