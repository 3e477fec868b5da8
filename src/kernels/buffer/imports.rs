//! The shared WGSL files that kernels of this family import.

use crate::kernels::shared::{PACKED_F16, PACKED_F32};
use crate::kernels::text::{Text, wgsl};

pub(super) const IMPORTS: &[Text] = &[
    PACKED_F32,
    PACKED_F16,
    wgsl!("shared/tile.wgsl"),
    wgsl!("shared/weights.wgsl"),
    wgsl!("shared/weights_near.wgsl"),
    wgsl!("shared/weights_far.wgsl"),
    wgsl!("shared/bias.wgsl"),
    wgsl!("shared/store.wgsl"),
    wgsl!("shared/pointwise_params.wgsl"),
    wgsl!("shared/pointwise_load.wgsl"),
    wgsl!("shared/conv3x3_params.wgsl"),
    wgsl!("shared/conv3x3_load.wgsl"),
    wgsl!("shared/slices.wgsl"),
    wgsl!("shared/gather_memory.wgsl"),
    wgsl!("shared/gather_shuffled.wgsl"),
];
