//! Whether an adapter can run a program.

use crate::error::{Error, Result};
use crate::kernels::facts::DeviceLimits;
use crate::kernels::kernel::Binding;
use crate::kernels::program::{Program, Resource};
use crate::kernels::variant::Variant;

const SMALLER: &str = "use a smaller input size or batch";
const BELOW_WEBGPU: &str = "this adapter is below WebGPU's guarantees";

/// Compares what the program needs with what there is.
pub(super) fn check(program: &Program, limits: &DeviceLimits) -> Result<()> {
    for resource in &program.resources {
        check_resource(resource, program.batch, limits)?;
    }
    let groups = u64::from(limits.max_compute_workgroups_per_dimension);
    for dispatch in &program.dispatches {
        let need = dispatch.grid.workgroups(program.batch as u32).into_iter().max().unwrap_or(0);
        within(&dispatch.name, "max_compute_workgroups_per_dimension", need.into(), groups, SMALLER)?;
    }
    program.variants.iter().try_for_each(|variant| check_variant(variant, limits))
}

fn check_resource(resource: &Resource, batch: usize, limits: &DeviceLimits) -> Result<()> {
    match resource {
        Resource::Buffer { label, bytes } => {
            let what = format!("the memory '{label}' of a batch of {batch}");
            let most = limits.max_storage_buffer_binding_size;
            within(&what, "max_storage_buffer_binding_size", *bytes, most, SMALLER)?;
            within(&what, "max_buffer_size", *bytes, limits.max_buffer_size, SMALLER)
        }
        Resource::Texture { label, width, height } => {
            let what = format!("the memory '{label}' of a batch of {batch}");
            let (need, most) = (u64::from(*width.max(height)), u64::from(limits.max_texture_dimension_2d));
            within(&what, "max_texture_dimension_2d", need, most, SMALLER)
        }
    }
}

fn check_variant(variant: &Variant, limits: &DeviceLimits) -> Result<()> {
    let what = variant.to_string();
    let count = |kind: Binding| variant.kernel.bindings().iter().filter(|&&binding| binding == kind).count() as u64;
    let buffers = count(Binding::ReadBuffer) + count(Binding::WriteBuffer);
    let most = u64::from(limits.max_storage_buffers_per_shader_stage);
    within(&what, "max_storage_buffers_per_shader_stage", buffers, most, BELOW_WEBGPU)?;
    let textures = count(Binding::ReadTexture) + count(Binding::WriteTexture);
    let most = u64::from(limits.max_storage_textures_per_shader_stage);
    within(&what, "max_storage_textures_per_shader_stage", textures, most, BELOW_WEBGPU)?;
    let need = u64::from(variant.workgroup_size);
    let most = u64::from(limits.max_compute_invocations_per_workgroup);
    within(&what, "max_compute_invocations_per_workgroup", need, most, BELOW_WEBGPU)
}

fn within(what: &str, limit: &'static str, need: u64, have: u64, remedy: &str) -> Result<()> {
    if need <= have {
        return Ok(());
    }
    Err(Error::Limit { what: what.to_string(), limit, need, have, remedy: remedy.to_string() })
}
