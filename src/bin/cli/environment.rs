//! What the process must have in its environment before anything else runs.

use std::path::Path;

/// Keeps libwayland from printing "error: XDG_RUNTIME_DIR is invalid or not set in the environment" on stderr.
///
/// Vulkan's loader brings in Mesa's device selection layer, which asks a Wayland compositor for its GPU whenever adapters
/// are listed. Without the folder that holds the compositor's socket it cannot find one; libwayland takes an absolute
/// socket path without it, and fails to connect in silence.
///
/// Must be called before any thread is started.
pub(crate) fn without_wayland() {
    let is_path = |name: &str| std::env::var_os(name).is_some_and(|value| Path::new(&value).is_absolute());
    if cfg!(target_os = "linux") && !is_path("XDG_RUNTIME_DIR") && !is_path("WAYLAND_DISPLAY") {
        // SAFETY: no other thread exists that could read the environment.
        unsafe { std::env::set_var("WAYLAND_DISPLAY", "/nonexistent/wayland") };
    }
}
