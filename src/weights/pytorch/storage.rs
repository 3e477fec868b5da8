//! Storages, and tensors as views of them, for files in memory.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::source::Number;
use super::found::Found;
use super::machine::{Id, Machine, Node};

/// The bytes of each storage, by its key.
pub(super) type Storages<'a> = HashMap<String, Cow<'a, [u8]>>;

/// A storage as a pickle describes it: ('storage', type, key, place, elements, view of it or None).
pub(super) struct Declared {
    pub(super) key: String,
    /// The type of its elements, and the bytes of each. None where it has bytes, and the tensors say what they are.
    pub(super) number: Option<(Number, usize)>,
    elements: usize,
    /// Where a tensor's offset counts from, and where it must end: a part of the storage in files of before 0.4.
    pub(super) first: usize,
    pub(super) end: usize,
}

impl Declared {
    pub(super) fn read(machine: &Machine, id: Id) -> Result<Declared, String> {
        let wrong = || "a storage that is described wrongly".to_string();
        let Node::Storage(description) = machine.node(id) else { return Err(wrong()) };
        let Node::Items(fields) = machine.node(*description) else { return Err(wrong()) };
        let [tag, kind, key, _, elements, view @ ..] = &fields[..] else { return Err(wrong()) };
        let kind = match (machine.node(*tag), machine.node(*kind)) {
            (Node::Text("storage"), Node::Class(_, kind) | Node::Text(kind)) => *kind,
            _ => return Err(wrong()),
        };
        let number = match kind {
            "UntypedStorage" => None,
            _ => Some(of_storage(kind).ok_or_else(|| format!("tensors of torch.{kind}, which are not read"))?),
        };
        let key = key_of(machine, *key).ok_or_else(wrong)?;
        let elements = size(machine, *elements)?;
        let (first, end) = match view.first().map(|&view| machine.node(view)) {
            None | Some(Node::Other) => (0, elements),
            Some(Node::Items(view)) if view.len() == 3 && number.is_some() => {
                let first = size(machine, view[1])?;
                let end = first.checked_add(size(machine, view[2])?).filter(|&end| end <= elements);
                (first, end.ok_or_else(wrong)?)
            }
            _ => return Err(wrong()),
        };
        Ok(Declared { key, number, elements, first, end })
    }

    /// Bytes of an element.
    pub(super) fn width(&self) -> usize {
        self.number.as_ref().map_or(1, |(_, width)| *width)
    }

    /// Bytes of it all.
    pub(super) fn bytes(&self) -> usize {
        self.elements.saturating_mul(self.width())
    }
}

/// A tensor: a view of a storage, which it fits by what the pickle says.
pub(super) struct View {
    name: String,
    shape: Vec<usize>,
    strides: Vec<usize>,
    offset: usize,
    number: Number,
    /// Bytes of an element.
    width: usize,
    storage: String,
}

impl View {
    /// `own` is the tensor's own type, if it has one. The strides and the offset count elements.
    pub(super) fn new(
        name: String,
        storage: Declared,
        own: Option<&str>,
        offset: usize,
        [shape, strides]: [Vec<usize>; 2],
    ) -> Result<View, String> {
        let number = match own {
            Some(kind) => Some(of_tensor(kind).ok_or_else(|| format!("tensors of torch.{kind}, which are not read"))?),
            None => storage.number.clone(),
        };
        let (number, width) = number.ok_or_else(|| format!("tensor '{name}' is of no type"))?;
        let reachable = if storage.number.is_some() { storage.end } else { storage.end / width };
        let is_other = storage.number.is_some_and(|(stored, _)| stored != number);
        let fits = || {
            let elements = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side))?;
            let within = elements.checked_mul(width).is_some_and(|bytes| bytes <= isize::MAX as usize);
            let first = offset.checked_add(storage.first)?;
            let last = shape
                .iter()
                .zip(&strides)
                .try_fold(first, |last, (&n, &stride)| last.checked_add(n.saturating_sub(1).checked_mul(stride)?))?;
            let end = if elements == 0 { first } else { last.checked_add(1)? };
            (within && end <= reachable && shape.len() == strides.len()).then_some(first)
        };
        match fits() {
            Some(offset) if !is_other => Ok(View { name, shape, strides, offset, number, width, storage: storage.key }),
            _ => Err(format!("tensor '{name}' of shape {shape:?} and strides {strides:?} does not fit its storage")),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// With the storages' bytes.
    pub(super) fn found<'a>(self, storages: &'a Storages) -> Found<'a> {
        Found {
            name: self.name.clone(),
            shape: self.shape.clone(),
            number: self.number.clone(),
            byte_len: self.shape.iter().product::<usize>() * self.width,
            read: Box::new(move || self.read(storages)),
        }
    }

    fn read(&self, storages: &Storages) -> Result<Vec<u8>, String> {
        let (name, key) = (&self.name, &self.storage);
        let bytes = storages.get(key).ok_or_else(|| format!("tensor '{name}': there is no storage '{key}'"))?;
        let elements: usize = self.shape.iter().product();
        if elements == 0 {
            return Ok(Vec::new());
        }
        let at = |first: usize, count: usize| {
            let start = first.checked_mul(self.width)?;
            bytes.get(start..start.checked_add(count.checked_mul(self.width)?)?)
        };
        let short = || format!("tensor '{name}' needs more than the {} bytes of storage '{key}'", bytes.len());
        if self.is_row_major() {
            return at(self.offset, elements).map(<[u8]>::to_vec).ok_or_else(short);
        }
        let mut data = Vec::new();
        let mut index = vec![0; self.shape.len()];
        loop {
            let place: usize = index.iter().zip(&self.strides).map(|(i, stride)| i * stride).sum();
            data.extend_from_slice(at(self.offset + place, 1).ok_or_else(short)?);
            let Some(axis) = (0..index.len()).rev().find(|&axis| index[axis] + 1 < self.shape[axis]) else {
                return Ok(data);
            };
            index[axis] += 1;
            index[axis + 1..].fill(0);
        }
    }

    /// Whether its elements lie one behind the other. The stride of an axis of one place says nothing.
    fn is_row_major(&self) -> bool {
        let mut next = 1;
        self.shape.iter().zip(&self.strides).rev().all(|(&n, &stride)| {
            let fits = n == 1 || stride == next;
            next *= n;
            fits
        })
    }
}

/// A key: a text, or a number.
pub(super) fn key_of(machine: &Machine, id: Id) -> Option<String> {
    match machine.node(id) {
        Node::Text(key) => Some(key.to_string()),
        Node::Number(key) => Some(key.to_string()),
        _ => None,
    }
}

pub(super) fn size(machine: &Machine, id: Id) -> Result<usize, String> {
    match machine.node(id) {
        Node::Number(n) if *n >= 0.0 && n.fract() == 0.0 && *n <= 9e15 => {
            usize::try_from(*n as u64).map_err(|_| format!("a size of {n}"))
        }
        _ => Err("a size that is not a number".into()),
    }
}

pub(super) fn sizes(machine: &Machine, id: Id) -> Result<Vec<usize>, String> {
    match machine.node(id) {
        Node::Items(items) => items.iter().map(|&item| size(machine, item)).collect(),
        _ => Err("sizes that are not a list".into()),
    }
}

/// The type of a storage's elements by its class, and their bytes.
fn of_storage(class: &str) -> Option<(Number, usize)> {
    let other = |name: &str, width| Some((Number::Other(name.into()), width));
    match class {
        "FloatStorage" => Some((Number::F32, 4)),
        "DoubleStorage" => Some((Number::F64, 8)),
        "HalfStorage" => Some((Number::F16, 2)),
        "BFloat16Storage" => Some((Number::BF16, 2)),
        "LongStorage" => other("I64", 8),
        "IntStorage" => other("I32", 4),
        "ShortStorage" => other("I16", 2),
        "CharStorage" => other("I8", 1),
        "ByteStorage" => other("U8", 1),
        "BoolStorage" => other("Bool", 1),
        _ => None,
    }
}

/// The same by the name of a tensor's own type.
fn of_tensor(name: &str) -> Option<(Number, usize)> {
    match name {
        "float32" | "float" => of_storage("FloatStorage"),
        "float64" | "double" => of_storage("DoubleStorage"),
        "float16" | "half" => of_storage("HalfStorage"),
        "bfloat16" => of_storage("BFloat16Storage"),
        "int64" | "long" => of_storage("LongStorage"),
        "int32" | "int" => of_storage("IntStorage"),
        "int16" | "short" => of_storage("ShortStorage"),
        "int8" => of_storage("CharStorage"),
        "uint8" => of_storage("ByteStorage"),
        "bool" => of_storage("BoolStorage"),
        "uint64" => Some((Number::Other("U64".into()), 8)),
        "uint32" => Some((Number::Other("U32".into()), 4)),
        "uint16" => Some((Number::Other("U16".into()), 2)),
        _ => None,
    }
}
