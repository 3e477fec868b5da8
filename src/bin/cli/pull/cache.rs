//! The folder that keeps what was fetched.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use etcetera::BaseStrategy as _;

use super::name::Name;

/// Chooses another folder.
const VARIABLE: &str = "DENSENET_CACHE";
/// What repositories of the hub hold, in the order in which it is looked for.
const HUB_FILES: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// The folder, which need not exist yet.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// `DENSENET_CACHE`, or a folder where the platform keeps such: `~/.cache` (XDG), `~/Library/Caches`, `%LOCALAPPDATA%`.
    pub(crate) fn open() -> anyhow::Result<Cache> {
        if let Some(folder) = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()) {
            let folder = std::path::absolute(folder).with_context(|| format!("{VARIABLE} names no folder"))?;
            return Ok(Cache { folder });
        }
        let strategy = etcetera::base_strategy::choose_native_strategy()
            .with_context(|| format!("there is no home folder to keep a cache in: set {VARIABLE} to a folder"))?;
        Ok(Cache { folder: strategy.cache_dir().join("densenet-wgpu") })
    }

    /// For tests.
    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Cache {
        Cache { folder: folder.to_path_buf() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where `name` is kept. A repository of the hub may have one of several files.
    pub(crate) fn entries(&self, name: &Name) -> Vec<Entry> {
        match name {
            Name::File(published) => {
                vec![Entry { path: self.folder.join(published.folder()).join(published.file()) }]
            }
            Name::Hub { owner, name, revision } => {
                let folder = self.folder.join("hf").join(owner).join(name).join(revision);
                HUB_FILES.iter().map(|file| Entry { path: folder.join(file) }).collect()
            }
        }
    }

    /// The file of `name`, if it is there whole.
    pub(crate) fn find(&self, name: &Name) -> Option<Entry> {
        self.entries(name).into_iter().find(|entry| entry.path.is_file())
    }

    /// Repositories of the hub of which something is here, in the order of their names.
    pub(crate) fn repositories(&self) -> Vec<Name> {
        let names = |folder: &Path| -> Vec<String> {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
            names.sort();
            names
        };
        let hub = self.folder.join("hf");
        let mut found = Vec::new();
        for owner in names(&hub) {
            for name in names(&hub.join(&owner)) {
                for revision in names(&hub.join(&owner).join(&name)) {
                    // Whatever else lies here has no such name.
                    found.extend(format!("hf:{owner}/{name}@{revision}").parse::<Name>().ok());
                }
            }
        }
        found.retain(|name| self.find(name).is_some());
        found
    }
}

/// A file of the cache, and those that belong to it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    path: PathBuf,
}

impl Entry {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The file of this name with an ending behind its own.
    pub(crate) fn with(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    /// Another file of its folder.
    pub(crate) fn beside(&self, file: &str) -> PathBuf {
        self.path.with_file_name(file)
    }

    /// The file's own name.
    pub(crate) fn file(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// Waits until no other process fetches this file. The operating system gives the lock back when the process ends, in
    /// whatever way; the file stays, since removing it would let two processes lock two files of one name.
    pub(crate) fn lock(&self) -> anyhow::Result<Lock> {
        let path = self.with(".lock");
        let folder = self.path.parent().unwrap_or(&self.path);
        fs::create_dir_all(folder).with_context(|| format!("creating the folder {} failed", folder.display()))?;
        let failed = || format!("locking {} failed: set {VARIABLE} to a folder on a local disk", path.display());
        let file = File::create(&path).with_context(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                eprintln!("another process is fetching {}: waiting for it", self.file());
                file.lock().with_context(failed)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).with_context(failed),
        }
        Ok(Lock { _file: file })
    }
}

/// Held while a file is fetched.
#[must_use]
pub(crate) struct Lock {
    _file: File,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_place_in_the_folder() {
        let cache = Cache::at(Path::new("cache"));
        let places = |name: &str| -> Vec<String> {
            let entries = cache.entries(&name.parse().unwrap());
            entries.iter().map(|entry| entry.path().to_string_lossy().replace('\\', "/")).collect()
        };
        assert_eq!(places("torchvision:densenet121"), ["cache/torchvision/densenet121-a639ec97.pth"]);
        let hub = ["cache/hf/a/b/main/model.safetensors", "cache/hf/a/b/main/pytorch_model.bin"];
        assert_eq!(places("hf:a/b"), hub);
        assert_eq!(places("hf:a/b@v1")[0], "cache/hf/a/b/v1/model.safetensors");
    }

    #[test]
    fn what_is_whole_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        assert!(cache.repositories().is_empty());
        let name: Name = "hf:a/b".parse().unwrap();
        let [first, second] = &cache.entries(&name)[..] else { panic!("two files") };
        let lock = first.lock().unwrap();
        fs::write(first.with(".part"), "half").unwrap();
        assert!(cache.find(&name).is_none() && cache.repositories().is_empty());
        fs::write(second.path(), "whole").unwrap();
        assert_eq!(cache.find(&name).unwrap().path(), second.path());
        fs::write(first.path(), "whole").unwrap();
        assert_eq!(cache.find(&name).unwrap().path(), first.path());
        let found: Vec<String> = cache.repositories().iter().map(Name::to_string).collect();
        assert_eq!(found, ["hf:a/b"]);
        drop(lock);
        drop(first.lock().unwrap());
    }
}
