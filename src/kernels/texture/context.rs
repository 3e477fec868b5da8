//! Textures on an adapter: which variants its kernels take, and how tensors lie in textures.

use super::tile::LANES;
use crate::kernels::choice::Kernels;
use crate::kernels::experience::Experience;
use crate::kernels::facts::AdapterFacts;
use crate::kernels::kernel::Kernel;
use crate::kernels::lowering::Extent;
use crate::kernels::panels::Panels;
use crate::kernels::program::{Grid, Images};
use crate::kernels::shared::Buffers;
use crate::kernels::variant::Variant;
use crate::plan::PlanTensor;

/// How the family's kernels run on an adapter.
pub(in crate::kernels) struct Textures {
    /// The largest side of a texture, in texels.
    max_side: u32,
    /// Lanes of a subgroup, if all subgroups have the same number.
    lanes: Option<u32>,
    experience: Experience,
    preferred: Option<Variant>,
    /// The classifier's memory.
    pub(super) buffers: Buffers,
}

impl Textures {
    pub(in crate::kernels) fn of(facts: &AdapterFacts, kernels: Kernels, experience: &Experience) -> Textures {
        Textures {
            max_side: facts.limits.max_texture_dimension_2d,
            lanes: facts.subgroup_lanes(),
            experience: experience.clone(),
            preferred: kernels.preferred(),
            buffers: Buffers::plain(kernels.preferred(), experience),
        }
    }

    /// The variant of a kernel that suits the adapter.
    pub(super) fn variant(&self, kernel: &'static Kernel) -> Variant {
        let plain = Variant::plain(kernel, LANES);
        let exchanging = plain.with_subgroups(self.lanes);
        if self.preferred == Some(plain) || !self.experience.admits(exchanging) { plain } else { exchanging }
    }

    /// The panels of one side of a step.
    pub(super) fn panels(&self, extent: &Extent, images: u32) -> Panels {
        self.panels_of(extent.tensor_quads, [images, extent.height, extent.width])
    }

    /// The panels of a whole tensor.
    pub(super) fn tensor_panels(&self, tensor: &PlanTensor, images: usize) -> Panels {
        let quads = tensor.padded_channels().div_ceil(4) as u32;
        self.panels_of(quads, [images, tensor.height, tensor.width].map(|n| n as u32))
    }

    /// The panels of `images`, each `height` rows of `width` pixels, in `quads` quads of channels.
    pub(super) fn panels_of(&self, quads: u32, [images, height, width]: [u32; 3]) -> Panels {
        Panels::new(quads, [images, height, width], self.max_side)
    }

    /// How many tiles of output channels a panel of weights holds, each of `rows` rows.
    pub(super) fn weight_tiles(&self, rows: u32) -> u32 {
        // Room for `not_a_power_of_two`.
        ((self.max_side - 1) / rows).max(1)
    }
}

/// A grid over the pixels of all images, `per_group` of them a workgroup.
pub(super) fn grid(pixels: u32, per_group: u32, y: u32) -> Grid {
    Grid { x: 0, y, images: Images::AlongX { pixels, per_group } }
}
