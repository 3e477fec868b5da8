//! What is known about an adapter, as plain data, so that tests can invent adapters.

use serde::Serialize;

use super::family::KernelFamily;

/// What kind of device an adapter is, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AdapterKind {
    /// A GPU with memory of its own.
    Discrete,
    /// A GPU that shares the processor's memory.
    Integrated,
    /// A GPU passed through to a virtual machine.
    Virtual,
    /// The driver does not say.
    Other,
    /// A CPU acting as a GPU: lavapipe, SwiftShader, WARP.
    Software,
}

impl std::fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            AdapterKind::Discrete => "discrete",
            AdapterKind::Integrated => "integrated",
            AdapterKind::Virtual => "virtual",
            AdapterKind::Software => "software",
            AdapterKind::Other => "other",
        })
    }
}

/// The limits that programs can run into, by WebGPU's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceLimits {
    /// Bytes of one buffer.
    pub max_buffer_size: u64,
    /// Bytes of one storage binding.
    pub max_storage_buffer_binding_size: u64,
    /// Storage buffers per shader stage.
    pub max_storage_buffers_per_shader_stage: u32,
    /// Storage textures per shader stage.
    pub max_storage_textures_per_shader_stage: u32,
    /// Width and height of a two-dimensional texture, in texels.
    pub max_texture_dimension_2d: u32,
    /// Workgroups of one dispatch, per dimension.
    pub max_compute_workgroups_per_dimension: u32,
    /// Invocations of one workgroup.
    pub max_compute_invocations_per_workgroup: u32,
    /// Bytes of workgroup memory.
    pub max_compute_workgroup_storage_size: u32,
    /// Alignment of an offset into a uniform buffer, in bytes.
    pub min_uniform_buffer_offset_alignment: u32,
    /// Alignment of an offset into a storage buffer, in bytes.
    pub min_storage_buffer_offset_alignment: u32,
}

impl Default for DeviceLimits {
    /// The limits that WebGPU guarantees everywhere.
    fn default() -> Self {
        DeviceLimits {
            max_buffer_size: 256 << 20,
            max_storage_buffer_binding_size: 128 << 20,
            max_storage_buffers_per_shader_stage: 8,
            max_storage_textures_per_shader_stage: 4,
            max_texture_dimension_2d: 8192,
            max_compute_workgroups_per_dimension: 65535,
            max_compute_invocations_per_workgroup: 256,
            max_compute_workgroup_storage_size: 16384,
            min_uniform_buffer_offset_alignment: 256,
            min_storage_buffer_offset_alignment: 256,
        }
    }
}

/// What is known about an adapter.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AdapterFacts {
    /// The device's name.
    pub name: String,
    /// What kind of device it is.
    pub kind: AdapterKind,
    /// The API underneath WebGPU, such as `vulkan`.
    pub backend: String,
    /// The driver and its version.
    pub driver: String,
    /// Its limits.
    pub limits: DeviceLimits,
    /// Whether shaders may use subgroup operations.
    pub subgroups: bool,
    /// The smallest subgroup, in lanes.
    pub subgroup_min: u32,
    /// The largest subgroup, in lanes.
    pub subgroup_max: u32,
    /// Whether shaders may compute with 16-bit floats.
    pub shader_f16: bool,
    /// Whether passes can be timed on the device.
    pub timestamps: bool,
}

impl AdapterFacts {
    /// The kernel family that suits this adapter: textures on Mesa's lavapipe, where they measured more than twice as fast
    /// (docs/performance.md), buffers everywhere else.
    pub fn family(&self) -> KernelFamily {
        let lavapipe = self.kind == AdapterKind::Software && self.backend == "vulkan" && self.name.contains("llvmpipe");
        if lavapipe { KernelFamily::Texture } else { KernelFamily::Buffer }
    }

    /// Lanes of a subgroup, if all subgroups have the same number. Kernels that exchange registers rely on it: with any
    /// other number they would silently compute wrong values.
    pub fn subgroup_lanes(&self) -> Option<u32> {
        (self.subgroups && self.subgroup_min == self.subgroup_max).then_some(self.subgroup_min)
    }
}
