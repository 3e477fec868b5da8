//! WGSL files.

/// A file of `shaders/`, as it is written.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// Its path below `shaders/`.
    pub path: &'static str,
    /// Its content.
    pub wgsl: &'static str,
}

/// The file of `shaders/` with this path.
macro_rules! wgsl {
    ($path:literal) => {
        $crate::kernels::text::Text {
            path: $path,
            wgsl: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $path)),
        }
    };
}
pub(super) use wgsl;
