//! What both binaries share: the common options, where weights come from, tables, progress, files, and how they end.

use anyhow::Context as _;

pub(crate) mod adapter;
pub(crate) mod finish;
pub(crate) mod output;
pub(crate) mod progress;
pub(crate) mod source;
pub(crate) mod table;

/// More images, runs or classes than anybody means.
const MOST: usize = 1 << 20;

/// A number from 1 on.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|n| (1..=MOST).contains(n));
    count.ok_or_else(|| format!("'{text}' is no count: a whole number from 1 to {MOST}"))
}

/// Numbers of a batch that is made up on the host: at most 4 GiB of them.
pub(crate) fn host_elements(batch: usize, image: usize) -> anyhow::Result<usize> {
    let elements = batch.checked_mul(image).filter(|elements| *elements <= 1 << 30);
    elements.with_context(|| format!("a batch of {batch} images takes more than 4 GiB on the host: use a smaller one"))
}
