//! The keys that this crate writes into a file's metadata, and reads from there.

use std::collections::BTreeMap;

use super::order::ChannelOrder;
use super::statements::Statements;
use crate::architecture::Architecture;

/// JSON of an [`Architecture`].
pub(super) const ARCHITECTURE: &str = "densenet.architecture";
/// The preprocessing: text that [`Preprocessing::parse`](crate::Preprocessing::parse) reads.
pub(super) const PRESET: &str = "densenet.preset";
/// JSON array of the class names.
pub(super) const LABELS: &str = "densenet.labels";
/// `new-last` or `new-first`.
pub(super) const CHANNEL_ORDER: &str = "densenet.channel_order";

/// The place that people read.
pub(super) const PLACE: &str = "metadata";

/// A preprocessing has a thousand. Parsed JSON occupies up to a hundred times its bytes.
const MAX_PRESET_BYTES: usize = 1 << 16;

/// A file's metadata, parsed.
pub(super) struct Metadata {
    pub(super) architecture: Option<Architecture>,
    pub(super) statements: Statements,
}

impl Metadata {
    pub(super) fn read(pairs: &BTreeMap<String, String>) -> Result<Self, String> {
        let architecture = parsed(pairs, ARCHITECTURE, Architecture::from_json)?;
        let mut statements = Statements::from(PLACE);
        if let Some(architecture) = &architecture {
            statements = Statements::of(architecture, PLACE);
        }
        statements.preprocessing = parsed(pairs, PRESET, preset)?;
        statements.labels = parsed(pairs, LABELS, |text| {
            serde_json::from_str(text).map_err(|e| format!("a JSON array of strings is expected: {e}"))
        })?;
        statements.channel_order = parsed(pairs, CHANNEL_ORDER, ChannelOrder::parse)?;
        Ok(Metadata { architecture, statements })
    }
}

fn parsed<T, E: std::fmt::Display>(
    pairs: &BTreeMap<String, String>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<T>, String> {
    pairs.get(key).map(|text| parse(text)).transpose().map_err(|e| format!("metadata {key}: {e}"))
}

/// A name may be in JSON's quotes.
fn preset(text: &str) -> Result<String, String> {
    if text.len() > MAX_PRESET_BYTES {
        return Err(format!("{} bytes, of which {MAX_PRESET_BYTES} are read", text.len()));
    }
    Ok(serde_json::from_str(text).unwrap_or_else(|_| text.to_string()))
}
