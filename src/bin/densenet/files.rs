//! The pictures that the arguments name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use densenet_wgpu::CancelToken;
use densenet_wgpu::picture::has_picture_ending;

use crate::left_out::LeftOut;

/// A picture, or a folder that could not be read and why.
pub(crate) type Found = (PathBuf, Result<(), io::Error>);

/// What the arguments name.
#[derive(Default)]
pub(crate) struct Files {
    pub(crate) pictures: Vec<Found>,
    pub(crate) left_out: LeftOut,
}

impl Files {
    /// Every picture that `arguments` name; folders are walked in the order of their names. `-` is standard input.
    ///
    /// # Errors
    /// [`Cancelled`](densenet_wgpu::Error::Cancelled).
    pub(crate) fn find(arguments: &[PathBuf], cancel: &CancelToken) -> densenet_wgpu::Result<Files> {
        let mut files = Files::default();
        for path in arguments {
            if path.is_dir() {
                files.walk(path, cancel)?;
            } else {
                files.pictures.push((path.clone(), Ok(())));
            }
        }
        Ok(files)
    }

    fn walk(&mut self, folder: &Path, cancel: &CancelToken) -> densenet_wgpu::Result<()> {
        cancel.check()?;
        let entries = fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = match entries {
            Ok(entries) => entries,
            Err(error) => {
                self.pictures.push((folder.to_path_buf(), Err(error)));
                return Ok(());
            }
        };
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, kind) = (entry.path(), entry.file_type().ok());
            // A link to a folder is not followed: it may lead back up.
            if kind.is_some_and(|kind| kind.is_dir()) {
                self.walk(&path, cancel)?;
            } else if has_picture_ending(&path) && path.is_file() {
                self.pictures.push((path, Ok(())));
            } else {
                self.left_out.add(&path, kind);
            }
        }
        Ok(())
    }
}
