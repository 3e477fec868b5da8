//! The zip around a PyTorch checkpoint, judged before it is unpacked.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use tempfile::NamedTempFile;
use zip::read::{ArchiveOffset, Config};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::script::{Program, with_dictionaries};
use super::weigh;

/// The longest table of contents. A checkpoint of DenseNet-201 with its optimizer's state needs a sixteenth. Parsed, it
/// occupies many times its bytes.
const MAX_PICKLE_BYTES: u64 = 8 << 20;

/// How many times the file's length its tensors may occupy. `torch.save` does not compress, and weights hardly shrink.
pub(super) const MAX_EXPANSION: u64 = 4;

/// The text of DenseNet-201's program has 0.5 MB.
const MAX_PROGRAM_BYTES: u64 = 8 << 20;

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

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// Where the tensors are read from.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// From the file at this path, or from a temporary one.
    File(Option<&'a Path>),
    /// Where there are no files.
    Memory,
}

/// Refuses archives of another kind, and those that would be too large unpacked, before anything is unpacked. Returns the
/// file to read, where that is not the one at `place`, the pickle in it, and TorchScript's program.
pub(super) fn to_read(bytes: &[u8], place: Place) -> Result<Checkpoint, String> {
    let (mut archive, misread) = opened(bytes)?;
    let names: Vec<String> = archive.file_names_raw().map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let pickle = pickle(&names)?;
    // Not `decompressed_size`: it does not know the size where that comes after the data, as in PyTorch's archives.
    let (mut unpacked, mut packed) = (0, misread);
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
    if is_script(&names) {
        let program = program(&mut archive, &names);
        let plain = with_dictionaries(&pickle).ok_or_else(|| damaged("its data.pkl is no pickle"))?;
        weigh::check(&plain, 1)?;
        let file = match place {
            Place::File(_) => Some(temporary(|file| parameters_alone(&mut archive, &plain, file))?),
            Place::Memory => None,
        };
        return Ok(Checkpoint { file, pickle, plain: Some(plain), program: Some(program) });
    }
    let file = match place {
        Place::Memory => None,
        // The library that reads the tensors reads archives as this one does. And `torch.save` does not compress: in an archive that somebody compressed, each tensor would be unpacked from the
        // beginning of its storage, and 20,000 tensors at the end of one storage would take hours.
        _ if packed => Some(temporary(|file| unpack(&mut archive, file))?),
        Place::File(Some(_)) => None,
        Place::File(None) => Some(temporary(|file| file.write_all(bytes))?),
    };
    Ok(Checkpoint { file, pickle, plain: None, program: None })
}

/// The archive, and whether its table of contents had to be looked for where it is. PyTorch's archives end with a 64-bit record that
/// they do not need, of 76 bytes. The library expects none and looks 76 bytes behind the beginning of the table, which it finds to
/// be right where the first member's name has 30 bytes: `a_name_of_21_letters_/data.pkl`.
pub(super) fn opened(bytes: &[u8]) -> Result<(Archive<'_>, bool), String> {
    ZipArchive::new(Cursor::new(bytes)).map(|archive| (archive, false)).or_else(|e| {
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let archive = ZipArchive::with_config(config, Cursor::new(bytes));
        archive.map(|archive| (archive, true)).map_err(|_| format!("a zip, truncated or damaged ({e}): fetch it again"))
    })
}

/// An archive, judged.
pub(super) struct Checkpoint {
    pub(super) file: Option<NamedTempFile>,
    pub(super) pickle: Vec<u8>,
    /// Of TorchScript, the pickle without its classes.
    pub(super) plain: Option<Vec<u8>>,
    pub(super) program: Option<Program>,
}

/// Whether a program is in it.
fn is_script(names: &[String]) -> bool {
    names.iter().any(|name| name.ends_with("constants.pkl") || name.contains("/code/"))
}

/// The numbers in the text of TorchScript's program.
fn program(archive: &mut Archive, names: &[String]) -> Program {
    let mut program = Program::default();
    let mut left = MAX_PROGRAM_BYTES;
    for (index, name) in names.iter().enumerate().filter(|(_, name)| name.contains("/code/") && name.ends_with(".py")) {
        let mut text = String::new();
        let Ok(member) = archive.by_index(index) else { continue };
        if member.take(left).read_to_string(&mut text).is_ok() {
            left -= text.len() as u64;
            program.add(name, text);
        }
    }
    program
}

/// Writes what a checkpoint has: the pickle, and the members with the tensors.
fn parameters_alone(archive: &mut Archive, pickle: &[u8], file: &mut NamedTempFile) -> std::io::Result<()> {
    let mut stored = ZipWriter::new(file);
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    stored.start_file("archive/data.pkl", options)?;
    stored.write_all(pickle)?;
    for index in 0..archive.len() {
        let member = archive.by_index(index)?;
        let name = String::from_utf8_lossy(member.name_raw()).into_owned();
        let inner = name.split_once('/').map_or(name.as_str(), |(_, inner)| inner).to_string();
        if !inner.starts_with("data/") && inner != "version" && inner != "byteorder" {
            continue;
        }
        let size = member.size();
        stored.start_file(format!("archive/{inner}"), options)?;
        std::io::copy(&mut member.take(size), &mut stored)?;
    }
    stored.finish()?;
    Ok(())
}

/// The index of the checkpoint's pickle among the members.
fn pickle(names: &[String]) -> Result<usize, String> {
    let any = |is: fn(&str) -> bool| names.iter().any(|name| is(name));
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
fn unpack(archive: &mut Archive, file: &mut NamedTempFile) -> std::io::Result<()> {
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
