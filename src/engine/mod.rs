//! What the engines share: how models are loaded and sessions are made, what a run takes and yields. It knows no engine.
//!
//! Each file uses only files above it in this list:
//!
//! | file | what it holds |
//! |---|---|
//! | `images` | what images of a run must be |
//! | `load_options`, `session_options` | [`LoadOptions`], [`SessionOptions`] |
//! | `loading` | progress and cancelling of a load |
//! | `output`, `step_time` | [`Output`]; [`StepTime`] |

#[cfg(any(feature = "gpu", feature = "cpu"))]
pub(crate) mod images;
mod load_options;
#[cfg(any(feature = "gpu", feature = "cpu"))]
mod loading;
mod output;
mod session_options;
mod step_time;

pub use load_options::{LoadOptions, Progress, ProgressCallback, Tuning};
#[cfg(any(feature = "gpu", feature = "cpu"))]
pub(crate) use loading::Loading;
pub use output::Output;
pub use session_options::SessionOptions;
pub use step_time::StepTime;
