//! From a name to a file: from the cache, or fetched, checked, and kept.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use super::address::{self, host};
use super::cache::{Cache, Entry};
use super::client::Client;
use super::download::{Outcome, download};
use super::name::{Name, nearest};
use super::part::{Part, State};
use super::record;
use super::repository::fetch_config;
use super::sum::{Digests, Sum};

/// A file that can be used.
pub(crate) struct Ready {
    pub(crate) path: PathBuf,
    /// Whether it was fetched now.
    pub(crate) fetched: bool,
    /// Known where the file was read through.
    pub(crate) sha256: Option<String>,
    /// What it was compared with; none of a file that was only looked up.
    pub(crate) checked: Option<String>,
}

/// The file of `name`, as the cache has it; fetched where it is not there.
pub(crate) fn fetch(cache: &Cache, name: &Name, is_offline: bool) -> anyhow::Result<Ready> {
    if let Some(entry) = cache.find(name) {
        return Ok(as_it_is(&entry));
    }
    if is_offline {
        return Err(offline(cache, name));
    }
    obtain(cache, name, || cache.find(name).map(|entry| as_it_is(&entry)))
}

/// The file of `name`, read through and compared with its checksum, where it was fetched earlier; fetched where it is not
/// there, is damaged, or `again` asks for it.
pub(crate) fn renew(cache: &Cache, name: &Name, is_offline: bool, again: bool) -> anyhow::Result<Ready> {
    let checked = || cache.find(name).filter(|_| !again).map(|entry| check(name, &entry)).transpose();
    match checked() {
        Ok(Some(ready)) => return Ok(ready),
        Ok(None) if is_offline => return Err(offline(cache, name)),
        Err(damage) if is_offline => return Err(damage.context(name.to_string())),
        Ok(None) => {}
        Err(damage) => eprintln!("warning: {name}: {damage:#}"),
    }
    // Another process may have done it while this one waited.
    obtain(cache, name, || checked().unwrap_or_default())
}

fn as_it_is(entry: &Entry) -> Ready {
    Ready { path: entry.path().to_path_buf(), fetched: false, sha256: None, checked: None }
}

fn offline(cache: &Cache, name: &Name) -> anyhow::Error {
    anyhow::anyhow!(
        "{name} is not in the cache ({}), and the network may not be used: run `densenet pull {name}` without --offline \
         and DENSENET_OFFLINE",
        cache.folder().display()
    )
}

/// Compares a file of the cache with what is known about it.
fn check(name: &Name, entry: &Entry) -> anyhow::Result<Ready> {
    let path = entry.path();
    let found = Digests::of(path).with_context(|| format!("reading {} failed", path.display()))?;
    let recorded = record::read(entry).map(Sum::Sha256);
    let published = published(name);
    for sum in published.iter().chain(&recorded) {
        if !sum.agrees(&found) {
            // Weights are used without being read through first: wrong ones must not lie here.
            fs::remove_file(path).with_context(|| format!("removing {} failed", path.display()))?;
            bail!("{} was damaged, and is deleted: it had {}, not {sum}", path.display(), found.like(sum));
        }
    }
    if recorded.is_none() {
        record::write(entry, &found.sha256)?;
    }
    let checked = match (published, recorded) {
        (Some(sum), _) => format!("{sum}, as published"),
        (None, Some(_)) => "its sha256 is that of the first download".to_string(),
        (None, None) => "no checksum is known: its sha256 is noted".to_string(),
    };
    Ok(Ready { checked: Some(checked), sha256: Some(found.sha256), ..as_it_is(entry) })
}

/// The checksum of the table.
fn published(name: &Name) -> Option<Sum> {
    match name {
        Name::File(published) => Some(published.sum.clone()),
        Name::Hub { .. } => None,
    }
}

/// Fetches `name`, unless `done` by another process meanwhile.
fn obtain(cache: &Cache, name: &Name, done: impl Fn() -> Option<Ready>) -> anyhow::Result<Ready> {
    let entries = cache.entries(name);
    let Some(first) = entries.first() else { bail!("{name} has no file") };
    let _lock = first.lock()?;
    if let Some(ready) = done() {
        return Ok(ready);
    }
    fetch_first(name, &entries).with_context(|| name.to_string())
}

/// Fetches the first of `entries` that the server has.
fn fetch_first(name: &Name, entries: &[Entry]) -> anyhow::Result<Ready> {
    let client = Client::new();
    let mut missing = Vec::new();
    for entry in entries {
        let address = address::of(name, entry)?;
        if missing.is_empty() {
            let folder = entry.path().parent().unwrap_or(entry.path());
            eprintln!("fetching {name} from {} into {}", host(&address), folder.display());
        }
        match download(&client, &address, &Part::of(entry), published(name).is_some())? {
            Outcome::Complete(state) => return keep(&client, name, entry, &state),
            Outcome::Missing(why) => missing.push((host(&address).to_string(), entry.file().to_string(), why)),
        }
    }
    Err(nowhere(name, &missing))
}

/// The error for a file that the server does not have.
fn nowhere(name: &Name, missing: &[(String, String, Option<String>)]) -> anyhow::Error {
    let host = missing.first().map_or("", |(host, ..)| host);
    let files: Vec<&str> = missing.iter().map(|(_, file, _)| file.as_str()).collect();
    let why = missing.iter().find_map(|(.., why)| why.as_deref()).map_or(String::new(), |why| format!(", {why}"));
    let text = name.to_string();
    let meant = nearest(&text).filter(|listed| *listed != text);
    let meant = meant.map_or(String::new(), |listed| format!("did you mean {listed}? "));
    anyhow::anyhow!(
        "{host} has no {} there (404{why}): {meant}`densenet pull --list` shows names that are known",
        files.join(", nor ")
    )
}

/// Checks what was fetched, and gives it its place.
fn keep(client: &Client, name: &Name, entry: &Entry, state: &State) -> anyhow::Result<Ready> {
    let part = Part::of(entry);
    let found = Digests::of(&part.path).with_context(|| format!("reading {} failed", part.path.display()))?;
    let sum = published(name).or_else(|| state.sha256.clone().map(Sum::Sha256));
    let recorded = record::read(entry);
    if let Some(sum) = &sum
        && !sum.agrees(&found)
    {
        part.remove()?;
        bail!(
            "what came has {}, but {sum} was published: it was deleted; try again, and do not use it from elsewhere if it \
             stays so",
            found.like(sum)
        );
    }
    let has_changed = recorded.as_ref().is_some_and(|recorded| *recorded != found.sha256);
    match (&sum, recorded) {
        (None, Some(recorded)) if has_changed => {
            part.remove()?;
            bail!(
                "what came has sha256 {}, but sha256 {recorded} was fetched before, and no checksum is published: it was \
                 deleted; if the file may have changed, delete {}",
                found.sha256,
                record::path(entry)
            );
        }
        (None, Some(_)) => {}
        (None, None) => eprintln!(
            "warning: {name}: no checksum is published; sha256 {} is noted, and later downloads are compared with it",
            found.sha256
        ),
        (Some(_), Some(recorded)) if has_changed => {
            eprintln!("warning: {name}: its publisher has changed it: sha256 {} in place of {recorded}", found.sha256);
        }
        (Some(_), _) => {}
    }
    // The weights come last: where they are, all of it is there.
    fetch_config(client, name, entry, state.commit.as_deref())?;
    record::write(entry, &found.sha256)?;
    part.finish(entry).with_context(|| format!("renaming {} failed", part.path.display()))?;
    let checked =
        sum.map_or("no checksum is published: its sha256 is noted".to_string(), |sum| format!("{sum}, as published"));
    Ok(Ready { path: entry.path().to_path_buf(), fetched: true, sha256: Some(found.sha256), checked: Some(checked) })
}
