//! The only room that knows wgpu: adapters, devices, models and sessions.
//!
//! The core is async and never blocks, so that it runs in a browser. On native, every async function has a blocking twin.
//!
//! Each file uses only files above it in this list:
//!
//! | file | what it holds |
//! |---|---|
//! | `failure`, `signal` | error scopes and lost devices; answers that come later |
//! | `adapter`, `waiting` | finding and opening an adapter; who waits for the device |
//! | `verdicts` | what the self-test found |
//! | `pipelines` | where pipelines are kept |
//! | `device`, `build` | [`Gpu`]; building a pipeline |
//! | `readback`, `weight_store` | polling and mapping; the packed weights |
//! | `model` | [`Model`]: weights and pipelines |
//! | `staging`, `resources`, `readout` | what a session allocates; what it reads back |
//! | `recorder`, `feed`, `pending` | recording a pass; handing it to the device in chunks; awaiting it |
//! | `session` | [`Session`] |
//! | `self_test`, `trusted` | questions with exact answers, before a variant is trusted; what that means for a program |
//! | `memory`, `remembered` | what was found out, written down; its file |
//! | `examine` | asking about every variant that there is |
//! | `open_session` | making a [`Session`] of variants that are trusted |
//! | `stopwatch`, `tune` | measuring a variant; choosing the fastest |
//! | `load`, `profile` | loading a model; timing its steps |

mod adapter;
mod build;
mod device;
mod examine;
mod failure;
mod feed;
mod load;
mod memory;
mod model;
mod open_session;
mod pending;
mod pipelines;
#[cfg(not(target_arch = "wasm32"))]
mod profile;
mod readback;
mod readout;
mod recorder;
#[cfg(not(target_arch = "wasm32"))]
mod remembered;
mod resources;
mod self_test;
mod session;
mod signal;
mod staging;
mod stopwatch;
mod trusted;
mod tune;
mod verdicts;
mod waiting;
mod weight_store;

#[cfg(not(target_arch = "wasm32"))]
pub use adapter::adapters_blocking;
pub use adapter::{GpuOptions, adapters, device_descriptor};
pub use device::Gpu;
pub use model::Model;
pub use pending::Pending;
pub use session::Session;
pub use tune::Tuned;
pub use verdicts::Verdict;

#[cfg(not(target_arch = "wasm32"))]
pub use crate::engine::StepTime;
pub use crate::engine::{LoadOptions, Output, Progress, ProgressCallback, SessionOptions, Tuning};
