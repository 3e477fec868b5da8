//! A plan as text, for `inspect --plan` and the snapshots.

use std::fmt;

use super::forward::Plan;
use super::step::Operation;
use super::tensor::{Slot, View};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memories = self.tensors.iter().map(|tensor| tensor.memory).max().map_or(0, |last| last + 1);
        writeln!(
            f,
            "{} {} batch {}: {} steps, {} tensors in {} memories, {} activation bytes",
            if self.network.is_empty() { "densenet" } else { &self.network },
            self.size,
            self.batch,
            self.steps.len(),
            self.tensors.len(),
            memories,
            self.activation_bytes()
        )?;
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(
                f,
                "{index:4}  {:<42} {:<34} {} -> {}",
                step.name,
                Label(&step.operation).to_string(),
                self.view_text(&step.input),
                self.view_text(&step.output)
            )?;
        }
        Ok(())
    }
}

impl Plan {
    /// `m1[0..64]x56x56`: memory, padded channels, rows, columns.
    fn view_text(&self, view: &View) -> String {
        let tensor = self.tensor(view.tensor);
        let slots = self.slots(view);
        let start = slots.first().map_or(0, |slot: &Slot| slot.start);
        let end = start + self.channel_map(view).len();
        format!("m{}[{start}..{end}]x{}x{}", tensor.memory, tensor.height, tensor.width)
    }
}

struct Label<'a>(&'a Operation);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Operation::Stem { norm, kernel, stride, .. } => {
                write!(f, "conv {kernel}x{kernel}/{stride}{}", if norm.is_some() { " +norm+relu" } else { "" })
            }
            Operation::MaxPool { kernel, stride, .. } => write!(f, "max pool {kernel}x{kernel}/{stride}"),
            Operation::Pointwise { norm, folded, .. } => {
                let before = if norm.is_some() { "norm+relu+ " } else { "" };
                let behind = if folded.is_some() { " +norm+relu" } else { "" };
                write!(f, "{before}conv 1x1{behind}")
            }
            Operation::Convolution3x3 { norm, .. } => {
                write!(f, "{}conv 3x3", if norm.is_some() { "norm+relu+ " } else { "" })
            }
            Operation::NormReluAveragePool { .. } => write!(f, "norm+relu+ average pool 2x2/2"),
            Operation::NormReluGlobalPool { .. } => write!(f, "norm+relu+ global average pool"),
            Operation::Append => write!(f, "append"),
            Operation::Classifier { .. } => write!(f, "linear"),
        }
    }
}
