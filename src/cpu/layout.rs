//! Where values of feature maps are: pixel by pixel, and of each pixel channel by channel.

use crate::plan::{Plan, View};

/// Channels of feature maps in a memory, `[images, height, width, channels]`: those of a view, padding included, of a tensor
/// that may have more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) images: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Values from one pixel to the next: the channels of the tensor.
    pub(super) step: usize,
    /// First channel.
    pub(super) start: usize,
    /// Channels with padding.
    pub(super) channels: usize,
}

impl Layout {
    pub(super) fn new(plan: &Plan, view: &View, images: usize) -> Layout {
        let tensor = plan.tensor(view.tensor);
        let slots = plan.slots(view);
        Layout {
            images,
            height: tensor.height,
            width: tensor.width,
            step: tensor.padded_channels(),
            start: slots.first().map_or(0, |slot| slot.start),
            channels: slots.iter().map(|slot| slot.padded()).sum(),
        }
    }

    /// Pixels of all images.
    pub(super) fn pixels(&self) -> usize {
        self.images * self.height * self.width
    }

    /// Values of all images.
    pub(super) fn elements(&self) -> usize {
        self.pixels() * self.step
    }
}
