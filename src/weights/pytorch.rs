//! PyTorch's files: zips (1.6 and later) and legacy pickle streams. A pickle is data here: its instructions build names,
//! numbers and shapes, and nothing in it is ever executed.

mod weigh;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use pytorch_reader::{DType, FileFormat, PytorchError, PytorchReader, Tensor};
use rayon::prelude::*;
use tempfile::NamedTempFile;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::contained::contained;
use super::extras;
use super::source::{Entry, Number, Source, Stated};

/// Keys under which training programs keep networks. Where several do, the first of these counts: averaged weights
/// before the last step's, as timm has it.
const NETWORKS: [&str; 8] =
    ["state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model_state", "model", "net", "network"];

/// Of tables of contents: a checkpoint of DenseNet-201 with its optimizer's needs a sixteenth. What is parsed occupies
/// many times its bytes.
const MAX_PICKLE_BYTES: u64 = 8 << 20;

/// DenseNet-264 has 2,000 with its counters.
const MAX_TENSORS: usize = 20_000;

/// Tensors are at most so many times what the file holds. `torch.save` does not compress, others hardly can.
const MAX_EXPANSION: u64 = 4;

const ADVICE: &str = "what torch.save(model.state_dict(), path) writes is expected";

/// A legacy file begins with five: a magic number, a version, the system's facts, the checkpoint and its storages' keys.
const LEGACY_PICKLES: usize = 5;

/// Reads the table of contents, chooses the network, and reads its tensors. The library wants a file: without a `path`
/// the bytes go into a temporary one.
pub(super) fn read(bytes: &[u8], path: Option<&Path>) -> Result<Source<'static>, String> {
    let budget = MAX_EXPANSION * bytes.len() as u64 + (1 << 20);
    let temporary = if bytes.starts_with(b"PK") {
        zip_to_read(bytes, path)?
    } else {
        weigh::check(bytes, LEGACY_PICKLES)?;
        path.is_none().then(|| temporary(|file| file.write_all(bytes))).transpose()?
    };
    let path = temporary.as_ref().map(NamedTempFile::path).or(path).ok_or("no file to read")?;
    contained(|| entries(PytorchReader::new(path).map_err(|e| reason(&e))?, budget))
}

fn temporary(write: impl FnOnce(&mut NamedTempFile) -> std::io::Result<()>) -> Result<NamedTempFile, String> {
    let file = NamedTempFile::new().and_then(|mut file| write(&mut file).map(|()| file));
    file.map_err(|e| format!("writing a temporary file: {e}"))
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!("a damaged zip ({error}): fetch it again")
}

/// Refuses what would be large only when unpacked, and archives of another kind, before anything is unpacked. Yields the
/// file to read where that is not the one at `path`.
fn zip_to_read(bytes: &[u8], path: Option<&Path>) -> Result<Option<NamedTempFile>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|e| format!("a zip, truncated or damaged ({e}): fetch it again"))?;
    let names: Vec<String> = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if names.iter().any(|name| name.ends_with("constants.pkl") || name.contains("/code/")) {
        return Err(format!(
            "a TorchScript archive, which holds a program: load it with torch.jit.load and save its state_dict; {ADVICE}"
        ));
    }
    let mut pickles = (0..names.len()).filter(|&i| names[i] == "data.pkl" || names[i].ends_with("/data.pkl"));
    let pickle = match (pickles.next(), pickles.next()) {
        (Some(one), None) => one,
        (None, _) => return Err(format!("a zip without data.pkl, so no PyTorch checkpoint; {ADVICE}")),
        (Some(one), Some(other)) => {
            return Err(format!(
                "a zip of two checkpoints, '{}' and '{}': one is expected; {ADVICE}",
                names[one], names[other]
            ));
        }
    };
    // Not `decompressed_size`, which knows nothing of archives whose sizes stand behind their data, as PyTorch's do.
    let (mut unpacked, mut packed) = (0, false);
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(damaged)?;
        unpacked += u128::from(member.size());
        packed |= member.compression() != CompressionMethod::Stored;
    }
    if unpacked > u128::from(MAX_EXPANSION) * bytes.len() as u128 + (1 << 20) {
        return Err(format!(
            "a zip of {} bytes that unpacks to {unpacked}: no PyTorch checkpoint is like that",
            bytes.len()
        ));
    }
    let member = archive.by_index(pickle).map_err(damaged)?;
    let size = member.size();
    if size > MAX_PICKLE_BYTES {
        return Err(format!(
            "its data.pkl has {size} bytes, of which {MAX_PICKLE_BYTES} are read: too much is saved beside the weights; {ADVICE}"
        ));
    }
    let mut pickle = Vec::new();
    // A wrong checksum is for the library to judge, which knows files that have none.
    let _ = member.take(size).read_to_end(&mut pickle);
    weigh::check(&pickle, 1)?;
    match path {
        // `torch.save` does not compress. Where somebody did, each tensor would be unpacked from its storage's beginning,
        // and 20,000 tensors at the end of one storage would take hours.
        _ if packed => temporary(|file| unpack(&mut archive, file)).map(Some),
        Some(_) => Ok(None),
        None => temporary(|file| file.write_all(bytes)).map(Some),
    }
}

/// Writes the archive as one whose members are stored as they are.
fn unpack(archive: &mut ZipArchive<Cursor<&[u8]>>, file: &mut NamedTempFile) -> std::io::Result<()> {
    let mut stored = ZipWriter::new(file);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    for index in 0..archive.len() {
        let member = archive.by_index(index)?;
        let (name, size) = (String::from_utf8_lossy(member.name_raw()).into_owned(), member.size());
        stored.start_file(name, options)?;
        // No more than was announced, whatever comes.
        std::io::copy(&mut member.take(size), &mut stored)?;
    }
    stored.finish()?;
    Ok(())
}

fn entries(reader: PytorchReader, budget: u64) -> Result<Source<'static>, String> {
    let format = match reader.metadata().format_type {
        FileFormat::Zip => "PyTorch (zip)",
        FileFormat::Legacy => "PyTorch (legacy pickle)",
        // Not read: no DenseNet is that old.
        FileFormat::Tar => "PyTorch (tar)",
        FileFormat::Pickle => "pickle",
    };
    let mut tensors: Vec<Tensor> = reader.into_tensors().into_values().collect();
    if tensors.is_empty() {
        return Err(format!("a {format} file without tensors; {ADVICE}"));
    }
    // The library's order is a hash map's: sorted, the same file always gives the same error.
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let (tensors, ignored) = choose(tensors);
    let bytes = tensors.iter().map(|tensor| tensor.byte_len() as u64).fold(0, u64::saturating_add);
    if tensors.len() > MAX_TENSORS || bytes > budget {
        return Err(format!(
            "{} tensors of {bytes} bytes: more than {MAX_TENSORS} tensors, or than {budget} bytes in a file of this size, \
             are in no DenseNet",
            tensors.len()
        ));
    }
    let entries = tensors.into_par_iter().map(entry).collect::<Result<_, _>>()?;
    let stated = Stated { ignored, ..Stated::default() };
    Ok(Source { format, entries, metadata: BTreeMap::new(), ordered: false, stated })
}

/// The tensors of one network, and what was left out: other networks under [`NETWORKS`], and training's.
fn choose(tensors: Vec<Tensor>) -> (Vec<Tensor>, Vec<String>) {
    let top = |name: &str| name.split('.').next().unwrap_or_default().to_string();
    let holds = |key: &str| tensors.iter().any(|t| t.shape().len() == 4 && top(&t.name) == key);
    let others: Vec<&str> = NETWORKS.into_iter().filter(|key| holds(key)).skip(1).collect();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let kept = tensors
        .into_iter()
        .filter(|tensor| {
            let top = top(&tensor.name);
            let modules = tensor.name.rsplit_once('.').map_or("", |(modules, _)| modules);
            let ignored = others.contains(&top.as_str()) || extras::of_training(modules);
            if ignored {
                *counts.entry(top).or_default() += 1;
            }
            !ignored
        })
        .collect();
    (kept, counts.into_iter().map(|(key, count)| format!("{key} ({count} tensors)")).collect())
}

fn entry(tensor: Tensor) -> Result<Entry<'static>, String> {
    let number = match tensor.dtype() {
        DType::F32 => Number::F32,
        DType::F64 => Number::F64,
        DType::F16 => Number::F16,
        DType::BF16 => Number::BF16,
        other => Number::Other(format!("{other:?}")),
    };
    // Integers are counters: what they say is of no use.
    let bytes = match number {
        Number::Other(_) => Vec::new(),
        _ => tensor.read().map_err(|e| format!("damaged or truncated ({e}): fetch it again"))?,
    };
    let shape = tensor.shape().to_vec();
    Ok(Entry { name: tensor.name, shape, number, bytes: Cow::Owned(bytes) })
}

fn reason(error: &PytorchError) -> String {
    match error {
        PytorchError::Io(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
            "a truncated PyTorch file: fetch it again".into()
        }
        PytorchError::InvalidFormat(_) | PytorchError::Pickle(_) => {
            format!("a PyTorch file that cannot be read ({error}); {ADVICE}")
        }
        other => format!("a damaged PyTorch file ({other}): fetch it again"),
    }
}

#[cfg(test)]
mod tests;
