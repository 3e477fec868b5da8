//! The plan: what a forward pass does, as plain data.
//!
//! A plan knows logical tensors with channel slots and the steps between them, after the algebra that holds on every
//! adapter: `norm2` is folded into the 1x1 convolution before it and `norm0` into the stem, a pre-activation is applied
//! as its consumer loads, a transition pools before its 1x1 convolution (both are linear and the convolution has no
//! bias, so they commute, and a quarter of the multiplications remains). It knows neither weight values nor kernels.
//!
//! **Concatenation is a write offset.** A dense block owns one tensor as wide as its final channel count; each layer
//! writes its new channels into the next slot.

mod build;
mod dump;
mod memory;

use std::ops::Range;

use crate::architecture::{Architecture, InputSize};
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// Index of a tensor in [`Plan::tensors`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TensorId(pub usize);

/// Channels that one producer writes. Slots start at multiples of four, so that a texel or `vec4` never holds the
/// channels of two producers; what pads a slot to the next multiple is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// First padded channel: a multiple of 4.
    pub start: usize,
    /// Channels that mean something.
    pub channels: usize,
}

impl Slot {
    /// Channels with padding: the next multiple of 4.
    pub fn padded(&self) -> usize {
        self.channels.next_multiple_of(4)
    }
}

/// What a tensor is to the program's surroundings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TensorKind {
    /// The images, planar NCHW as the host gives them, without slots' padding.
    Input,
    /// Made and consumed inside the pass.
    Internal,
    /// What the host reads at the end.
    Output,
}

/// A logical tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanTensor {
    /// For people and labels.
    pub name: String,
    /// What it is to the surroundings.
    pub kind: TensorKind,
    /// Channel slots in ascending order, without gaps between padded slots.
    pub slots: Vec<Slot>,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// One value a channel, whatever the image's size: pooled features, logits.
    pub is_vector: bool,
    /// Steps from the first that writes it to the last that reads it, inclusive.
    pub lifetime: (usize, usize),
    /// Index of the memory it lives in; tensors whose lifetimes do not meet share one.
    pub memory: usize,
}

impl PlanTensor {
    /// Channels with padding.
    pub fn padded_channels(&self) -> usize {
        match self.kind {
            TensorKind::Input => self.slots.iter().map(|slot| slot.channels).sum(),
            _ => self.slots.last().map_or(0, |slot| slot.start + slot.padded()),
        }
    }

    /// Elements of one image, padding included.
    pub fn elements(&self) -> usize {
        self.padded_channels() * self.height * self.width
    }
}

/// Some slots of a tensor: what a step reads or writes, and what a tap shows.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// The tensor.
    pub tensor: TensorId,
    /// Slots of it.
    pub slots: Range<usize>,
}

/// What a step does. Parameters are named, never held.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// Convolution of the planar image, bias, maybe ReLU; `norm` is folded into weights and bias.
    Stem {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// The batch norm to fold.
        norm: Option<String>,
        /// Side of the kernel.
        kernel: usize,
        /// Step in both directions.
        stride: usize,
        /// Rows above and columns to the left that are zero.
        padding: [usize; 2],
    },
    /// Max pooling; padded places never win.
    MaxPool {
        /// Side of the window.
        kernel: usize,
        /// Step in both directions.
        stride: usize,
        /// Rows above and columns to the left.
        padding: [usize; 2],
    },
    /// 1x1 convolution; `norm` and ReLU on load, `folded` norm and ReLU on store, each where named.
    Pointwise {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// Batch norm applied with ReLU to each input as it is loaded.
        norm: Option<String>,
        /// Batch norm folded into weights and bias, with ReLU on store.
        folded: Option<String>,
    },
    /// 3x3 convolution with one row and column of zeros around its (pre-activated) input.
    Convolution3x3 {
        /// Parameter name of the convolution's weight.
        weight: String,
        /// Batch norm applied with ReLU to each input as it is loaded; padded places stay zero.
        norm: Option<String>,
    },
    /// Batch norm, ReLU, 2x2 average pooling with stride 2; an odd last row or column is dropped.
    NormReluAveragePool {
        /// The batch norm.
        norm: String,
    },
    /// Batch norm, ReLU, mean over all pixels.
    NormReluGlobalPool {
        /// The batch norm.
        norm: String,
    },
    /// Copies new channels into their slot: needed by plain layers alone, which read the tensor they extend, and a
    /// buffer is never bound for reading and writing at once.
    Append,
    /// Fully connected, with bias.
    Classifier {
        /// Parameter name of the weight.
        weight: String,
        /// Parameter name of the bias.
        bias: String,
    },
}

/// One step: reads one view, writes another, of different tensors.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its place in the network, torchvision's module path.
    pub name: String,
    /// What it does.
    pub operation: Operation,
    /// What it reads.
    pub input: View,
    /// What it writes.
    pub output: View,
    /// Multiply-accumulates for one image, as executed.
    pub macs: u64,
}

/// A value that the program really produces, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Tap {
    /// Its name (see docs/architecture.md for the list).
    pub name: String,
    /// The step after which it is there.
    pub step: usize,
    /// Where it is.
    pub view: View,
}

/// Images of one pass at most: far beyond any adapter, and small enough that no count overflows.
pub const MAX_IMAGES: usize = 1 << 20;

/// What a forward pass of one architecture, input size and batch does.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The network's name, for the dump.
    pub network: String,
    /// Height and width of the input.
    pub size: InputSize,
    /// Images of one pass.
    pub batch: usize,
    /// Logical tensors; the first is the input, the last the output.
    pub tensors: Vec<PlanTensor>,
    /// Steps in execution order.
    pub steps: Vec<Step>,
    /// Everything that can be looked at.
    pub taps: Vec<Tap>,
}

impl Plan {
    /// Plans a forward pass for `batch` images of `size`.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network, [`Error::Input`] for a size it does not admit or a batch of 0.
    pub fn new(architecture: &Architecture, size: InputSize, batch: usize) -> Result<Plan> {
        check_batch(batch)?;
        build::build(architecture, size, batch, false)
    }

    /// As [`Plan::new`], and behind it one more step that makes the class-activation maps (see [`crate::picture::Heat`]): the tap
    /// [`crate::maps::CLASS_MAPS`], `[classes, rows, columns]` of the last dense block. The other steps are the same.
    ///
    /// # Errors
    /// As [`Plan::new`]; [`Error::Architecture`] for a network without a classifier.
    pub fn with_class_maps(architecture: &Architecture, size: InputSize, batch: usize) -> Result<Plan> {
        if architecture.classes.is_none() {
            return Err(Error::Architecture("a network without a classifier has no class-activation maps".into()));
        }
        check_batch(batch)?;
        build::build(architecture, size, batch, true)
    }

    /// A tensor by its index.
    pub fn tensor(&self, id: TensorId) -> &PlanTensor {
        &self.tensors[id.0]
    }

    /// The input images.
    pub fn input(&self) -> TensorId {
        TensorId(0)
    }

    /// The logits, or the pooled features where there is no classifier.
    pub fn output(&self) -> TensorId {
        TensorId(self.tensors.len() - 1)
    }

    /// Slots of a view.
    pub fn slots(&self, view: &View) -> &[Slot] {
        &self.tensor(view.tensor).slots[view.slots.clone()]
    }

    /// Channels of a view that mean something.
    pub fn channels(&self, view: &View) -> usize {
        self.slots(view).iter().map(|slot| slot.channels).sum()
    }

    /// For each padded channel of a view, which of its meaningful channels it is: the one map that packing, taps and
    /// features share.
    pub fn channel_map(&self, view: &View) -> Vec<Option<usize>> {
        let mut next = 0;
        let mut map = Vec::new();
        let planar = self.tensor(view.tensor).kind == TensorKind::Input;
        for slot in self.slots(view) {
            let padded = if planar { slot.channels } else { slot.padded() };
            map.extend((0..padded).map(|i| (i < slot.channels).then_some(next + i)));
            next += slot.channels;
        }
        map
    }

    /// A tap by its name.
    ///
    /// # Errors
    /// [`Error::Tap`] with the nearest name: values inside a fused step are never produced.
    pub fn tap(&self, name: &str) -> Result<&Tap> {
        self.taps.iter().find(|tap| tap.name == name).ok_or_else(|| {
            let names = self.taps.iter().map(|tap| tap.name.as_str());
            let nearest = nearest(name, names).unwrap_or_default();
            Error::Tap {
                name: name.into(),
                hint: format!("the program fuses it or it does not exist; nearest: {nearest}"),
            }
        })
    }

    /// Bytes of all activations of one pass in f32, memory reuse counted, the input and the output included. A kernel
    /// family may pad further; [`crate::kernels::Program`] knows.
    pub fn activation_bytes(&self) -> u64 {
        memory::sizes(&self.tensors).iter().map(|&elements| elements as u64 * self.batch as u64 * 4).sum()
    }
}

fn check_batch(batch: usize) -> Result<()> {
    if batch == 0 {
        return Err(Error::Input("a batch of 0 images: at least 1 is needed".into()));
    }
    if batch > MAX_IMAGES {
        return Err(Error::Input(format!("a batch of {batch} images: one pass takes at most {MAX_IMAGES}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
