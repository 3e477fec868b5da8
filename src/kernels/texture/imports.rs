//! The shared WGSL files that kernels of this family import.

use crate::kernels::text::{Text, wgsl};

pub(super) const IMPORTS: &[Text] = &[
    wgsl!("shared/panels.wgsl"),
    wgsl!("shared/tile32.wgsl"),
    wgsl!("shared/weights32.wgsl"),
    wgsl!("shared/weights32_three.wgsl"),
    wgsl!("shared/matrices_loaded.wgsl"),
    wgsl!("shared/matrices_shuffled.wgsl"),
    wgsl!("shared/store32.wgsl"),
];
