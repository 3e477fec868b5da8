//! Files that are written whole or not at all.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Writes a file beside `path` and renames it, so that nobody ever sees half of it. A link is followed to what it stands
/// for; a device or a pipe is written to as it is, never replaced.
pub(crate) fn write_whole(path: &Path, write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> anyhow::Result<()> {
    let path = &followed(path);
    if is_special(path) {
        let written = fs::OpenOptions::new().write(true).open(path).and_then(|mut file| write(&mut file));
        return written.with_context(|| format!("{}: writing failed", path.display()));
    }
    let temporary = temporary(path)?;
    let written = fs::File::create(&temporary).and_then(|file| {
        let mut file = io::BufWriter::new(file);
        write(&mut file)?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, path)
    });
    written.inspect_err(|_| drop(fs::remove_file(&temporary))).with_context(|| refusal(path))
}

/// Whether [`write_whole`] could write to `path` now: asked before long work whose result it would lose. Nothing is left
/// behind, and what is there stays as it is.
pub(crate) fn check_writable(path: &Path) -> anyhow::Result<()> {
    let path = &followed(path);
    if is_special(path) {
        return Ok(());
    }
    anyhow::ensure!(!path.is_dir(), "{}: this is a folder: name a file in it", path.display());
    let temporary = temporary(path)?;
    let tried = fs::File::create(&temporary).and_then(|_| fs::remove_file(&temporary));
    tried.with_context(|| refusal(path))
}

fn followed(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf())
}

fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// The name under which a file is written before it takes its own.
fn temporary(path: &Path) -> anyhow::Result<PathBuf> {
    let mut name = OsString::from(".");
    name.push(path.file_name().with_context(|| format!("{}: this is no file name to write to", path.display()))?);
    name.push(format!(".{}.tmp", std::process::id()));
    Ok(path.with_file_name(name))
}

fn refusal(path: &Path) -> String {
    format!("{}: writing failed (is the folder there, and may you write to it?)", path.display())
}
