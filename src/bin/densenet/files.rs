//! Which pictures the arguments mean, and files that are written whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

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

/// Writes a file beside `path` and renames it, so that nobody ever sees half of it. A link is followed to what it stands
/// for; a device or a pipe is written to as it is, never replaced.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> anyhow::Result<()> {
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let path = target.as_path();
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let written = fs::OpenOptions::new().write(true).open(path).and_then(|mut file| write(&mut file));
        return written.with_context(|| format!("{}: writing failed", path.display()));
    }
    let mut name = OsString::from(".");
    name.push(path.file_name().with_context(|| format!("{}: this is no file name to write to", path.display()))?);
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = fs::File::create(&temporary).and_then(|file| {
        let mut file = io::BufWriter::new(file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, path)
    });
    written
        .inspect_err(|_| drop(fs::remove_file(&temporary)))
        .with_context(|| format!("{}: writing failed (is the folder there, and may you write to it?)", path.display()))
}
