//! Shader texts, and their imports: a line `#import shared/x.wgsl` is replaced by that file.

use super::Kernel;

const SHARED: &[(&str, &str)] = &[
    ("shared/tile.wgsl", include_str!("../../shaders/shared/tile.wgsl")),
    ("shared/store.wgsl", include_str!("../../shaders/shared/store.wgsl")),
];

/// The file as it is written.
pub(super) fn text(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Stem => include_str!("../../shaders/buffer/stem.wgsl"),
        Kernel::MaxPool => include_str!("../../shaders/buffer/max_pool.wgsl"),
        Kernel::Pointwise => include_str!("../../shaders/buffer/pointwise.wgsl"),
        Kernel::Convolution3x3 => include_str!("../../shaders/buffer/conv3x3.wgsl"),
        Kernel::AveragePool => include_str!("../../shaders/buffer/average_pool.wgsl"),
        Kernel::GlobalPool => include_str!("../../shaders/buffer/global_pool.wgsl"),
        Kernel::Classifier => include_str!("../../shaders/buffer/classifier.wgsl"),
        Kernel::Append => include_str!("../../shaders/buffer/append.wgsl"),
    }
}

/// Replaces the import lines. Shared files import nothing themselves.
pub(super) fn expand(name: &str, text: &str) -> String {
    let mut expanded = String::with_capacity(2 * text.len());
    for line in text.lines() {
        match line.strip_prefix("#import ") {
            Some(path) => {
                let (_, shared) = SHARED
                    .iter()
                    .find(|(known, _)| *known == path.trim())
                    .unwrap_or_else(|| panic!("{name}.wgsl imports {path}, which is not in SHARED"));
                expanded.push_str(shared);
            }
            None => expanded.push_str(line),
        }
        expanded.push('\n');
    }
    expanded
}
