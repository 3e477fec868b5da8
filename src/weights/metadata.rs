//! What this crate writes into a file's metadata, and reads from there.

use std::collections::BTreeMap;

use super::order::ChannelOrder;
use crate::architecture::Architecture;

/// JSON of an [`Architecture`].
pub(super) const ARCHITECTURE: &str = "densenet.architecture";
/// A preprocessing's name, or the JSON object of one.
pub(super) const PRESET: &str = "densenet.preset";
/// JSON array of the classes' names.
pub(super) const LABELS: &str = "densenet.labels";
/// `new-last` or `new-first`.
pub(super) const CHANNEL_ORDER: &str = "densenet.channel_order";

/// A preprocessing has a thousand. What JSON is parsed to occupies up to a hundred times its bytes.
const MAX_PRESET_BYTES: usize = 1 << 16;

/// A file's metadata, parsed.
pub(super) struct Metadata {
    pub(super) architecture: Option<Architecture>,
    pub(super) preprocessing: Option<serde_json::Value>,
    pub(super) labels: Option<Vec<String>>,
    pub(super) order: Option<ChannelOrder>,
}

impl Metadata {
    pub(super) fn read(pairs: &BTreeMap<String, String>) -> Result<Self, String> {
        fn parsed<T, E: std::fmt::Display>(
            pairs: &BTreeMap<String, String>,
            key: &str,
            parse: impl Fn(&str) -> Result<T, E>,
        ) -> Result<Option<T>, String> {
            pairs.get(key).map(|text| parse(text)).transpose().map_err(|e| format!("metadata {key}: {e}"))
        }
        if let Some(preprocessing) = pairs.get(PRESET).filter(|preprocessing| preprocessing.len() > MAX_PRESET_BYTES) {
            return Err(format!(
                "metadata {PRESET}: {} bytes, of which {MAX_PRESET_BYTES} are read",
                preprocessing.len()
            ));
        }
        Ok(Metadata {
            architecture: parsed(pairs, ARCHITECTURE, Architecture::from_json)?,
            preprocessing: pairs.get(PRESET).map(|text| match serde_json::from_str(text) {
                Ok(value @ (serde_json::Value::Object(_) | serde_json::Value::String(_))) => value,
                _ => serde_json::Value::String(text.clone()),
            }),
            labels: parsed(pairs, LABELS, |text| {
                serde_json::from_str(text).map_err(|e| format!("a JSON array of strings is expected: {e}"))
            })?,
            order: parsed(pairs, CHANNEL_ORDER, str::parse)?,
        })
    }
}
