//! Constants of a graph: the tensors of the file, and what is computed from them alone.

use std::borrow::Cow;
use std::rc::Rc;

use half::{bf16, f16};

use super::super::source::{Entry, Number};
use super::external::Folder;
use super::messages::Tensor;

/// Shapes, axes and indices are shorter.
pub(super) const MAX_INTS: usize = 1 << 16;

/// An array.
#[derive(Clone)]
pub(super) struct Constant<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) data: Data<'a>,
}

/// Its elements.
#[derive(Clone)]
pub(super) enum Data<'a> {
    /// Little-endian.
    Floats(Number, Cow<'a, [u8]>),
    Ints(Rc<[i64]>),
    /// A type that weights cannot have, by its name.
    Other(String),
}

impl<'a> Constant<'a> {
    /// A tensor of the file.
    pub(super) fn read(tensor: &Tensor<'a>, folder: &mut Folder) -> Result<Self, String> {
        let name: String = tensor.name.chars().take(200).collect();
        let shape = tensor.dims.iter().map(|&side| usize::try_from(side).ok()).collect::<Option<Vec<_>>>();
        let elements = shape.as_ref().and_then(|shape| shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side)));
        let (Some(shape), Some(elements)) = (shape, elements) else {
            return Err(format!("tensor '{name}' has the impossible shape {:?}", tensor.dims));
        };
        let data = data(tensor, elements, folder).map_err(|reason| format!("tensor '{name}' {reason}"))?;
        Ok(Constant { name, shape, data })
    }

    pub(super) fn ints(name: &str, shape: Vec<usize>, numbers: Vec<i64>) -> Self {
        Constant { name: name.into(), shape, data: Data::Ints(numbers.into()) }
    }

    pub(super) fn floats(name: &str, shape: Vec<usize>, numbers: &[f64]) -> Self {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        Constant { name: name.into(), shape, data: Data::Floats(Number::F64, Cow::Owned(bytes)) }
    }

    pub(super) fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Its elements as integers, of which there are few.
    pub(super) fn as_ints(&self) -> Option<&[i64]> {
        match &self.data {
            Data::Ints(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// Its elements, whatever kind of numbers they are.
    pub(super) fn numbers(&self) -> Result<Vec<f64>, String> {
        match &self.data {
            Data::Ints(numbers) => Ok(numbers.iter().map(|&n| n as f64).collect()),
            Data::Floats(Number::F64, bytes) => {
                Ok(bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
            }
            Data::Floats(..) => Ok(self.entry()?.decode()?.into_iter().map(f64::from).collect()),
            Data::Other(kind) => Err(format!("tensor '{}' holds {kind}", self.name)),
        }
    }

    /// The one number that it is.
    pub(super) fn number(&self) -> Option<f64> {
        (self.len() == 1).then(|| self.numbers().ok()?.first().copied())?
    }

    /// As weights.
    pub(super) fn entry(&self) -> Result<Entry<'a>, String> {
        let (number, bytes) = match &self.data {
            Data::Floats(number, bytes) => (number.clone(), bytes.clone()),
            Data::Ints(numbers) => {
                (Number::F64, Cow::Owned(numbers.iter().flat_map(|&n| (n as f64).to_le_bytes()).collect()))
            }
            Data::Other(kind) => (Number::Other(kind.clone()), Cow::Borrowed(&[][..])),
        };
        Ok(Entry { name: self.name.clone(), shape: self.shape.clone(), number, bytes })
    }
}

/// Bytes of an element.
pub(super) fn width(number: &Number) -> usize {
    match number {
        Number::F16 | Number::BF16 => 2,
        Number::F32 => 4,
        Number::F64 => 8,
        Number::Other(_) => 1,
    }
}

fn data<'a>(tensor: &Tensor<'a>, elements: usize, folder: &mut Folder) -> Result<Data<'a>, String> {
    let number = match tensor.kind {
        1 => Some(Number::F32),
        10 => Some(Number::F16),
        11 => Some(Number::F64),
        16 => Some(Number::BF16),
        _ => None,
    };
    let raw: Option<Cow<'a, [u8]>> = match (tensor.is_external, tensor.raw) {
        (true, _) => Some(Cow::Owned(folder.read(&tensor.external)?)),
        (false, Some(raw)) => Some(Cow::Borrowed(raw)),
        (false, None) => None,
    };
    let Some(number) = number else { return integers(tensor, elements, raw.as_deref()) };
    let expected = elements.checked_mul(width(&number)).ok_or("has a shape whose size overflows")?;
    let bytes: Cow<'a, [u8]> = match (raw, &number) {
        (Some(raw), _) => raw,
        (None, Number::F32) => bytes_of(&tensor.floats, |x| x.to_le_bytes()),
        (None, Number::F64) => bytes_of(&tensor.doubles, |x| x.to_le_bytes()),
        (None, Number::F16) => bytes_of(&tensor.ints, |bits| f16::from_bits(bits as u16).to_le_bytes()),
        (None, _) => bytes_of(&tensor.ints, |bits| bf16::from_bits(bits as u16).to_le_bytes()),
    };
    if bytes.len() != expected {
        return Err(format!("of shape {:?} holds {} bytes, expected {expected}", tensor.dims, bytes.len()));
    }
    Ok(Data::Floats(number, bytes))
}

fn bytes_of<'a, T: Copy, const N: usize>(numbers: &[T], bytes: impl Fn(T) -> [u8; N]) -> Cow<'a, [u8]> {
    Cow::Owned(numbers.iter().flat_map(|x| bytes(*x)).collect())
}

fn integers<'a>(tensor: &Tensor<'a>, elements: usize, raw: Option<&[u8]>) -> Result<Data<'a>, String> {
    const NAMES: [&str; 17] = [
        "nothing",
        "FLOAT",
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "STRING",
        "BOOL",
        "FLOAT16",
        "DOUBLE",
        "UINT32",
        "UINT64",
        "COMPLEX64",
        "COMPLEX128",
        "BFLOAT16",
    ];
    let name = usize::try_from(tensor.kind).ok().and_then(|kind| NAMES.get(kind)).copied().unwrap_or("unknown numbers");
    if elements > MAX_INTS {
        return Ok(Data::Other(name.into()));
    }
    let numbers: Vec<i64> = match (tensor.kind, raw) {
        (7, Some(raw)) => raw.as_chunks().0.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect(),
        (6, Some(raw)) => raw.as_chunks().0.iter().map(|bytes| i64::from(i32::from_le_bytes(*bytes))).collect(),
        (2 | 9, Some(raw)) => raw.iter().map(|byte| i64::from(*byte)).collect(),
        (3, Some(raw)) => raw.iter().map(|byte| i64::from(*byte as i8)).collect(),
        (7, None) => tensor.longs.clone(),
        (2 | 3 | 6 | 9, None) => tensor.ints.clone(),
        _ => return Ok(Data::Other(name.into())),
    };
    if numbers.len() != elements {
        return Err(format!("of shape {:?} holds {} elements", tensor.dims, numbers.len()));
    }
    Ok(Data::Ints(numbers.into()))
}
