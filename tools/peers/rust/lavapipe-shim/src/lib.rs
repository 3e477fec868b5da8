//! A pass-through Vulkan driver around lavapipe, so that Dawn (ONNX Runtime's WebGPU provider) accepts an old one.
//!
//! Dawn accepts an adapter only if it reports all four `shader{UniformBuffer,SampledImage,StorageBuffer,StorageImage}Array-
//! DynamicIndexing` features, which matter to arrays of bindings only; Mesa 22.3's lavapipe reports the two image features as
//! missing. To the Vulkan loader this library is a driver. It passes every call to the real driver, reports the four features as
//! present, and removes them from the request when a device is created, because the real driver would refuse them. The
//! shader compiler and everything else that takes time are lavapipe's own. Where the driver reports the four features itself,
//! the shim changes nothing and is not needed.
//!
//! Written from the Vulkan specification and the loader's "loader and driver interface" document.
//!
//! `LAVAPIPE` names the real driver where it is not `libvulkan_lvp.so` on the library path.

use std::ffi::{CStr, c_char};
use std::mem::transmute;
use std::sync::OnceLock;

use ash::vk;

/// An entry point before it is given its type.
type Entry = unsafe extern "system" fn();

/// lavapipe's own entry points. They do not depend on the instance, so those of the first instance serve all.
struct Real {
    proc_addr: vk::PFN_vkGetInstanceProcAddr,
    features: OnceLock<vk::PFN_vkGetPhysicalDeviceFeatures>,
    features2: OnceLock<vk::PFN_vkGetPhysicalDeviceFeatures2>,
    create_device: OnceLock<vk::PFN_vkCreateDevice>,
}

fn real() -> Option<&'static Real> {
    static REAL: OnceLock<Option<Real>> = OnceLock::new();
    let open = || {
        let name = std::env::var_os("LAVAPIPE").unwrap_or("libvulkan_lvp.so".into());
        // SAFETY: loading a Vulkan driver runs its initialisers, as the loader's own dlopen would.
        let library = unsafe { libloading::Library::new(name) }.ok()?;
        // SAFETY: every driver exports this name with this signature (loader and driver interface, version 1 on).
        let proc_addr = unsafe { *library.get(c"vk_icdGetInstanceProcAddr").ok()? };
        std::mem::forget(library); // the entry points must outlive everything
        Some(Real { proc_addr, features: OnceLock::new(), features2: OnceLock::new(), create_device: OnceLock::new() })
    };
    REAL.get_or_init(open).as_ref()
}

/// Runs `change` on each of the four features.
fn each(features: &mut vk::PhysicalDeviceFeatures, mut change: impl FnMut(&mut vk::Bool32)) {
    change(&mut features.shader_uniform_buffer_array_dynamic_indexing);
    change(&mut features.shader_sampled_image_array_dynamic_indexing);
    change(&mut features.shader_storage_buffer_array_dynamic_indexing);
    change(&mut features.shader_storage_image_array_dynamic_indexing);
}

unsafe extern "system" fn features(device: vk::PhysicalDevice, out: *mut vk::PhysicalDeviceFeatures) {
    if let Some(call) = real().and_then(|r| r.features.get()) {
        // SAFETY: the caller's own pointers, passed on.
        unsafe {
            call(device, out);
            each(&mut *out, |feature| *feature = vk::TRUE);
        }
    }
}

unsafe extern "system" fn features2(device: vk::PhysicalDevice, out: *mut vk::PhysicalDeviceFeatures2<'_>) {
    if let Some(call) = real().and_then(|r| r.features2.get()) {
        // SAFETY: the caller's own pointers, passed on.
        unsafe {
            call(device, out);
            each(&mut (*out).features, |feature| *feature = vk::TRUE);
        }
    }
}

unsafe extern "system" fn create_device(
    device: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    out: *mut vk::Device,
) -> vk::Result {
    let Some((call, features)) = real().and_then(|r| Some((r.create_device.get()?, r.features.get()?))) else {
        return vk::Result::ERROR_INITIALIZATION_FAILED;
    };
    // SAFETY: the specification requires of the caller that `info` and its chain are valid for this call. A chain of unknown
    // structs cannot be copied, so its features are changed in place for the driver's call and restored afterwards.
    unsafe {
        let mut there = vk::PhysicalDeviceFeatures::default();
        features(device, &mut there);
        let mut reported = Vec::new();
        each(&mut there, |feature| reported.push(*feature));
        let restrict = |asked: &mut vk::PhysicalDeviceFeatures| {
            let mut reported = reported.iter();
            each(asked, |feature| *feature &= reported.next().copied().unwrap_or(vk::FALSE));
        };

        let mut info = *info;
        let mut core = info.p_enabled_features.as_ref().copied();
        if let Some(core) = &mut core {
            restrict(core);
            info.p_enabled_features = core;
        }
        let mut changed = None;
        let mut next = info.p_next as *mut vk::BaseOutStructure<'_>;
        while let Some(link) = next.as_mut() {
            if link.s_type == vk::StructureType::PHYSICAL_DEVICE_FEATURES_2 {
                let chained = &mut (*next.cast::<vk::PhysicalDeviceFeatures2<'_>>()).features;
                changed = Some((&raw mut *chained, *chained));
                restrict(chained);
            }
            next = link.p_next;
        }
        let result = call(device, &info, allocator, out);
        if let Some((place, before)) = changed {
            *place = before;
        }
        result
    }
}

/// The driver's entry point for everything; for three functions it returns ours.
///
/// # Safety
/// Called by the Vulkan loader with a null or valid instance and a C string.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdGetInstanceProcAddr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    let real = real()?;
    // SAFETY: the loader's own arguments; each function pointer gets the type that the specification gives its name.
    unsafe {
        let found = (real.proc_addr)(instance, name)?;
        if real.features.get().is_none()
            && let Some(f) = (real.proc_addr)(instance, c"vkGetPhysicalDeviceFeatures".as_ptr())
        {
            real.features.get_or_init(|| transmute::<Entry, vk::PFN_vkGetPhysicalDeviceFeatures>(f));
        }
        match CStr::from_ptr(name).to_bytes() {
            b"vkGetPhysicalDeviceFeatures" => Some(transmute::<vk::PFN_vkGetPhysicalDeviceFeatures, Entry>(features)),
            b"vkGetPhysicalDeviceFeatures2" | b"vkGetPhysicalDeviceFeatures2KHR" => {
                real.features2.get_or_init(|| transmute::<Entry, vk::PFN_vkGetPhysicalDeviceFeatures2>(found));
                Some(transmute::<vk::PFN_vkGetPhysicalDeviceFeatures2, Entry>(features2))
            }
            b"vkCreateDevice" => {
                real.create_device.get_or_init(|| transmute::<Entry, vk::PFN_vkCreateDevice>(found));
                Some(transmute::<vk::PFN_vkCreateDevice, Entry>(create_device))
            }
            _ => Some(found),
        }
    }
}

/// Agrees with the loader on version 5 of their interface, the first without limits on the API version.
///
/// # Safety
/// Called by the Vulkan loader with a valid pointer.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vk_icdNegotiateLoaderICDInterfaceVersion(version: *mut u32) -> vk::Result {
    // SAFETY: the loader's pointer to its own version.
    unsafe { *version = (*version).min(5) };
    vk::Result::SUCCESS
}
