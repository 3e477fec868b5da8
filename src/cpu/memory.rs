//! Memory that may be too much to ask for.

use crate::error::{Error, Result};

/// So many zeros.
///
/// # Errors
/// [`Error::OutOfMemory`] where the system does not give so much. (Some systems give more than they have.)
pub(super) fn zeros(elements: usize) -> Result<Vec<f32>> {
    let refused = |_| Error::OutOfMemory(format!("asking for {elements} values of a session on the CPU engine"));
    // A trial, given back: zeros that the system gives are not touched before they are used, those of `resize` are.
    Vec::<f32>::new().try_reserve_exact(elements).map_err(refused)?;
    Ok(vec![0.0; elements])
}
