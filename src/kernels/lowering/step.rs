//! One step on its way from plan to program.

use crate::kernels::layer::Layer;
use crate::kernels::packing::{ChannelMap, Packing};
use crate::kernels::program::Grid;
use crate::kernels::variant::Variant;
use crate::plan::{Plan, Step, View};

/// What a kernel's file decides for one step.
pub(in crate::kernels) struct Lowered {
    /// If its variant is chosen by it.
    pub(in crate::kernels) layer: Option<Layer>,
    /// What else could run it, the most promising first.
    pub(in crate::kernels) others: Vec<Variant>,
    pub(in crate::kernels) variant: Variant,
    pub(in crate::kernels) params: Vec<u8>,
    pub(in crate::kernels) grid: Grid,
    /// Each with what it is to the step, such as `weight`.
    pub(in crate::kernels) weights: Vec<(&'static str, Packing)>,
}

/// The geometry of one step.
pub(in crate::kernels) struct Geometry {
    /// Images of the batch.
    pub(in crate::kernels) images: u32,
    pub(in crate::kernels) source: Extent,
    pub(in crate::kernels) destination: Extent,
}

/// One side of a step.
pub(in crate::kernels) struct Extent {
    pub(in crate::kernels) height: u32,
    pub(in crate::kernels) width: u32,
    /// Quads of channels of the whole tensor.
    pub(in crate::kernels) tensor_quads: u32,
    /// First quad of the view.
    pub(in crate::kernels) first_quad: u32,
    /// Quads of the view.
    pub(in crate::kernels) quads: u32,
    /// Which channel each padded channel of the view is.
    pub(in crate::kernels) channel_map: ChannelMap,
}

impl Geometry {
    pub(super) fn of(plan: &Plan, step: &Step) -> Geometry {
        Geometry {
            images: plan.batch as u32,
            source: Extent::of(plan, &step.input),
            destination: Extent::of(plan, &step.output),
        }
    }
}

impl Extent {
    fn of(plan: &Plan, view: &View) -> Extent {
        let tensor = plan.tensor(view.tensor);
        let channel_map = plan.channel_map(view);
        Extent {
            height: tensor.height as u32,
            width: tensor.width as u32,
            tensor_quads: (tensor.padded_channels() / 4) as u32,
            first_quad: (plan.slots(view)[0].start / 4) as u32,
            quads: (channel_map.len() / 4) as u32,
            channel_map,
        }
    }

    /// Pixels of one image; a saturated number exceeds every limit.
    pub(in crate::kernels) fn pixels(&self) -> u32 {
        self.height.saturating_mul(self.width)
    }

    /// Quads of the view where it is read as one vector.
    pub(in crate::kernels) fn vector_quads(&self) -> u32 {
        self.quads.saturating_mul(self.pixels())
    }

    /// [`Extent::channel_map`] where the view is read as one vector, `[C/4, H*W]` of four channels: of feature maps, value
    /// `c * H * W + p` is pixel `p` of channel `c`.
    pub(in crate::kernels) fn vector_map(&self) -> ChannelMap {
        let pixels = self.pixels() as usize;
        let quad = |quad: &[Option<usize>]| {
            let quad = quad.to_vec();
            (0..pixels).flat_map(move |p| quad.clone().into_iter().map(move |c| c.map(|c| c * pixels + p)))
        };
        self.channel_map.chunks_exact(4).flat_map(quad).collect()
    }
}

/// The floor that changes no finite number.
pub(in crate::kernels) const LOWEST: f32 = f32::MIN;

/// The floor for `max`: 0, which is ReLU, if `activated`.
pub(in crate::kernels) fn floor(activated: bool) -> f32 {
    if activated { 0.0 } else { LOWEST }
}
