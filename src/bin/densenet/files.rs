//! Which pictures the arguments mean.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Endings of pictures that a folder is searched for. A file that is named itself may end in anything.
const ENDINGS: [&str; 5] = ["png", "jpg", "jpeg", "webp", "bmp"];

/// A picture, or why a place could not be searched.
pub(crate) type Found = (PathBuf, Result<(), io::Error>);

/// Every picture that `arguments` name, folders walked in the order of their names. `-` is standard input.
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

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    ending.is_some_and(|ending| ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)))
}
