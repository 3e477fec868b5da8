//! Shader texts, and their imports: a line `#import shared/x.wgsl` is replaced by that file.

use super::{Kernel, Variant};

const SHARED: &[(&str, &str)] = &[
    ("shared/tile.wgsl", include_str!("../../shaders/shared/tile.wgsl")),
    ("shared/pointwise_params.wgsl", include_str!("../../shaders/shared/pointwise_params.wgsl")),
    ("shared/pointwise_load.wgsl", include_str!("../../shaders/shared/pointwise_load.wgsl")),
    ("shared/conv3x3_params.wgsl", include_str!("../../shaders/shared/conv3x3_params.wgsl")),
    ("shared/conv3x3_load.wgsl", include_str!("../../shaders/shared/conv3x3_load.wgsl")),
    ("shared/weights.wgsl", include_str!("../../shaders/shared/weights.wgsl")),
    ("shared/packed_f32.wgsl", include_str!("../../shaders/shared/packed_f32.wgsl")),
    ("shared/packed_f16.wgsl", include_str!("../../shaders/shared/packed_f16.wgsl")),
    ("shared/slices.wgsl", include_str!("../../shaders/shared/slices.wgsl")),
    ("shared/gather_memory.wgsl", include_str!("../../shaders/shared/gather_memory.wgsl")),
    ("shared/gather_shuffled.wgsl", include_str!("../../shaders/shared/gather_shuffled.wgsl")),
    ("shared/store.wgsl", include_str!("../../shaders/shared/store.wgsl")),
    ("shared/tile32.wgsl", include_str!("../../shaders/shared/tile32.wgsl")),
    ("shared/store32.wgsl", include_str!("../../shaders/shared/store32.wgsl")),
    ("shared/weights32.wgsl", include_str!("../../shaders/shared/weights32.wgsl")),
    ("shared/weights32_three.wgsl", include_str!("../../shaders/shared/weights32_three.wgsl")),
    ("shared/panels.wgsl", include_str!("../../shaders/shared/panels.wgsl")),
    ("shared/matrices_loaded.wgsl", include_str!("../../shaders/shared/matrices_loaded.wgsl")),
    ("shared/matrices_shuffled.wgsl", include_str!("../../shaders/shared/matrices_shuffled.wgsl")),
];

/// The file as it is written.
fn text(kernel: Kernel) -> &'static str {
    match kernel {
        Kernel::Stem => include_str!("../../shaders/buffer/stem.wgsl"),
        Kernel::MaxPool => include_str!("../../shaders/buffer/max_pool.wgsl"),
        Kernel::Pointwise => include_str!("../../shaders/buffer/pointwise.wgsl"),
        Kernel::PointwiseTiled => include_str!("../../shaders/buffer/pointwise_tiled.wgsl"),
        Kernel::PointwiseSplit => include_str!("../../shaders/buffer/pointwise_split.wgsl"),
        Kernel::Convolution3x3 => include_str!("../../shaders/buffer/conv3x3.wgsl"),
        Kernel::Convolution3x3Tiled => include_str!("../../shaders/buffer/conv3x3_tiled.wgsl"),
        Kernel::Convolution3x3Split => include_str!("../../shaders/buffer/conv3x3_split.wgsl"),
        Kernel::AveragePool => include_str!("../../shaders/buffer/average_pool.wgsl"),
        Kernel::GlobalPool => include_str!("../../shaders/buffer/global_pool.wgsl"),
        Kernel::Classifier => include_str!("../../shaders/buffer/classifier.wgsl"),
        Kernel::ClassifierSplit => include_str!("../../shaders/buffer/classifier_split.wgsl"),
        Kernel::Append => include_str!("../../shaders/buffer/append.wgsl"),
        Kernel::TextureStem => include_str!("../../shaders/texture/stem.wgsl"),
        Kernel::TextureMaxPool => include_str!("../../shaders/texture/max_pool.wgsl"),
        Kernel::TexturePointwise => include_str!("../../shaders/texture/pointwise.wgsl"),
        Kernel::TextureConvolution3x3 => include_str!("../../shaders/texture/conv3x3.wgsl"),
        Kernel::TextureAveragePool => include_str!("../../shaders/texture/average_pool.wgsl"),
        Kernel::TextureGlobalPool => include_str!("../../shaders/texture/global_pool.wgsl"),
        Kernel::TextureAppend => include_str!("../../shaders/texture/append.wgsl"),
    }
}

/// Replaces the import lines. Shared files import nothing themselves. Three of them come in two versions: how lanes get
/// at the weights of a texture, how they sum over slices, and how weights are packed.
pub(super) fn expand(variant: &Variant) -> String {
    let text = text(variant.kernel);
    let mut expanded = String::with_capacity(2 * text.len());
    for line in text.lines() {
        match line.strip_prefix("#import ") {
            Some(path) => {
                let path = match path.trim() {
                    "shared/matrices.wgsl" if variant.subgroup > 0 => "shared/matrices_shuffled.wgsl",
                    "shared/matrices.wgsl" => "shared/matrices_loaded.wgsl",
                    "shared/gather.wgsl" if variant.subgroup > 0 => "shared/gather_shuffled.wgsl",
                    "shared/gather.wgsl" => "shared/gather_memory.wgsl",
                    "shared/packed.wgsl" if variant.half => "shared/packed_f16.wgsl",
                    "shared/packed.wgsl" => "shared/packed_f32.wgsl",
                    other => other,
                };
                let shared = SHARED.iter().find(|(known, _)| *known == path);
                let (_, shared) = shared.unwrap_or_else(|| panic!("{variant} imports {path}, which is not in SHARED"));
                expanded.push_str(shared);
            }
            None => expanded.push_str(line),
        }
        expanded.push('\n');
    }
    expanded
}
