//! Files that are written whole or not at all.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// How many links are followed one after the other, as Linux does.
const MAX_LINKS: usize = 40;

/// A file to write. Whoever opens it finds what was there before, or all of the new content.
///
/// The content goes to a temporary file in the same folder, which then takes the file's name. After an error or a panic
/// nothing is left of it.
///
/// - A link stays a link: the file it points to is written, and created if it does not exist.
/// - A device, a pipe or a socket is written to directly.
/// - An existing file keeps its permissions, and must be writable. A new one gets those that the umask allows.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("top.csv");
/// use densenet_wgpu::files::AtomicFile;
///
/// let file = AtomicFile::new(&path);
/// let replaced = file.write(|out| writeln!(out, "class,score"))?;
/// assert!(!replaced);
/// # Ok::<(), densenet_wgpu::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AtomicFile {
    path: PathBuf,
    no_clobber: bool,
}

/// What a path leads to.
enum Target {
    /// A device, a pipe or a socket.
    Stream,
    /// A file, links followed; its permissions if it exists.
    File { path: PathBuf, permissions: Option<Permissions> },
}

impl AtomicFile {
    /// The file at `path`, which need not exist.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        AtomicFile { path: path.into(), no_clobber: false }
    }

    /// Refuse to replace an existing file; off by default. Devices and pipes are written to all the same.
    #[must_use]
    pub fn no_clobber(mut self, no_clobber: bool) -> Self {
        self.no_clobber = no_clobber;
        self
    }

    /// The path as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether [`write`](Self::write) could work now: ask this before work whose result would be lost. Leaves nothing
    /// behind.
    ///
    /// # Errors
    /// Those of [`write`](Self::write), unless the disk is full.
    pub fn check(&self) -> Result<()> {
        match self.target()? {
            Target::Stream => Ok(()),
            Target::File { path, permissions } => self.temporary(&path, permissions.as_ref()).map(drop),
        }
    }

    /// Writes what `content` writes, buffered. Returns whether a file that existed was replaced.
    ///
    /// # Errors
    /// [`Error::File`] if the path is a folder, its folder does not exist, or the file exists and
    /// [`no_clobber`](Self::no_clobber) was set; [`Error::Io`] if the system or `content` fails. The file is then as it
    /// was.
    pub fn write(&self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<bool> {
        match self.target()? {
            Target::Stream => {
                let file = OpenOptions::new().write(true).open(&self.path);
                file.and_then(|file| buffered(file, content)).map_err(|error| self.failed(error))?;
                Ok(false)
            }
            Target::File { path, permissions } => {
                let mut temporary = self.temporary(&path, permissions.as_ref())?;
                buffered(temporary.as_file_mut(), content)
                    .and_then(|()| temporary.as_file().sync_all())
                    .map_err(|error| self.failed(error))?;
                let persisted = match self.no_clobber {
                    true => temporary.persist_noclobber(&path),
                    false => temporary.persist(&path),
                };
                persisted.map_err(|error| match error.error.kind() {
                    io::ErrorKind::AlreadyExists => self.exists(),
                    _ => self.failed(error.error),
                })?;
                Ok(permissions.is_some())
            }
        }
    }

    fn target(&self) -> Result<Target> {
        let Ok(found) = fs::metadata(&self.path) else {
            return Ok(Target::File { path: self.followed()?, permissions: None });
        };
        if found.is_dir() {
            return Err(Error::file(&self.path, "this is a folder: name a file in it"));
        }
        if !found.is_file() {
            return Ok(Target::Stream);
        }
        if self.no_clobber {
            return Err(self.exists());
        }
        // A rename asks only the folder: a read-only file would be replaced.
        OpenOptions::new()
            .write(true)
            .open(&self.path)
            .map_err(|error| Error::io(&self.path, "opening it for writing", error))?;
        Ok(Target::File { path: self.followed()?, permissions: Some(found.permissions()) })
    }

    /// The path behind all links. The file need not exist, so `fs::canonicalize` cannot say.
    fn followed(&self) -> Result<PathBuf> {
        let mut path = self.path.clone();
        for _ in 0..MAX_LINKS {
            match fs::read_link(&path) {
                Ok(link) => path = folder_of(&path).join(link),
                Err(_) => return Ok(path),
            }
        }
        Err(Error::file(&self.path, "links that lead in a circle: name a file"))
    }

    /// A temporary file beside `path`.
    fn temporary(&self, path: &Path, permissions: Option<&Permissions>) -> Result<NamedTempFile> {
        if path.file_name().is_none() {
            return Err(Error::file(&self.path, "not the path of a file to write"));
        }
        let folder = folder_of(path);
        #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            // From the start: nobody may read a private file's new content meanwhile.
            builder.permissions(permissions.cloned().unwrap_or_else(|| Permissions::from_mode(0o666)));
        }
        let file = builder.tempfile_in(folder).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                let folder = folder.display();
                Error::file(&self.path, format!("the folder '{folder}' does not exist: create it first"))
            }
            _ => Error::io(&self.path, "creating a temporary file in its folder", error),
        })?;
        if let Some(permissions) = permissions {
            // The umask has no say in what exists.
            file.as_file().set_permissions(permissions.clone()).map_err(|error| self.failed(error))?;
        }
        Ok(file)
    }

    fn exists(&self) -> Error {
        Error::file(&self.path, "this file exists and may not be replaced: name another, or remove it")
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(&self.path, "writing", error)
    }
}

/// The folder that holds `path`; `.` for a bare name.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn buffered(file: impl Write, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    content(&mut file)?;
    file.flush()
}

#[cfg(test)]
mod tests;
