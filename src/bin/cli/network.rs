//! Names of published weights in place of paths, and whether the network may be used for them.

use std::path::{Path, PathBuf};

use super::finish::Usage;
#[cfg(feature = "pull")]
use super::pull::{self, Cache, Name};
use super::scheme::Scheme;

/// What `--offline` does for all runs.
#[cfg(feature = "pull")]
const OFFLINE: &str = "DENSENET_OFFLINE";

/// Whether the network may be used.
#[derive(clap::Args, Debug)]
pub(crate) struct NetworkArgs {
    /// Never use the network: published weights must be in the cache already (DENSENET_OFFLINE=1 does the same)
    #[arg(long)]
    #[cfg_attr(not(feature = "pull"), allow(dead_code, reason = "such a build never uses the network"))]
    offline: bool,
}

/// A weight file, and whether it had to be fetched.
pub(crate) struct Located {
    pub(crate) path: PathBuf,
    pub(crate) fetched: bool,
}

impl NetworkArgs {
    /// Whether the network must be left alone.
    #[cfg(feature = "pull")]
    pub(crate) fn is_offline(&self) -> bool {
        // Anything but a plain no counts: a value that is misspelt must not open the network.
        let no = ["", "0", "no", "off", "false"];
        let by_environment = std::env::var_os(OFFLINE)
            .is_some_and(|value| !no.iter().any(|no| value.to_string_lossy().eq_ignore_ascii_case(no)));
        self.offline || by_environment
    }

    /// The file that `weights` means: itself, or published weights of that name, which are fetched where they are not in
    /// the cache.
    pub(crate) fn locate(&self, weights: &Path) -> anyhow::Result<Located> {
        match weights.to_str().and_then(|text| Scheme::split(text).is_some().then_some(text)) {
            Some(name) => self.published(name),
            None if weights.exists() => Ok(Located { path: weights.to_path_buf(), fetched: false }),
            None => no_file(weights),
        }
    }

    #[cfg(feature = "pull")]
    fn published(&self, name: &str) -> anyhow::Result<Located> {
        let name: Name = name.parse().map_err(Usage::error)?;
        let ready = pull::fetch(&Cache::open()?, &name, self.is_offline())?;
        Ok(Located { path: ready.path, fetched: ready.fetched })
    }

    #[cfg(not(feature = "pull"))]
    fn published(&self, name: &str) -> anyhow::Result<Located> {
        Err(lacks_feature().context(format!("'{name}' names published weights")))
    }
}

/// A path where nothing is: it may be a name that lacks what stands before the colon.
fn no_file(weights: &Path) -> anyhow::Result<Located> {
    #[cfg(feature = "pull")]
    if let Some(name) = weights.to_str().and_then(pull::meant) {
        return Err(Usage::error(format!("'{}' is no file: did you mean {name}?", weights.display())));
    }
    // Whoever opens it says what is wrong.
    Ok(Located { path: weights.to_path_buf(), fetched: false })
}

/// What a build without the feature answers to names.
#[cfg(not(feature = "pull"))]
pub(crate) fn lacks_feature() -> anyhow::Error {
    Usage::error("this build lacks the feature `pull`: give the path of a weight file, or build with --features pull")
}
