//! The file in which a device's memory lies, where the platform keeps what can be found out again.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use etcetera::BaseStrategy as _;

use super::device::Gpu;
use crate::error::{Error, Result};
use crate::kernels::Variant;

/// Chooses another folder.
const VARIABLE: &str = "DENSENET_CACHE";
/// A memory that is longer was not written by us.
const LONGEST: u64 = 4 << 20;

impl Gpu {
    /// The file that keeps what the self-test and tuning found, if this device remembers
    /// ([`GpuOptions::remember`](super::GpuOptions::remember)) and there is a folder for it: below `DENSENET_CACHE`, or where the
    /// platform keeps such (`~/.cache`, `~/Library/Caches`, `%LOCALAPPDATA%`).
    pub fn memory_file(&self) -> Option<PathBuf> {
        if !self.remembers() {
            return None;
        }
        let given = std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let folder = given.or_else(|| {
            let strategy = etcetera::base_strategy::choose_native_strategy().ok()?;
            Some(strategy.cache_dir().join("densenet-wgpu"))
        })?;
        let facts = self.adapter();
        // Adapters with names that look alike as files, and drivers of one adapter, have files of their own.
        let mut hasher = DefaultHasher::new();
        (&facts.name, &facts.backend, &facts.driver).hash(&mut hasher);
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let name: String = facts.name.chars().take(40).map(plain).collect();
        Some(folder.join("adapters").join(format!("{name}-{}-{:08x}.json", facts.backend, hasher.finish() as u32)))
    }

    /// Recalls what an earlier program found out about this adapter.
    pub(super) fn recall_from_file(&self) {
        let Some(path) = self.memory_file() else { return };
        let mut text = String::new();
        let read = |text: &mut String| match fs::metadata(&path) {
            // What is no file might never end.
            Ok(kind) if kind.is_file() => fs::File::open(&path)?.take(LONGEST).read_to_string(text),
            _ => Ok(0),
        };
        if read(&mut text).is_ok_and(|length| length > 0) && !self.recall(&text) {
            log::debug!("'{}' is of another version or driver, or damaged: it is ignored", path.display());
        }
    }

    /// Writes down that a variant is about to be asked, before it is asked for the first time.
    pub(super) fn begin(&self, variant: Variant) {
        if self.verdicts().of(variant).is_none() && self.verdicts().begin(variant) {
            self.remember();
        }
    }

    /// Writes down what was found out so far. Whoever cannot write finds it out again.
    pub(super) fn remember(&self) {
        if let Err(error) = self.save_memory() {
            log::debug!("{error}");
        }
    }

    /// Writes what was found out so far to [`Gpu::memory_file`], as loading and tuning do by themselves: for what
    /// [`Gpu::forget_choices`] and [`Gpu::recall`] changed. Returns the file, or none where nothing is kept.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn save_memory(&self) -> Result<Option<PathBuf>> {
        let Some(path) = self.memory_file() else { return Ok(None) };
        let write = || -> std::io::Result<()> {
            let folder = path.parent().unwrap_or(&path);
            fs::create_dir_all(folder)?;
            // Other processes read and write it, too: each sees it whole.
            let part = folder.join(format!(".{}-{}.part", std::process::id(), part_number()));
            // Never through what somebody else put there.
            let mut file = fs::File::create_new(&part)?;
            file.write_all(self.memory().as_bytes())?;
            fs::rename(&part, &path).inspect_err(|_| drop(fs::remove_file(&part)))
        };
        write().map_err(|error| Error::io(&path, "writing", error))?;
        Ok(Some(path))
    }
}

/// A number of its own for each call in this process.
fn part_number() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
