//! A plan under construction: tensors, steps and taps are added in execution order.

use std::collections::HashMap;

use super::step::{Operation, Step, Tap};
use super::tensor::{PlanTensor, Slot, TensorId, TensorKind, View};
use crate::architecture::{Architecture, BlockEnd, Shape};

pub(super) struct Builder<'a> {
    pub(super) architecture: &'a Architecture,
    pub(super) class_maps: bool,
    /// Output shapes of the unfused layers, by name.
    pub(super) outputs: HashMap<String, Shape>,
    pub(super) blocks: Vec<BlockEnd>,
    pub(super) tensors: Vec<PlanTensor>,
    pub(super) steps: Vec<Step>,
    pub(super) taps: Vec<Tap>,
}

impl Builder<'_> {
    /// All slots of a tensor.
    pub(super) fn whole(&self, tensor: TensorId) -> View {
        View { tensor, slots: 0..self.tensors[tensor.0].slots.len() }
    }

    pub(super) fn tensor(&mut self, name: &str, kind: TensorKind, channels: &[usize], shape: Shape) -> TensorId {
        let mut slots: Vec<Slot> = Vec::new();
        for &channels in channels {
            let start = slots.last().map_or(0, |slot| slot.start + slot.padded());
            slots.push(Slot { start, channels });
        }
        self.tensors.push(PlanTensor {
            name: name.into(),
            kind,
            slots,
            height: shape.height,
            width: shape.width,
            is_vector: false,
            lifetime: (usize::MAX, 0),
            memory: usize::MAX,
        });
        TensorId(self.tensors.len() - 1)
    }

    pub(super) fn vector(&mut self, name: &str, kind: TensorKind, channels: &[usize]) -> TensorId {
        let id = self.tensor(name, kind, channels, Shape { channels: 0, height: 1, width: 1 });
        self.tensors[id.0].is_vector = true;
        id
    }

    pub(super) fn step(&mut self, name: &str, operation: Operation, input: View, output: View) {
        let channels = |view: &View| -> u64 {
            self.tensors[view.tensor.0].slots[view.slots.clone()].iter().map(|slot| slot.channels as u64).sum()
        };
        let (read, written) = (channels(&input), channels(&output));
        let area = |view: &View| {
            let tensor = &self.tensors[view.tensor.0];
            (tensor.height * tensor.width) as u64
        };
        // A linear layer may read feature maps whole.
        let pixels = if let Operation::Linear { .. } = operation { area(&input) } else { area(&output) };
        let window = match &operation {
            Operation::Stem { kernel, .. } => (kernel * kernel) as u64,
            Operation::Convolution3x3 { .. } => 9,
            Operation::Pointwise { .. } | Operation::Linear { .. } => 1,
            _ => 0,
        };
        let macs = window * read * written * pixels;
        self.steps.push(Step { name: name.into(), operation, input, output, macs });
    }

    pub(super) fn tap(&mut self, name: &str, view: View) {
        let step = self.steps.len() - 1;
        self.taps.push(Tap { name: name.into(), step, view });
    }
}
