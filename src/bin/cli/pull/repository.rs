//! What a repository of the hub has besides the weights: `config.json`, where timm keeps preprocessing and labels.

use std::fs;
use std::io;

use anyhow::Context as _;
use densenet_wgpu::files::AtomicFile;

use super::address;
use super::cache::Entry;
use super::client::Client;
use super::download::small;
use super::name::Name;

/// Read beside a weight file.
const CONFIG: &str = "config.json";
/// No larger one is read.
const MAX_CONFIG: u64 = 4 << 20;

/// Brings the `config.json` of `name` to the weights of `entry`, or removes an older one where there is none any more.
/// `commit` is the one that the weights belong to.
pub(crate) fn fetch_config(client: &Client, name: &Name, entry: &Entry, commit: Option<&str>) -> anyhow::Result<()> {
    let Name::Hub { revision, .. } = name else { return Ok(()) };
    // Of the same commit: other labels beside these weights would be wrong without a word.
    let address = address::hub(name, commit.unwrap_or(revision), CONFIG)?;
    let path = entry.beside(CONFIG);
    let Some(bytes) = small(client, &address, MAX_CONFIG).with_context(|| format!("fetching its {CONFIG}"))? else {
        let removed = fs::remove_file(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        });
        return removed.with_context(|| format!("removing {} failed", path.display()));
    };
    serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).with_context(|| format!("its {CONFIG} is no JSON"))?;
    AtomicFile::new(&path).write(|file| file.write_all(&bytes))?;
    Ok(())
}
