//! The pictures that the arguments name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use image::ImageFormat;

/// A picture, or a folder that could not be read and why.
pub(crate) type Found = (PathBuf, Result<(), io::Error>);

/// Every picture that `arguments` name; folders are walked in the order of their names. `-` is standard input.
pub(crate) fn pictures(arguments: &[PathBuf]) -> Vec<Found> {
    let mut found = Vec::new();
    for path in arguments {
        if path.is_dir() { walk(path, &mut found) } else { found.push((path.clone(), Ok(()))) }
    }
    found
}

fn walk(folder: &Path, found: &mut Vec<Found>) {
    let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => return found.push((folder.to_path_buf(), Err(error))),
    };
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a folder is not followed: it may lead back up.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(&path, found);
        } else if is_picture(&path) && path.is_file() {
            found.push((path, Ok(())));
        }
    }
}

/// Judges a file in a folder by its ending. A picture that is named itself may end in anything.
fn is_picture(path: &Path) -> bool {
    ImageFormat::from_path(path).is_ok_and(|format| format.reading_enabled())
}
