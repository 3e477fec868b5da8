//! Architectures as JSON.

use super::network::Architecture;
use crate::error::{Error, Result, one_line};

impl Architecture {
    /// Reads and validates a JSON description.
    ///
    /// # Errors
    /// [`Error::Architecture`] where the text is not JSON, a field is missing or unknown, or the network cannot exist.
    pub fn from_json(text: &str) -> Result<Self> {
        let architecture: Architecture = serde_json::from_str(text).map_err(|e| {
            Error::Architecture(one_line(&format!("not a description of a DenseNet in JSON: {e}"), 600))
        })?;
        architecture.validate()?;
        Ok(architecture)
    }

    /// The JSON that [`Architecture::from_json`] reads.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("an Architecture has no key or number that JSON lacks")
    }
}
