//! How much memory a network takes on an adapter.

use densenet_wgpu::architecture::Architecture;
use densenet_wgpu::low_level::kernels::{Footprint, Program};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::{AdapterFacts, AdapterKind, DeviceLimits, KernelFamily};
use serde_json::{Value, json};

use crate::cli::table::bytes;

/// Device memory of a model and of a session without taps, in bytes.
pub(crate) struct Memory {
    pub(crate) family: KernelFamily,
    pub(crate) footprint: Footprint,
    /// The part that holds no values: margins of textures, gaps between arrays.
    padding: u64,
}

impl Memory {
    pub(crate) fn of(plan: &Plan, architecture: &Architecture, family: KernelFamily) -> densenet_wgpu::Result<Memory> {
        let within = |texels| {
            let facts = unlimited(texels);
            let program = Program::lower(plan, family, &facts)?;
            program.footprint(architecture, &facts.limits)
        };
        // Textures wrap inside the limit of every adapter. A network too large for that is laid out without a limit.
        let footprint = within(DeviceLimits::default().max_texture_dimension_2d).or_else(|_| within(1 << 20))?;
        let padding = footprint.weight_padding + footprint.activations - plan.activation_bytes();
        Ok(Memory { family, footprint, padding })
    }

    pub(crate) fn json(&self) -> Value {
        let Footprint { weights, activations, parameters, staging, .. } = self.footprint;
        json!({
            "weights": weights,
            "activations": activations,
            "parameters": parameters,
            "staging": staging,
            "total": self.footprint.total(),
            "padding": self.padding,
        })
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let Footprint { weights, activations, parameters, staging, .. } = self.footprint;
        format!(
            "{}: weights {}, activations {}, parameters and staging {}; padding in these {}",
            bytes(self.footprint.total()),
            bytes(weights),
            bytes(activations),
            bytes(parameters + staging),
            bytes(self.padding)
        )
    }
}

/// An adapter that takes everything except textures of more than `texels` a side: the question is what the network
/// needs, not whether it fits.
fn unlimited(texels: u32) -> AdapterFacts {
    AdapterFacts {
        name: "unlimited".into(),
        kind: AdapterKind::Other,
        backend: String::new(),
        driver: String::new(),
        limits: DeviceLimits {
            max_buffer_size: u64::MAX,
            max_storage_buffer_binding_size: u64::MAX,
            max_compute_workgroups_per_dimension: u32::MAX,
            max_texture_dimension_2d: texels,
            ..DeviceLimits::default()
        },
        subgroups: false,
        subgroup_min: 0,
        subgroup_max: 0,
        shader_f16: false,
        timestamps: false,
    }
}
