//! Opening PyTorch's files: the table of contents, the network in it, and its tensors.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use pytorch_reader::{FileFormat, PytorchError, PytorchReader};
use tempfile::NamedTempFile;

use super::super::extras;
use super::super::large_stack::on_large_stack;
use super::super::source::{Entry, Number, Source};
use super::archive::{ADVICE, Checkpoint, MAX_EXPANSION, Place, temporary, to_read};
use super::found::Found;
use super::{memory, outline, weigh};
use crate::pause::{Pause, at_once};

/// Keys under which training programs keep networks. Where a file has several, the first of these counts: averaged weights
/// come before those of the last step, as in timm.
const NETWORKS: [&str; 8] =
    ["state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model_state", "model", "net", "network"];

/// DenseNet-264 has 2,000 with its counters.
const MAX_TENSORS: usize = 20_000;

/// A legacy file begins with five pickles: a magic number, a version, facts about the system, the checkpoint and the keys
/// of its storages.
const LEGACY_PICKLES: usize = 5;

/// Those before the checkpoint.
const PICKLES_BEFORE: usize = 3;

const ZIP: &str = "PyTorch (zip)";
const LEGACY: &str = "PyTorch (legacy pickle)";

/// Reads the table of contents, chooses the network, and reads its tensors.
pub(in crate::weights) async fn read(
    bytes: &[u8],
    path: Option<&Path>,
    pause: &Pause,
) -> Result<Source<'static>, String> {
    let place = if cfg!(target_family = "wasm") { Place::Memory } else { Place::File(path) };
    read_from(bytes, place, pause).await
}

/// [`read`] with the choice. The library wants a file: without a path the bytes are written to a temporary one.
pub(super) async fn read_from(bytes: &[u8], place: Place<'_>, pause: &Pause) -> Result<Source<'static>, String> {
    let budget = MAX_EXPANSION * bytes.len() as u64 + (1 << 20);
    let archive = if bytes.starts_with(b"PK") { Some(to_read(bytes, place)?) } else { None };
    let outline = match &archive {
        Some(archive) => outline::of(&archive.pickle, 0, archive.program.as_ref()),
        None => {
            weigh::check(bytes, LEGACY_PICKLES)?;
            outline::of(bytes, PICKLES_BEFORE, None)
        }
    };
    let is_script = archive.as_ref().is_some_and(|archive| archive.program.is_some());
    let source = match place {
        Place::File(path) => {
            let rewritten = match archive {
                Some(archive) => archive.file,
                None => path.is_none().then(|| temporary(|file| file.write_all(bytes))).transpose()?,
            };
            let path = rewritten.as_ref().map(NamedTempFile::path).or(path).ok_or("no file to read")?;
            on_large_stack(|| in_file(path, budget))
        }
        Place::Memory => in_memory(bytes, archive.as_ref(), budget, pause).await,
    };
    let source = source.map_err(|reason| {
        if is_script { format!("a TorchScript archive whose parameters cannot be read: {reason}") } else { reason }
    })?;
    let format = if is_script { "TorchScript" } else { source.format };
    Ok(Source { format, order: outline.order, known: outline.layers, ..source })
}

fn in_file(path: &Path, budget: u64) -> Result<Source<'static>, String> {
    let reader = PytorchReader::new(path).map_err(|e| reason(&e))?;
    let format = match reader.metadata().format_type {
        FileFormat::Zip => ZIP,
        FileFormat::Legacy => LEGACY,
        // Refused before: no DenseNet is that old.
        FileFormat::Tar => "PyTorch (tar)",
        FileFormat::Pickle => "pickle",
    };
    let tensors = reader.into_tensors().into_values().map(Found::from).collect();
    at_once(entries(format, tensors, budget, &Pause::default()))
}

async fn in_memory(
    bytes: &[u8],
    archive: Option<&Checkpoint>,
    budget: u64,
    pause: &Pause,
) -> Result<Source<'static>, String> {
    let (format, read) = match archive {
        Some(archive) => {
            let pickle = archive.plain.as_ref().unwrap_or(&archive.pickle);
            (ZIP, memory::of_zip(bytes, pickle, pause).await)
        }
        None => (LEGACY, memory::of_legacy(bytes)),
    };
    let (views, storages) =
        read.map_err(|reason| format!("a PyTorch file that cannot be read ({reason}); {ADVICE}"))?;
    let tensors = views.into_iter().map(|view| view.found(&storages)).collect();
    entries(format, tensors, budget, pause).await
}

async fn entries(
    format: &'static str,
    mut tensors: Vec<Found<'_>>,
    budget: u64,
    pause: &Pause,
) -> Result<Source<'static>, String> {
    if tensors.is_empty() {
        return Err(format!("a {format} file without tensors; {ADVICE}"));
    }
    // The library's order is a hash map's. Sorted, the same file always gives the same error.
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    let (tensors, ignored) = choose(tensors);
    let bytes = tensors.iter().map(|tensor| tensor.byte_len as u64).fold(0, u64::saturating_add);
    if tensors.len() > MAX_TENSORS || bytes > budget {
        return Err(format!(
            "{} tensors of {bytes} bytes: a DenseNet has at most {MAX_TENSORS} tensors, and a file of this size {budget} \
             bytes",
            tensors.len()
        ));
    }
    let entries = pause.each(tensors, entry).await.into_iter().collect::<Result<_, _>>()?;
    Ok(Source { ignored, ..Source::new(format, entries) })
}

/// The tensors of one network, and what was left out: other networks under [`NETWORKS`], and the state of training.
fn choose(tensors: Vec<Found>) -> (Vec<Found>, Vec<String>) {
    let top = |name: &str| name.split('.').next().unwrap_or_default().to_string();
    let holds = |key: &str| tensors.iter().any(|t| t.shape.len() == 4 && top(&t.name) == key);
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

fn entry(tensor: Found) -> Result<Entry<'static>, String> {
    // Integers are counters, which inference does not need.
    let bytes = match tensor.number {
        Number::Other(_) => Vec::new(),
        _ => (tensor.read)().map_err(|e| format!("damaged or truncated ({e}): fetch it again"))?,
    };
    Ok(Entry { name: tensor.name, shape: tensor.shape, number: tensor.number, bytes: Cow::Owned(bytes) })
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
