//! The time of one step.

use std::time::Duration;

/// Time of one step of a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct StepTime {
    /// The step's name.
    pub name: String,
    /// What computed it: a kernel variant on an adapter.
    pub kernel: String,
    /// From its beginning to its end.
    pub time: Duration,
    /// Multiply-accumulates of all images.
    pub macs: u64,
}
