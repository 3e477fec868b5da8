//! A plan as text, for `inspect --plan` and the snapshots.

use std::fmt;

use super::forward::Plan;
use super::step::{Elementwise, Operation};
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
            Operation::GlobalPool { relu, maximum, .. } => {
                let kind = if *maximum { "max" } else { "average" };
                write!(f, "norm{}+ global {kind} pool", if *relu { "+relu" } else { "" })
            }
            Operation::Flatten { relu, .. } => write!(f, "norm{} flatten", if *relu { "+relu" } else { "" }),
            Operation::Append => write!(f, "append"),
            Operation::Linear { before, behind, activation, .. } => {
                let norm = |norms: &[String]| "norm+".repeat(norms.len());
                write!(f, "{}linear", norm(before))?;
                write!(f, "{}{}", if behind.is_empty() { "" } else { " +norm" }, Behind(*activation))
            }
            Operation::Vector { norms, activation } => {
                write!(f, "{}{}", "norm".repeat(norms.len().min(1)), Behind(*activation))
            }
            Operation::Softmax { log } => f.write_str(if *log { "log softmax" } else { "softmax" }),
        }
    }
}

/// ` +relu`; nothing for the identity.
struct Behind(Elementwise);

impl fmt::Display for Behind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Elementwise::Identity => Ok(()),
            Elementwise::LeakyRelu { slope: 0.0 } => f.write_str(" +relu"),
            Elementwise::LeakyRelu { slope } => write!(f, " +leaky relu {slope}"),
            Elementwise::Gelu => f.write_str(" +gelu"),
            Elementwise::GeluTanh => f.write_str(" +gelu (tanh)"),
            Elementwise::Silu => f.write_str(" +silu"),
            Elementwise::Tanh => f.write_str(" +tanh"),
            Elementwise::Sigmoid => f.write_str(" +sigmoid"),
        }
    }
}
