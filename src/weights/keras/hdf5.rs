//! HDF5 as Keras uses it: groups, attributes of strings, datasets of floats. All reading is metered.

use std::collections::HashMap;
use std::sync::Arc;

use hdf5_pure::{
    AttrValue, Dataset, Datatype, DatatypeByteOrder, File, FloatingPointLayout, FormatError, Group, Layout,
};

use super::super::source::Number;
use super::meter::{Meter, Metered};

/// Models, and the layers in them, are not nested deeper.
const DEEPEST: usize = 24;
/// A network of a thousand layers has some ten thousand groups and datasets.
const MAX_OBJECTS: usize = 100_000;

/// An open file, and what may still be read of it.
pub(super) struct Container {
    file: File,
    meter: Arc<Meter>,
    /// The file's length in bytes.
    length: u64,
    /// How many bytes all tensors together may still take.
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

/// A group and everything in it, in natural order.
pub(super) struct Folder {
    pub(super) group: Group,
    pub(super) folders: Vec<(String, Folder)>,
    pub(super) datasets: Vec<(String, Dataset)>,
}

impl Folder {
    pub(super) fn folder(&self, name: &str) -> Option<&Folder> {
        named(&self.folders, name)
    }

    /// The folder at a path with slashes.
    pub(super) fn at(&self, path: &str) -> Option<&Folder> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(self, |folder, name| folder.folder(name))
    }

    /// The dataset at a path with slashes.
    pub(super) fn dataset(&self, path: &str) -> Option<&Dataset> {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        named(&self.at(folder)?.datasets, name)
    }
}

fn named<'a, T>(sorted: &'a [(String, T)], name: &str) -> Option<&'a T> {
    let at = sorted.binary_search_by(|(other, _)| natural(other).cmp(&natural(name))).ok()?;
    Some(&sorted[at].1)
}

pub(super) type Attributes = HashMap<String, AttrValue>;

impl Container {
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        let length = bytes.len() as u64;
        // Reading takes the file's own length, and its table of contents several times over.
        let meter = Arc::new(Meter::new(4 * length + (8 << 20)));
        let file = File::from_source(Metered::new(bytes, Arc::clone(&meter))).map_err(|e| reason(&e))?;
        // Compression hardly shrinks weights, but it does shrink zeros.
        Ok(Container { file, meter, length, left: 8 * length + (1 << 20) })
    }

    pub(super) fn root(&self) -> Group {
        self.file.root()
    }

    /// Everything below a group except what `skip` names.
    pub(super) fn folder(&self, group: Group, skip: &[&str]) -> Result<Folder, String> {
        folder(group, skip, DEEPEST, &mut { MAX_OBJECTS })
    }

    /// The elements of a dataset that errors call `name`.
    pub(super) fn array(&mut self, name: &str, dataset: &Dataset) -> Result<Array, String> {
        let damaged = |e: hdf5_pure::Error| format!("tensor '{name}': {}", reason(&e));
        let shape = dataset.shape().map_err(damaged)?;
        let datatype = dataset.datatype().map_err(damaged)?;
        let (number, width, big_endian) = number(&datatype);
        let elements = shape.iter().try_fold(1u64, |product, &n| product.checked_mul(n));
        let size =
            elements.and_then(|n| n.checked_mul(width)).filter(|size| (1..=self.left).contains(size)).ok_or_else(
                || format!("tensor '{name}' of shape {shape:?} cannot lie in a file of {} bytes", self.length),
            )?;
        self.left -= size;
        if let Layout::Chunked { chunk_shape, .. } = dataset.layout().map_err(damaged)? {
            self.check_chunks(dataset, &shape, &chunk_shape, size)
                .map_err(|reason| format!("tensor '{name}': {reason}"))?;
        }
        let shape: Vec<usize> = shape.iter().map(|&n| n as usize).collect();
        if let Number::Other(_) = number {
            return Ok(Array { shape, number, bytes: Vec::new() });
        }
        let mut bytes = self.meter.within(2 * size + (64 << 10), || dataset.read_raw()).map_err(damaged)?;
        if bytes.len() as u64 != size {
            return Err(format!("tensor '{name}' of shape {shape:?} holds {} bytes, expected {size}", bytes.len()));
        }
        if big_endian {
            bytes.chunks_exact_mut(width as usize).for_each(<[u8]>::reverse);
        }
        Ok(Array { shape, number, bytes })
    }
}

impl Container {
    /// Refuses chunks in a number or size that no writer chooses, before memory is allocated for them: an index with a
    /// cycle holds any number of them.
    fn check_chunks(&self, dataset: &Dataset, shape: &[u64], chunk_shape: &[u64], size: u64) -> Result<(), String> {
        let width = dataset.element_size().map_err(|e| reason(&e))?;
        let chunk = chunk_shape.iter().try_fold(width, |product, &n| product.checked_mul(n));
        let expected = shape.iter().zip(chunk_shape).try_fold(1u64, |n, (&side, &step)| {
            n.checked_mul(if step == 0 { return None } else { side.div_ceil(step) })
        });
        let sound = |n: &u64| chunk.is_some_and(|bytes| bytes <= 4 * size + (1 << 20)) && *n <= size / 4096 + 64;
        let damaged = || format!("damaged: shape {shape:?} in chunks of {chunk_shape:?}");
        let expected = expected.filter(sound).ok_or_else(damaged)?;
        let chunks = self.meter.within(256 * expected + (16 << 10), || dataset.chunks()).map_err(|e| reason(&e))?;
        if chunks.len() as u64 > expected { Err(damaged()) } else { Ok(()) }
    }
}

/// The group of this name, if there is one.
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
        .ok_or_else(|| format!("not a weight file: it has more than {MAX_OBJECTS} HDF5 objects"))?;
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

/// The key that sorts `conv2d`, `conv2d_2` and `conv2d_10` in this order: the name before its last number, then the number.
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
    use hdf5_pure::Error;
    match error {
        Error::Format(
            FormatError::UnsupportedVersion(_)
            | FormatError::InvalidLayoutVersion(_)
            | FormatError::UnsupportedFilter(_),
        ) => format!("HDF5 of a kind that is not read here ({error}): save it again with h5py's default settings"),
        Error::Format(FormatError::Source(reason)) => format!("a damaged HDF5 file: {reason}"),
        _ => format!("a damaged or truncated HDF5 file ({error}): fetch it again"),
    }
}
