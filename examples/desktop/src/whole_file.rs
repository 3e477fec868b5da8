//! Files that are written whole or not at all.

use std::io::{Error, Result};
use std::path::Path;

/// Writes a file beside `path` and lets it take that place once it is complete.
///
/// # Errors
/// The system's; nothing is left behind then.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let name = path.file_name().ok_or_else(|| Error::other("the path names no file"))?;
    let mut temporary = name.to_os_string();
    temporary.push(".part");
    let temporary = path.with_file_name(temporary);
    let written = std::fs::write(&temporary, content).and_then(|()| std::fs::rename(&temporary, path));
    written.inspect_err(|_| {
        // It may not even have been made.
        let _ = std::fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a");
        write(&path, b"old").expect("it is written");
        write(&path, b"new").expect("it is written");
        assert_eq!(std::fs::read(&path).expect("the file"), b"new");
        std::fs::create_dir(folder.path().join("b")).expect("a folder");
        assert!(write(&folder.path().join("b"), b"x").is_err(), "a folder is no file");
        let mut names: Vec<_> =
            std::fs::read_dir(folder.path()).expect("it").map(|e| e.expect("it").file_name()).collect();
        names.sort();
        assert_eq!(names, ["a", "b"]);
    }
}
