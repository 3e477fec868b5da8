//! `densenet classify --cam`: pictures with class-activation maps on them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use densenet_wgpu::Prediction;
use densenet_wgpu::files::AtomicFile;
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use crate::cli::finish::Usage;
use crate::files::Found;

/// How opaque the hottest place is.
const OPACITY: f32 = 0.7;

/// The folder that the maps are written to, and the names in use.
pub(crate) struct HeatFolder {
    path: PathBuf,
    taken: HashSet<OsString>,
}

impl HeatFolder {
    /// Creates the folder if needed, and checks that it can be written to.
    ///
    /// # Errors
    /// Wrong usage if one of `pictures` is in that folder: a map could overwrite it.
    pub(crate) fn open(path: &Path, pictures: &[Found]) -> anyhow::Result<HeatFolder> {
        let folder_of = |picture: &Path| match picture.parent() {
            Some(parent) if parent.as_os_str().is_empty() => fs::canonicalize("."),
            Some(parent) => fs::canonicalize(parent),
            None => fs::canonicalize(picture),
        };
        let is_in = |picture: &Path, folder: &Path| folder_of(picture).is_ok_and(|of_picture| of_picture == folder);
        if let Ok(folder) = fs::canonicalize(path)
            && pictures.iter().any(|(picture, _)| picture.as_os_str() != "-" && is_in(picture, &folder))
        {
            return Err(Usage::error(format!(
                "--cam {}: some of the pictures are in this folder, and would be overwritten: name another folder",
                path.display()
            )));
        }
        fs::create_dir_all(path).with_context(|| {
            format!(
                "{}: this folder cannot be made (is there a file of that name, and may you write there?)",
                path.display()
            )
        })?;
        AtomicFile::new(path.join("map.png")).check()?;
        Ok(HeatFolder { path: path.to_path_buf(), taken: HashSet::new() })
    }

    /// Writes the picture with the map of `class` on it. Returns the path.
    pub(crate) fn write(&mut self, picture: &Path, prediction: &Prediction, class: usize) -> anyhow::Result<PathBuf> {
        let name = self.name(picture);
        let path = self.path.join(name);
        let pixels = prediction.overlay(class, OPACITY)?;
        let size = prediction.picture().map(|picture| (picture.width() as u32, picture.height() as u32));
        let (width, height) = size.with_context(|| format!("{}: the picture was not kept", picture.display()))?;
        AtomicFile::new(&path).write(|file| {
            let png = PngEncoder::new(file);
            png.write_image(&pixels, width, height, ExtendedColorType::Rgb8).map_err(io::Error::other)
        })?;
        Ok(path)
    }

    /// `cat.png` for `holiday/cat.jpg`; `cat-2.png` and so on if another picture of this run has that name.
    fn name(&mut self, picture: &Path) -> OsString {
        let stem = match picture.file_stem() {
            Some(stem) if picture.as_os_str() != "-" => stem.to_os_string(),
            _ => "stdin".into(),
        };
        let mut number = 1;
        loop {
            let mut name = stem.clone();
            if number > 1 {
                name.push(format!("-{number}"));
            }
            name.push(".png");
            // On some systems Cat.png and cat.png are one file.
            if self.taken.insert(name.to_ascii_lowercase()) {
                return name;
            }
            number += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_picture_of_a_run_overwrites_another() {
        let mut folder = HeatFolder { path: PathBuf::new(), taken: HashSet::new() };
        let pictures = ["a/cat.jpg", "b/cat.png", "cat-2.webp", "c/CAT.bmp", "-", "archive.tar.png"];
        let names: Vec<OsString> = pictures.iter().map(|path| folder.name(Path::new(path))).collect();
        assert_eq!(names, ["cat.png", "cat-2.png", "cat-2-2.png", "CAT-3.png", "stdin.png", "archive.tar.png"]);
    }
}
