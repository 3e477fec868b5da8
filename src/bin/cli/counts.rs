//! Numbers that users choose, within reason.

use anyhow::Context as _;

/// More images, runs or classes than anybody means.
const MAX_COUNT: usize = 1 << 20;
/// Elements of a batch that is made up on the host: 4 GiB.
const MAX_HOST_ELEMENTS: usize = 1 << 30;

/// Parses a whole number from 1 on.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|n| (1..=MAX_COUNT).contains(n));
    count.ok_or_else(|| format!("a whole number from 1 to {MAX_COUNT} is expected"))
}

/// The elements of `batch` images of `image` elements each.
pub(crate) fn host_elements(batch: usize, image: usize) -> anyhow::Result<usize> {
    let elements = batch.checked_mul(image).filter(|elements| *elements <= MAX_HOST_ELEMENTS);
    elements.with_context(|| format!("a batch of {batch} images takes more than 4 GiB on the host: use a smaller one"))
}
