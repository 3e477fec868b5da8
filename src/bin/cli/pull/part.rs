//! A download that is not finished: the bytes so far, and beside them what they are the beginning of.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::cache::Entry;

/// What the server said when it sent the first bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    pub(crate) address: String,
    /// What `If-Range` takes: a strong ETag or a date. Without one the download cannot be continued.
    pub(crate) validator: Option<String>,
    /// Of the whole file.
    pub(crate) length: Option<u64>,
    /// As the hub states it.
    pub(crate) sha256: Option<String>,
    /// The hub's commit that the file belongs to.
    pub(crate) commit: Option<String>,
}

/// `FILE.part` and `FILE.part.json`.
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    state: PathBuf,
}

impl Part {
    pub(crate) fn of(entry: &Entry) -> Part {
        Part { path: entry.with(".part"), state: entry.with(".part.json") }
    }

    /// How many bytes of the file at `address` are here, and what it is; none where they cannot be continued.
    pub(crate) fn beginning(&self, address: &str) -> Option<(u64, State)> {
        let state: State = serde_json::from_slice(&fs::read(&self.state).ok()?).ok()?;
        let bytes = fs::metadata(&self.path).ok()?.len();
        let fits = state.length.is_none_or(|length| bytes <= length);
        (state.address == address && state.validator.is_some() && bytes > 0 && fits).then_some((bytes, state))
    }

    /// An empty file for what `state` describes.
    pub(crate) fn create(&self, state: &State) -> io::Result<File> {
        // In this order: bytes of another file must never stand beside this state.
        self.remove()?;
        fs::write(&self.state, serde_json::to_vec(state)?)?;
        File::create(&self.path)
    }

    /// The file, to be continued.
    pub(crate) fn append(&self) -> io::Result<File> {
        OpenOptions::new().append(true).open(&self.path)
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        for path in [&self.path, &self.state] {
            fs::remove_file(path).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
        Ok(())
    }

    /// The whole file gets its place.
    pub(crate) fn finish(&self, entry: &Entry) -> io::Result<()> {
        fs::rename(&self.path, entry.path())?;
        self.remove()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::cache::Cache;
    use super::*;

    #[test]
    fn only_the_beginning_of_the_same_file_is_continued() {
        let folder = tempfile::tempdir().unwrap();
        let entry = Cache::at(folder.path()).entries(&"torchvision:densenet121".parse().unwrap()).remove(0);
        let lock = entry.lock().unwrap();
        let part = Part::of(&entry);
        let state = State { address: "a".into(), validator: Some("\"1\"".into()), length: Some(4), ..State::default() };
        assert_eq!(part.beginning("a"), None);
        part.create(&state).unwrap();
        assert_eq!(part.beginning("a"), None, "nothing came");
        part.append().unwrap().write_all(b"abc").unwrap();
        assert_eq!(part.beginning("a"), Some((3, state.clone())));
        assert_eq!(part.beginning("b"), None);
        part.append().unwrap().write_all(b"de").unwrap();
        assert_eq!(part.beginning("a"), None, "longer than the whole");
        part.create(&State { validator: None, ..state.clone() }).unwrap().write_all(b"abc").unwrap();
        assert_eq!(part.beginning("a"), None, "nothing to compare with");
        part.create(&state).unwrap().write_all(b"abcd").unwrap();
        part.finish(&entry).unwrap();
        assert_eq!(fs::read(entry.path()).unwrap(), b"abcd");
        part.remove().unwrap();
        assert_eq!(fs::read_dir(entry.path().parent().unwrap()).unwrap().count(), 2, "the file and its lock");
        drop(lock);
    }
}
