//! Tensors beside the model: files in its folder, and nowhere else.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Component, Path, PathBuf};

use memmap2::Mmap;

/// More than any exporter writes.
const MAX_FILES: usize = 1_000;

/// The folder of a model, and what was opened in it.
pub(super) struct Folder {
    place: Option<PathBuf>,
    open: HashMap<PathBuf, Mmap>,
    /// How many bytes may still be copied: files may be named again and again.
    left: u64,
}

impl Folder {
    /// The folder of the model at `path`; none of a model in memory.
    pub(super) fn of(path: Option<&Path>) -> Self {
        let place = path
            .map(|path| path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_path_buf());
        Folder { place, open: HashMap::new(), left: 0 }
    }

    /// The bytes that `location`, `offset` and `length` name.
    pub(super) fn read(&mut self, words: &[(&str, &str)]) -> Result<Vec<u8>, String> {
        let word = |key: &str| words.iter().rev().find(|(k, _)| *k == key).map(|(_, value)| *value);
        let location = word("location").ok_or("is in another file that is not named")?;
        let shown: String = location.chars().take(80).collect();
        let number = |key: &str| {
            let text = word(key);
            text.map(|text| {
                text.trim().parse::<u64>().map_err(|_| format!("has '{key}' in '{shown}' that is no number"))
            })
            .transpose()
        };
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        let file = self.open(location).map_err(|reason| format!("is in another file, '{shown}', {reason}"))?;
        let size = file.len() as u64;
        let length = length.unwrap_or(size.saturating_sub(offset));
        let end = offset.checked_add(length).filter(|end| *end <= size);
        let (Some(end), Ok(start)) = (end, usize::try_from(offset)) else {
            return Err(format!(
                "is at {length} bytes from {offset} of '{shown}', which has {size}: it belongs to another model, or is cut off"
            ));
        };
        let bytes = file[start..end as usize].to_vec();
        self.left =
            self.left.checked_sub(length).ok_or("is named so often that its files would be read many times over")?;
        Ok(bytes)
    }

    fn open(&mut self, location: &str) -> Result<&Mmap, String> {
        let Some(place) = &self.place else {
            return Err("and only a model that is opened by its path has a folder with other files: open it so".into());
        };
        let relative = Path::new(location);
        let inside = !location.is_empty()
            && !location.contains(['\\', ':'])
            && relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            return Err("which is not in the folder of the model: no other is read".into());
        }
        let lacking = |e: std::io::Error| format!("which cannot be opened in the folder of the model: {e}");
        // Links are followed only as far as they stay in the folder.
        let folder = place.canonicalize().map_err(lacking)?;
        let path = folder.join(relative).canonicalize().map_err(lacking)?;
        if !path.starts_with(&folder) {
            return Err("a link that leads out of the folder of the model: no other is read".into());
        }
        if !self.open.contains_key(&path) {
            if self.open.len() >= MAX_FILES {
                return Err(format!("and more than {MAX_FILES} files are named"));
            }
            // Checked first, since opening a pipe would wait for ever.
            if !path.metadata().map_err(lacking)?.is_file() {
                return Err("which is not a file".into());
            }
            let file = File::open(&path).map_err(lacking)?;
            // SAFETY: as in weights/open.rs: the mapping is read only, and lives as long as the model is read.
            let map = unsafe { Mmap::map(&file) }.map_err(lacking)?;
            self.left += 4 * map.len() as u64 + (1 << 20);
            self.open.insert(path.clone(), map);
        }
        self.open.get(&path).ok_or_else(|| "which cannot be opened".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_of_the_folder_is_read() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("model");
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        std::fs::write(outer.path().join("secret.data"), [1; 64]).unwrap();
        std::fs::write(folder.join("a.data"), [7; 64]).unwrap();
        std::fs::write(folder.join("inner/b.data"), [8; 64]).unwrap();
        let model = folder.join("model.onnx");
        let read = |words: &[(&str, &str)]| Folder::of(Some(&model)).read(words);
        assert_eq!(read(&[("location", "a.data"), ("offset", "8"), ("length", "4")]).unwrap(), [7; 4]);
        assert_eq!(read(&[("location", "./inner/b.data")]).unwrap(), [8; 64]);
        let absolute = outer.path().join("secret.data");
        for location in
            ["../secret.data", "inner/../../secret.data", "/dev/zero", absolute.to_str().unwrap(), "", "..", "C:\\x"]
        {
            let error = read(&[("location", location)]).unwrap_err();
            assert!(error.contains("not in the folder of the model"), "{location}: {error}");
        }
        for (words, reason) in [
            (&[("location", "inner")][..], "not a file"),
            (&[("location", "c.data")], "cannot be opened in the folder"),
            (&[("location", "a.data"), ("offset", "60"), ("length", "8")], "which has 64"),
            (&[("location", "a.data"), ("offset", "18446744073709551615"), ("length", "8")], "which has 64"),
            (&[("location", "a.data"), ("offset", "-8")], "no number"),
            (&[("offset", "0")], "not named"),
        ] {
            let error = read(words).unwrap_err();
            assert!(error.contains(reason), "{words:?}: {error}");
        }
        assert!(Folder::of(None).read(&[("location", "a.data")]).unwrap_err().contains("opened by its path"));
        let mut often = Folder::of(Some(&model));
        let times = (0..100_000).take_while(|_| often.read(&[("location", "a.data")]).is_ok()).count();
        assert!(times < 20_000, "{times}");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("../secret.data", folder.join("link.data")).unwrap();
            std::os::unix::fs::symlink("a.data", folder.join("fine.data")).unwrap();
            assert!(read(&[("location", "link.data")]).unwrap_err().contains("leads out of the folder"));
            assert_eq!(read(&[("location", "fine.data")]).unwrap(), [7; 64]);
        }
    }
}
