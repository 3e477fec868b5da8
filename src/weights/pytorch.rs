//! PyTorch's files: zips (1.6 and later), legacy pickle streams, and the tars of 0.1. A pickle is data here: its
//! instructions build names, numbers and shapes, and nothing in it is ever executed.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;

use pytorch_reader::{DType, FileFormat, PytorchError, PytorchReader, Tensor};
use rayon::prelude::*;
use zip::ZipArchive;

use super::extras;
use super::source::{Entry, Number, Source, Stated};

/// Keys under which training programs keep networks. Where several do, the first of these counts: averaged weights
/// before the last step's, as timm has it.
const NETWORKS: [&str; 8] =
    ["state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model_state", "model", "net", "network"];

/// Of tables of contents: a checkpoint of DenseNet-201 with its optimizer's needs a sixteenth. What is parsed occupies
/// many times its bytes.
const MOST_PICKLE_BYTES: u64 = 8 << 20;

/// DenseNet-264 has 2,000 with its counters.
const MOST_TENSORS: usize = 20_000;

/// Tensors are at most so many times what the file holds. `torch.save` does not compress, others hardly can.
const MOST_EXPANSION: u64 = 4;

const ADVICE: &str = "what torch.save(model.state_dict(), path) writes is expected";

/// Reads the table of contents, chooses the network, and reads its tensors. The library wants a file: without a `path`
/// the bytes go into a temporary one.
pub(super) fn read(bytes: &[u8], path: Option<&Path>) -> Result<Source<'static>, String> {
    let zip = bytes.starts_with(b"PK");
    if zip {
        check_zip(bytes)?;
    }
    let budget = MOST_EXPANSION * bytes.len() as u64 + (1 << 20);
    let reader = match path {
        Some(path) => PytorchReader::new(path),
        None => {
            let mut file = tempfile::NamedTempFile::new().map_err(|e| format!("making a temporary file: {e}"))?;
            file.write_all(bytes).map_err(|e| format!("writing a temporary file: {e}"))?;
            return entries(PytorchReader::new(file.path()).map_err(|e| reason(&e))?, budget);
        }
    };
    entries(reader.map_err(|e| reason(&e))?, budget)
}

/// Refuses what would be large only when unpacked, and archives of another kind, before anything is unpacked.
fn check_zip(bytes: &[u8]) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))
        .map_err(|e| format!("a zip, truncated or damaged ({e}): fetch it again"))?;
    let names: Vec<String> = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if names.iter().any(|name| name.ends_with("constants.pkl") || name.contains("/code/")) {
        return Err(format!(
            "a TorchScript archive, which holds a program: load it with torch.jit.load and save its state_dict; {ADVICE}"
        ));
    }
    let Some(pickle) = names.iter().position(|name| name == "data.pkl" || name.ends_with("/data.pkl")) else {
        return Err(format!("a zip without data.pkl, so no PyTorch checkpoint; {ADVICE}"));
    };
    // Not `decompressed_size`, which knows nothing of archives whose sizes stand behind their data, as PyTorch's do.
    let mut unpacked = 0;
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(|e| format!("a damaged zip ({e}): fetch it again"))?;
        unpacked += u128::from(member.size());
    }
    if unpacked > u128::from(MOST_EXPANSION) * bytes.len() as u128 + (1 << 20) {
        return Err(format!(
            "a zip of {} bytes that unpacks to {unpacked}: no PyTorch checkpoint is like that",
            bytes.len()
        ));
    }
    let pickle = archive.by_index_raw(pickle).map_err(|e| format!("a damaged zip ({e}): fetch it again"))?;
    if pickle.size() > MOST_PICKLE_BYTES {
        return Err(format!(
            "its data.pkl has {} bytes, of which {MOST_PICKLE_BYTES} are read: too much is saved beside the weights; {ADVICE}",
            pickle.size()
        ));
    }
    Ok(())
}

fn entries(reader: PytorchReader, budget: u64) -> Result<Source<'static>, String> {
    let format = match reader.metadata().format_type {
        FileFormat::Zip => "PyTorch (zip)",
        FileFormat::Legacy => "PyTorch (legacy pickle)",
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
    if tensors.len() > MOST_TENSORS || bytes > budget {
        return Err(format!(
            "{} tensors of {bytes} bytes: more than {MOST_TENSORS} tensors, or than {budget} bytes in a file of this size, \
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
