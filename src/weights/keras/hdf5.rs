//! HDF5 as Keras uses it: groups, attributes of strings, datasets of floats. All reading is metered.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use hdf5_pure::{AttrValue, Dataset, Datatype, DatatypeByteOrder, File, FloatingPointLayout, FormatError, Group, Layout};

use super::super::source::Number;

/// Nobody nests models, and layers in them, deeper.
const DEEPEST: usize = 24;
/// A network of a thousand layers has some ten thousand groups and datasets.
const MOST_OBJECTS: usize = 100_000;

/// An open file, and what may still be read of it.
pub(super) struct Container {
    file: File,
    /// Of the file, in bytes.
    length: u64,
    /// What all tensors together may still take, in bytes.
    left: u64,
}

/// A tensor as the file has it.
#[derive(Clone, Debug)]
pub(super) struct Array {
    pub(super) shape: Vec<usize>,
    pub(super) number: Number,
    /// Little-endian, row-major.
    pub(super) bytes: Vec<u8>,
}

/// A group with all that lies in it, in the order of natural sorting.
pub(super) struct Folder {
    pub(super) group: Group,
    pub(super) folders: Vec<(String, Folder)>,
    pub(super) datasets: Vec<(String, Dataset)>,
}

impl Folder {
    pub(super) fn folder(&self, name: &str) -> Option<&Folder> {
        self.folders.iter().find_map(|(n, folder)| (n == name).then_some(folder))
    }
}

pub(super) type Attributes = HashMap<String, AttrValue>;

impl Container {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        let length = bytes.len() as u64;
        // Links and heaps may name the same bytes any number of times, and the crate reads them each time. What a file
        // really needs is its own length and its table of contents some times over.
        let source = Metered { bytes, left: AtomicU64::new(16 * length + (64 << 20)) };
        let file = File::from_source(source).map_err(|e| reason(&e))?;
        // Compressed weights hardly shrink, but zeros do.
        Ok(Container { file, length, left: 16 * length + (1 << 20) })
    }

    pub(super) fn root(&self) -> Group {
        self.file.root()
    }

    /// Everything below a group but what `skip` names.
    pub(super) fn folder(&self, group: Group, skip: &[&str]) -> Result<Folder, String> {
        folder(group, skip, DEEPEST, &mut { MOST_OBJECTS })
    }

    /// The elements of a dataset, `name` being what errors call it.
    pub(super) fn array(&mut self, name: &str, dataset: &Dataset) -> Result<Array, String> {
        let damaged = |e: hdf5_pure::Error| format!("tensor '{name}': {}", reason(&e));
        let shape = dataset.shape().map_err(damaged)?;
        let datatype = dataset.datatype().map_err(damaged)?;
        let (number, width, big_endian) = number(&datatype);
        let elements = shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
        let size = elements.and_then(|n| n.checked_mul(width)).filter(|size| *size <= self.left).ok_or_else(|| {
            format!("tensor '{name}' of shape {shape:?} cannot lie in a file of {} bytes", self.length)
        })?;
        self.left -= size;
        if let Layout::Chunked { chunk_shape, .. } = dataset.layout().map_err(damaged)? {
            let chunk = chunk_shape.iter().try_fold(width, |product, &n| product.checked_mul(n));
            let count = shape.iter().zip(&chunk_shape).try_fold(1u64, |n, (&side, &step)| {
                n.checked_mul(side.checked_div(step).and_then(|whole| whole.checked_add(1))?)
            });
            let sound = chunk.is_some_and(|bytes| bytes <= 4 * size + (1 << 20))
                && count.is_some_and(|n| n <= self.length / 8 + 16);
            if !sound {
                return Err(format!("tensor '{name}' of shape {shape:?} lies in chunks of {chunk_shape:?}: damaged"));
            }
        }
        let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        if let Number::Other(_) = number {
            return Ok(Array { shape, number, bytes: Vec::new() });
        }
        let mut bytes = dataset.read_raw().map_err(damaged)?;
        if bytes.len() as u64 != size {
            return Err(format!("tensor '{name}' of shape {shape:?} holds {} bytes, expected {size}", bytes.len()));
        }
        if big_endian {
            bytes.chunks_exact_mut(width as usize).for_each(<[u8]>::reverse);
        }
        Ok(Array { shape, number, bytes })
    }
}

/// Whether it is there, and a group.
pub(super) fn subgroup(group: &Group, name: &str) -> Option<Group> {
    group.group(name).ok()
}

pub(super) fn attributes(group: &Group) -> Result<Attributes, String> {
    group.attrs().map_err(|e| reason(&e))
}

/// The strings of an attribute. Keras splits what exceeds 64 kB into `name0`, `name1`, ...
pub(super) fn strings(attributes: &Attributes, name: &str) -> Option<Vec<String>> {
    // NumPy makes an empty list an array of floats.
    let list = |value: &AttrValue| value.as_strings().map_or_else(Vec::new, <[String]>::to_vec);
    if let Some(value) = attributes.get(name) {
        return Some(list(value));
    }
    let parts: Vec<_> = (0..).map_while(|i| attributes.get(&format!("{name}{i}"))).flat_map(list).collect();
    (!parts.is_empty()).then_some(parts)
}

pub(super) fn string(attributes: &Attributes, name: &str) -> Option<String> {
    attributes.get(name)?.as_str().map(str::to_string)
}

fn folder(group: Group, skip: &[&str], depth: usize, left: &mut usize) -> Result<Folder, String> {
    if depth == 0 {
        return Err(format!("damaged: its HDF5 groups are nested deeper than {DEEPEST}, or in a circle"));
    }
    let mut datasets: Vec<_> = group.iter_datasets().map_err(|e| reason(&e))?.collect();
    let groups: Vec<_> = group.iter_groups().map_err(|e| reason(&e))?.collect();
    *left = left
        .checked_sub(datasets.len() + groups.len())
        .ok_or_else(|| format!("no weight file: it has more than {MOST_OBJECTS} HDF5 objects"))?;
    let mut folders = Vec::new();
    for (name, inner) in groups {
        if !skip.contains(&name.as_str()) {
            folders.push((name, folder(inner, skip, depth - 1, left)?));
        }
    }
    folders.sort_by(|(a, _), (b, _)| natural(a).cmp(&natural(b)));
    datasets.sort_by(|(a, _), (b, _)| natural(a).cmp(&natural(b)));
    Ok(Folder { group, folders, datasets })
}

/// What sorts `conv2d`, `conv2d_2` and `conv2d_10` in this order: the name before its last number, then the number.
fn natural(name: &str) -> (&str, Option<u64>, &str) {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name[stem.len()..].parse().ok();
    (if number.is_some() { stem.trim_end_matches('_') } else { name }, number, name)
}

/// The type of the elements, their width in bytes, and whether the most significant byte comes first.
fn number(datatype: &Datatype) -> (Number, u64, bool) {
    let other = |what: String| (Number::Other(what), u64::from(datatype.type_size()), false);
    let Datatype::FloatingPoint { size, byte_order, layout } = datatype else {
        return other(format!("HDF5 elements of {} bytes that are no floats", datatype.type_size()));
    };
    let big_endian = match byte_order {
        DatatypeByteOrder::LittleEndian => false,
        DatatypeByteOrder::BigEndian => true,
        DatatypeByteOrder::Vax => return other("VAX floats".into()),
    };
    let number = match (size, layout.exponent_size, layout.mantissa_size) {
        (4, ..) if *layout == FloatingPointLayout::IEEE754_BINARY32 => Number::F32,
        (8, ..) if *layout == FloatingPointLayout::IEEE754_BINARY64 => Number::F64,
        (2, 5, 10) => Number::F16,
        (2, 8, 7) => Number::BF16,
        _ => return other(format!("HDF5 floats of {size} bytes in a layout of their own")),
    };
    (number, u64::from(*size), big_endian)
}

fn reason(error: &hdf5_pure::Error) -> String {
    format!("a damaged or truncated HDF5 file ({error}): fetch it again")
}

/// The file's bytes, and how many may still be read of them: whatever the crate does costs reading.
struct Metered {
    bytes: Vec<u8>,
    left: AtomicU64,
}

impl hdf5_pure::Source for Metered {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), FormatError> {
        // Even a read of nothing costs something, or a circle of them would not end.
        let cost = buffer.len() as u64 + 8;
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost)).is_err() {
            return Err(FormatError::Source("its parts name each other over and over".into()));
        }
        let from = usize::try_from(offset).ok().and_then(|at| self.bytes.get(at..)?.get(..buffer.len()));
        let from = from.ok_or(FormatError::UnexpectedEof {
            expected: (offset as usize).saturating_add(buffer.len()),
            available: self.bytes.len(),
        })?;
        buffer.copy_from_slice(from);
        Ok(())
    }
}
