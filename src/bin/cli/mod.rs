//! What both binaries share: the common options, where weights come from, tables, progress, and how they end.

pub(crate) mod adapter;
pub(crate) mod finish;
pub(crate) mod progress;
pub(crate) mod source;
pub(crate) mod table;

/// A number of at least 1.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| format!("'{text}' is no count: a whole number from 1 on"))
}
