//! The plan of a whole forward pass.

use super::memory;
use super::step::{Step, Tap};
use super::tensor::{PlanTensor, Slot, TensorId, TensorKind, View};
use crate::architecture::InputSize;
use crate::error::{Error, Result};
use crate::nearest::nearest;

/// What a forward pass of one architecture, input size and batch does.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The network's name, for the text dump.
    pub network: String,
    /// Height and width of the input.
    pub size: InputSize,
    /// Images of one pass.
    pub batch: usize,
    /// Logical tensors; the first is the input.
    pub tensors: Vec<PlanTensor>,
    /// Steps in execution order.
    pub steps: Vec<Step>,
    /// Everything that can be read back.
    pub taps: Vec<Tap>,
}

impl Plan {
    /// A tensor by its index.
    pub fn tensor(&self, id: TensorId) -> &PlanTensor {
        &self.tensors[id.0]
    }

    /// The input images.
    pub fn input(&self) -> TensorId {
        TensorId(0)
    }

    /// The logits, or the pooled features where nothing stands behind them.
    pub fn output(&self) -> TensorId {
        let output = self.tensors.iter().rposition(|tensor| tensor.kind == TensorKind::Output);
        TensorId(output.expect("every plan ends with an output"))
    }

    /// Slots of a view.
    pub fn slots(&self, view: &View) -> &[Slot] {
        &self.tensor(view.tensor).slots[view.slots.clone()]
    }

    /// Channels of a view, without padding.
    pub fn channels(&self, view: &View) -> usize {
        self.slots(view).iter().map(|slot| slot.channels).sum()
    }

    /// For each channel of a view with padding, its index without padding (`None` for padding). Packing, taps and features
    /// all use this map.
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
    /// [`Error::Tap`] with the nearest name, for an unknown name or a value inside a fused step, which is never produced.
    pub fn tap(&self, name: &str) -> Result<&Tap> {
        self.taps.iter().find(|tap| tap.name == name).ok_or_else(|| {
            let names = self.taps.iter().map(|tap| tap.name.as_str());
            let nearest = nearest(name, names).unwrap_or_default();
            Error::Tap {
                name: name.into(),
                hint: format!("the program fuses it, or it does not exist; nearest: {nearest}"),
            }
        })
    }

    /// Bytes of all activations of one pass in f32, with memory reuse, including the input and the output. A kernel family
    /// may add padding: see `activation_bytes` of the program.
    pub fn activation_bytes(&self) -> u64 {
        memory::sizes(&self.tensors).iter().map(|&elements| elements as u64 * self.batch as u64 * 4).sum()
    }
}
