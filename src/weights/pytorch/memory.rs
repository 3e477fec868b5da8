//! Checkpoints in memory, where there are no files: in a browser. The library that reads the tensors wants a path.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Read};

use zip::{CompressionMethod, ZipReadOptions};

use super::archive::opened;
use super::machine::{Machine, Node};
use super::storage::{Declared, Storages, View, key_of};
use super::views;
use crate::pause::Pause;

/// The version of the legacy format.
const LEGACY_VERSION: f64 = 1001.0;

/// The tensors of a zip, and the bytes of its storages. `pickle` is what is read in place of the archive's own.
pub(super) async fn of_zip<'a>(
    bytes: &'a [u8],
    pickle: &[u8],
    pause: &Pause,
) -> Result<(Vec<View>, Storages<'a>), String> {
    let (mut archive, _) = opened(bytes)?;
    // The folder of everything, which `to_read` found to be one.
    let names = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned());
    let root = names.filter_map(|name| Some(name.strip_suffix("data.pkl")?.to_string())).min_by_key(String::len);
    let root = root.ok_or("a zip without data.pkl")?;
    let mut storages = Storages::new();
    for index in 0..archive.len() {
        pause.rest().await;
        let (name, crc, size, packed) = {
            let member = archive.by_index_raw(index).map_err(|e| e.to_string())?;
            let name = String::from_utf8_lossy(member.name_raw()).into_owned();
            (name, member.crc32(), member.size(), member.compression() != CompressionMethod::Stored)
        };
        let Some(inner) = name.strip_prefix(&root) else { continue };
        let (is_order, is_pickle, storage) = (inner == "byteorder", inner == "data.pkl", inner.strip_prefix("data/"));
        if storage.is_none() && !is_order && !is_pickle {
            continue;
        }
        // Some files have no checksums.
        let options = ZipReadOptions::new().ignore_crc32(crc == 0);
        let mut member = archive.by_index_with_options(index, options).map_err(|e| e.to_string())?;
        let start = member.data_start().and_then(|start| usize::try_from(start).ok());
        let failed = |e: io::Error| format!("'{name}' in the zip is damaged ({e})");
        let wrong_length = || format!("'{name}' in the zip is not as long as its table of contents says");
        if is_order {
            let mut order = String::new();
            member.take(16).read_to_string(&mut order).map_err(failed)?;
            if order.len() as u64 != size || order.trim() != "little" {
                return Err(format!("numbers of the byte order '{}': 'little' is expected", order.trim()));
            }
        } else if is_pickle {
            // For its checksum.
            if io::copy(&mut member.take(size.saturating_add(1)), &mut io::sink()).map_err(failed)? != size {
                return Err(wrong_length());
            }
        } else if let Some(key) = storage {
            let whole = start.zip(usize::try_from(size).ok());
            let stored = whole.and_then(|(start, size)| bytes.get(start..start.checked_add(size)?));
            let storage = match stored {
                Some(stored) if !packed => {
                    // What is there may be shorter or longer than what is announced.
                    if io::copy(&mut member, &mut io::sink()).map_err(failed)? != size {
                        return Err(wrong_length());
                    }
                    Cow::Borrowed(stored)
                }
                _ => {
                    // `to_read` has judged what all members announce.
                    let mut data = Vec::new();
                    member.take(size.saturating_add(1)).read_to_end(&mut data).map_err(failed)?;
                    if data.len() as u64 != size {
                        return Err(wrong_length());
                    }
                    Cow::Owned(data)
                }
            };
            storages.insert(key.to_string(), storage);
        }
    }
    let (machine, root) = Machine::run(pickle).ok_or("its data.pkl is no pickle that is known")?;
    Ok((views::of(&machine, root)?, storages))
}

/// The tensors of a legacy file: pickles of a magic number, a version, the system, the checkpoint and the keys of its storages, which
/// follow in that order.
pub(super) fn of_legacy(bytes: &[u8]) -> Result<(Vec<View>, Storages<'_>), String> {
    let no_pickle = |what: &str| format!("{what} is no pickle that is known");
    let (magic, _) = Machine::run(bytes).ok_or_else(|| no_pickle("its beginning"))?;
    let (version, number) = Machine::run(magic.rest()).ok_or_else(|| no_pickle("its version"))?;
    if *version.node(number) != Node::Number(LEGACY_VERSION) {
        return Err("it has no data: of a pickle without storages nothing is read".into());
    }
    let (system, facts) = Machine::run(version.rest()).ok_or_else(|| no_pickle("its description"))?;
    let order = match system.node(facts) {
        Node::Pairs(pairs) => system.get(pairs, "little_endian").map(|order| system.node(order)),
        _ => None,
    };
    if order != Some(&Node::Flag(true)) {
        return Err("it does not say that its numbers are little-endian".into());
    }
    let (machine, root) = Machine::run(system.rest()).ok_or_else(|| no_pickle("its table of contents"))?;
    let views = views::of(&machine, root)?;
    let mut declared: HashMap<String, Declared> = HashMap::new();
    for id in machine.storages() {
        let new = Declared::read(&machine, id)?;
        if declared.get(&new.key).is_some_and(|old| (old.bytes(), old.width()) != (new.bytes(), new.width())) {
            return Err(format!("storage '{}' is declared twice with different sizes", new.key));
        }
        declared.insert(new.key.clone(), new);
    }
    let (keys, list) = Machine::run(machine.rest()).ok_or_else(|| no_pickle("the list of its storages"))?;
    let Node::Items(list) = keys.node(list) else { return Err(no_pickle("the list of its storages")) };
    let mut storages = Storages::new();
    let mut rest = keys.rest();
    for &key in list {
        let key = key_of(&keys, key).ok_or("a storage without a key")?;
        let storage = declared.get(&key).ok_or_else(|| format!("storage '{key}' belongs to no tensor"))?;
        let (count, data) = rest.split_first_chunk::<8>().ok_or("truncated")?;
        let (data, behind) = data.split_at_checked(storage.bytes()).ok_or("truncated")?;
        if u64::from_le_bytes(*count) != (storage.bytes() / storage.width()) as u64 {
            return Err(format!("storage '{key}' is not as long as its description says"));
        }
        storages.insert(key, Cow::Borrowed(data));
        rest = behind;
    }
    Ok((views, storages))
}
