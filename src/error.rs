//! The one error type of the library: what was wrong, where, and what to do about it.

use std::path::PathBuf;

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong. Each message is one line that names the file, the tensor or the limit, and says what was
/// expected and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written.
    #[error("{}: {action} failed", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done, such as `reading`.
        action: &'static str,
        /// The operating system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file is not what its name or its use suggests.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what was expected.
        reason: String,
    },
    /// A description of a network that cannot exist.
    #[error("architecture: {0}")]
    Architecture(String),
    /// Tensors that do not make up the network.
    #[error("weights: {0}")]
    Weights(String),
    /// Input data of the wrong shape, size or content.
    #[error("input: {0}")]
    Input(String),
    /// The program does not produce this tap.
    #[error("no tap is called '{name}': {hint}")]
    Tap {
        /// The requested name.
        name: String,
        /// The nearest name that exists, or why there is none.
        hint: String,
    },
    /// The work does not fit the adapter's limits.
    #[error("{what} needs {need} of {limit}, but the limit is {have}: {remedy}")]
    Limit {
        /// What was being prepared, such as a step's name.
        what: String,
        /// WebGPU's name of the limit.
        limit: &'static str,
        /// What is needed.
        need: u64,
        /// What the adapter allows.
        have: u64,
        /// What to do about it.
        remedy: String,
    },
    /// No adapter, or none that matches the request.
    #[error("no usable GPU adapter: {0}")]
    NoAdapter(String),
    /// The device ran out of memory, or the machine where the CPU computes.
    #[error("memory ran out while {0}: use a smaller batch or input size, or close other programs")]
    OutOfMemory(String),
    /// The device was lost (driver reset, unplugged, taken by the system).
    #[error("the device was lost ({0}): make a new Gpu and load the model again")]
    DeviceLost(String),
    /// A [`CancelToken`](crate::CancelToken) stopped the work.
    #[error("cancelled")]
    Cancelled,
    /// The driver or WebGPU's validation refused something. A defect of this crate or of a driver.
    #[error("the adapter refused the work: {0}")]
    Device(String),
}

impl Error {
    /// An [`Error::File`] for `path`.
    pub fn file(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Error::File { path: path.into(), reason: reason.into() }
    }

    /// For a result that is not finite although weights and input are.
    pub(crate) fn overflow(image: usize) -> Self {
        Error::Weights(format!(
            "the result of image {image} is not finite: weights or pixels are so large that numbers overflow; check the \
             preprocessing and the file"
        ))
    }

    /// Whether one picture or tensor is at fault: it cannot be read, or the network or the adapter does not admit it. Others
    /// may still be classified.
    pub fn concerns_input(&self) -> bool {
        matches!(self, Error::Io { .. } | Error::File { .. } | Error::Input(_) | Error::Limit { .. })
    }

    /// The same error once more, for another picture of the same size.
    #[cfg(feature = "images")]
    pub(crate) fn again(&self) -> Error {
        match self {
            Error::Limit { what, limit, need, have, remedy } => {
                Error::Limit { what: what.clone(), limit, need: *need, have: *have, remedy: remedy.clone() }
            }
            Error::Input(reason) => Error::Input(reason.clone()),
            other => Error::Input(other.to_string()),
        }
    }

    /// An [`Error::Io`] for `path`.
    pub fn io(path: impl Into<PathBuf>, action: &'static str, source: std::io::Error) -> Self {
        Error::Io { path: path.into(), action, source }
    }
}

/// Makes foreign text fit for one line of a terminal: replaces control characters, line separators and marks that change
/// the direction of writing, and keeps at most `most` characters.
pub(crate) fn one_line(text: &str, most: usize) -> String {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if hidden(c) { ' ' } else { c }).take(most).collect()
}
