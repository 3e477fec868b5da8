//! What a file's content was when it was fetched: `FILE.sha256`, in the form that `sha256sum -c` reads.

use std::fs;

use densenet_wgpu::files::AtomicFile;

use super::cache::Entry;
use super::sum::Sum;

const ENDING: &str = ".sha256";

/// The recorded sha256, if there is one.
pub(crate) fn read(entry: &Entry) -> Option<String> {
    let text = fs::read_to_string(entry.with(ENDING)).ok()?;
    match Sum::sha256(text.split_whitespace().next()?) {
        Some(Sum::Sha256(digits)) => Some(digits),
        _ => None,
    }
}

pub(crate) fn write(entry: &Entry, sha256: &str) -> densenet_wgpu::Result<()> {
    let line = format!("{sha256}  {}\n", entry.file());
    AtomicFile::new(entry.with(ENDING)).write(|file| file.write_all(line.as_bytes())).map(drop)
}

/// The record's path, for an error.
pub(crate) fn path(entry: &Entry) -> String {
    entry.with(ENDING).display().to_string()
}
