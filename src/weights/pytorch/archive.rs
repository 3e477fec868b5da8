//! The zip around a PyTorch checkpoint, judged before it is unpacked.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use zip::read::{ArchiveOffset, Config};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::weigh;

/// The longest table of contents. A checkpoint of DenseNet-201 with its optimizer's state needs a sixteenth. Parsed, it
/// occupies many times its bytes.
const MAX_PICKLE_BYTES: u64 = 8 << 20;

/// How many times the file's length its tensors may occupy. `torch.save` does not compress, and weights hardly shrink.
pub(super) const MAX_EXPANSION: u64 = 4;

pub(super) const ADVICE: &str = "what torch.save(model.state_dict(), path) writes is expected";

/// A temporary file with what `write` writes.
pub(super) fn temporary(
    write: impl FnOnce(&mut NamedTempFile) -> std::io::Result<()>,
) -> Result<NamedTempFile, String> {
    let file = NamedTempFile::new().and_then(|mut file| write(&mut file).map(|()| file));
    file.map_err(|e| format!("writing a temporary file: {e}"))
}

fn damaged(error: impl std::fmt::Display) -> String {
    format!("a damaged zip ({error}): fetch it again")
}

/// Refuses archives of another kind, and those that would be too large unpacked, before anything is unpacked. Returns the
/// file to read, where that is not the one at `path`, and the pickle in it.
pub(super) fn to_read(bytes: &[u8], path: Option<&Path>) -> Result<(Option<NamedTempFile>, Vec<u8>), String> {
    // An archive begins where its file does. Looking for other beginnings, the crate takes the trailer that torch writes for a
    // part of the table of contents where the first member's name has 30 letters.
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, Cursor::new(bytes))
        .map_err(|e| format!("a zip, truncated or damaged ({e}): fetch it again"))?;
    let is_misread = ZipArchive::new(Cursor::new(bytes)).is_err();
    let names: Vec<String> = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let pickle = pickle(&names)?;
    // Not `decompressed_size`: it does not know the size where that comes after the data, as in PyTorch's archives.
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
            "its data.pkl has {size} bytes, and at most {MAX_PICKLE_BYTES} are read: too much is saved beside the weights; {ADVICE}"
        ));
    }
    let mut pickle = Vec::new();
    // The library judges the checksum, since some files have none.
    let _ = member.take(size).read_to_end(&mut pickle);
    weigh::check(&pickle, 1)?;
    let file = match path {
        // `torch.save` does not compress. In an archive that somebody compressed, each tensor would be unpacked from the
        // beginning of its storage, and 20,000 tensors at the end of one storage would take hours.
        // The library that reads the file next looks for other beginnings, too.
        _ if packed || is_misread => Some(temporary(|file| unpack(&mut archive, file))?),
        Some(_) => None,
        None => Some(temporary(|file| file.write_all(bytes))?),
    };
    Ok((file, pickle))
}

/// The index of the checkpoint's pickle among the members.
fn pickle(names: &[String]) -> Result<usize, String> {
    let any = |is: fn(&str) -> bool| names.iter().any(|name| is(name));
    if any(|name| name.ends_with("constants.pkl") || name.contains("/code/")) {
        return Err(format!(
            "a TorchScript archive, which holds a program: load it with torch.jit.load and save its state_dict; {ADVICE}"
        ));
    }
    if any(|name| name.ends_with("archive_format") || name.ends_with("serialized_exported_program.json")) {
        return Err(format!(
            "a program of torch.export (.pt2): load it with torch.export.load and save its state_dict; {ADVICE}"
        ));
    }
    let mut pickles = (0..names.len()).filter(|&i| names[i] == "data.pkl" || names[i].ends_with("/data.pkl"));
    match (pickles.next(), pickles.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("a zip without data.pkl, so not a PyTorch checkpoint; {ADVICE}")),
        (Some(one), Some(other)) => {
            Err(format!("a zip of two checkpoints, '{}' and '{}': one is expected; {ADVICE}", names[one], names[other]))
        }
    }
}

/// Writes the archive again, without compression.
fn unpack(archive: &mut ZipArchive<Cursor<&[u8]>>, file: &mut NamedTempFile) -> std::io::Result<()> {
    let mut stored = ZipWriter::new(file);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    for index in 0..archive.len() {
        let member = archive.by_index(index)?;
        let (name, size) = (String::from_utf8_lossy(member.name_raw()).into_owned(), member.size());
        stored.start_file(name, options)?;
        // No more than was announced.
        std::io::copy(&mut member.take(size), &mut stored)?;
    }
    stored.finish()?;
    Ok(())
}
