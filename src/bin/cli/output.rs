//! Files that results go to.

use std::path::Path;

use densenet_wgpu::files::AtomicFile;

/// What happens to a file that exists.
#[derive(clap::Args, Debug)]
pub(crate) struct OutputArgs {
    /// Do not replace an existing file: fail with status 1 before any work is done
    #[arg(long)]
    no_clobber: bool,
}

impl OutputArgs {
    /// The file at `path`, to be checked before the work and written after it.
    pub(crate) fn file(&self, path: &Path) -> AtomicFile {
        AtomicFile::new(path).no_clobber(self.no_clobber)
    }
}
