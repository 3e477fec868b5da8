//! Finding an architecture by what a user calls it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::network::Architecture;
use super::presets::PRESETS;
use crate::error::{Error, Result};
use crate::nearest::similar;

/// A description of 64 blocks has some thousand bytes.
const MAX_JSON_BYTES: u64 = 1 << 20;

impl Architecture {
    /// A preset's name, or the path of a JSON description. A preset's name as it stands in [`PRESETS`] comes first, then a
    /// file, then other spellings of presets such as `DenseNet121`.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an unknown name (the message suggests a preset and lists them all), [`Error::Io`] or
    /// [`Error::File`] for a bad file.
    pub fn from_name_or_file(name: &str) -> Result<Self> {
        let path = Path::new(name);
        let is_file = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) || path.is_file();
        if is_file && !PRESETS.contains(&name) {
            return from_file(path);
        }
        Architecture::preset(name).ok_or_else(|| unknown(name))
    }
}

fn from_file(path: &Path) -> Result<Architecture> {
    let file = File::open(path).map_err(|e| Error::io(path, "reading", e))?;
    let mut text = String::new();
    file.take(MAX_JSON_BYTES).read_to_string(&mut text).map_err(|e| Error::io(path, "reading", e))?;
    Architecture::from_json(&text).map_err(|e| Error::file(path, e.to_string()))
}

fn unknown(name: &str) -> Error {
    let suggestion = similar(&name.to_lowercase(), PRESETS.iter().copied());
    let suggestion = suggestion.map_or(String::new(), |preset| format!(" (did you mean '{preset}'?)"));
    Error::Architecture(format!(
        "'{name}' is neither a preset nor a file that exists{suggestion}; presets: {}",
        PRESETS.join(" ")
    ))
}
