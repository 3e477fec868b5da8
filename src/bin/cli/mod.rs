//! What both binaries share: the common options, where weights come from, tables, progress, files, and how they end.

pub(crate) mod adapter;
pub(crate) mod counts;
pub(crate) mod environment;
pub(crate) mod finish;
pub(crate) mod model;
pub(crate) mod network;
pub(crate) mod output;
pub(crate) mod progress;
#[cfg(feature = "pull")]
#[allow(dead_code, unused_imports, reason = "densenet-bench lists nothing")]
pub(crate) mod pull;
pub(crate) mod scheme;
pub(crate) mod source;
pub(crate) mod table;

pub(crate) use counts::{host_elements, positive};
