//! Reading protocol buffers out of memory without copies, through the crate rten-onnx.
//!
//! Its own messages copy every tensor, read graphs inside of graphs by recursion, as deep as a file nests them, and take a file
//! that ends early for whole; its numbers of variable length have no end where a file gives them none. Its iteration over
//! fields serves other messages too: those of messages.rs borrow from the file, and skip what is not needed.

use rten_onnx::protobuf::{ErrorKind, FieldTypes, FieldValue, Fields, ProtobufError, ReadValue};

/// Texts and bytes that stay where they are.
struct Borrowed<'a>(std::marker::PhantomData<&'a ()>);

impl<'a> FieldTypes for Borrowed<'a> {
    type String = &'a str;
    type Bytes = &'a [u8];
}

/// What the next varint is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Tag,
    Value,
    Length,
}

/// A reader that refuses lengths beyond the end of the file before the crate adds them to positions.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    next: Next,
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0, next: Next::Tag }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        self.next = Next::Tag;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len()).ok_or_else(cut_off)?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }
}

/// Not the end of a message, which is where a tag would be.
fn cut_off() -> ProtobufError {
    ProtobufError::new(ErrorKind::LengthMismatch)
}

impl<'a> ReadValue for Reader<'a> {
    type Types = Borrowed<'a>;

    fn read_i32(&mut self) -> Result<i32, ProtobufError> {
        let bytes = self.take(4)?;
        Ok(i32::from_le_bytes(*bytes.first_chunk().ok_or_else(cut_off)?))
    }

    fn read_i64(&mut self) -> Result<i64, ProtobufError> {
        let bytes = self.take(8)?;
        Ok(i64::from_le_bytes(*bytes.first_chunk().ok_or_else(cut_off)?))
    }

    fn read_varint(&mut self) -> Result<u64, ProtobufError> {
        let rest = &self.bytes[self.at..];
        if self.next == Next::Tag && rest.is_empty() {
            return Err(ProtobufError::new(ErrorKind::Eof));
        }
        let (value, length) = varint(rest)?;
        self.at += length;
        self.next = match (self.next, value & 7) {
            (Next::Tag, 0) => Next::Value,
            (Next::Tag, 2) => Next::Length,
            _ => {
                if self.next == Next::Length && value > (self.bytes.len() - self.at) as u64 {
                    return Err(cut_off());
                }
                Next::Tag
            }
        };
        Ok(value)
    }

    fn read_bytes(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        self.take(length)
    }

    fn read_string(&mut self, length: usize) -> Result<&'a str, ProtobufError> {
        std::str::from_utf8(self.take(length)?).map_err(|_| ProtobufError::new(ErrorKind::InvalidUtf8))
    }

    fn skip(&mut self, length: usize) -> Result<(), ProtobufError> {
        self.take(length).map(drop)
    }

    fn position(&self) -> u64 {
        self.at as u64
    }
}

/// A number of variable length, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Result<(u64, usize), ProtobufError> {
    let mut value = 0;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok((value, at + 1));
        }
    }
    Err(if bytes.len() < 10 { cut_off() } else { ProtobufError::new(ErrorKind::InvalidVarint) })
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    Int(u64),
    Fixed32([u8; 4]),
    Fixed64([u8; 8]),
    /// A text, a message, or several numbers.
    Bytes(&'a [u8]),
}

/// Why a message cannot be read.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is damaged.
    Damaged(String),
    /// It is larger than what is read.
    TooMuch(String),
}

impl From<ProtobufError> for Fault {
    fn from(error: ProtobufError) -> Self {
        Fault::Damaged(error.kind().to_string())
    }
}

/// Calls `each` for each field of a message, with its number.
pub(super) fn fields<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(u64, Content<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut reader = Reader::new(bytes);
    let mut fields = Fields::new(&mut reader, None);
    while let Some(mut field) = fields.next()? {
        let content = match field.value() {
            FieldValue::Varint(value) => Content::Int(value),
            FieldValue::I32(bits) => Content::Fixed32(bits.to_le_bytes()),
            FieldValue::I64(bits) => Content::Fixed64(bits.to_le_bytes()),
            FieldValue::Len(_) => Content::Bytes(field.read_bytes()?),
            FieldValue::Sgroup | FieldValue::Egroup => return Err(cut_off().into()),
        };
        each(field.number(), content)?;
    }
    Ok(())
}

impl<'a> Content<'a> {
    pub(super) fn bytes(self) -> Result<&'a [u8], Fault> {
        match self {
            Content::Bytes(bytes) => Ok(bytes),
            _ => Err(ProtobufError::new(ErrorKind::FieldTypeMismatch).into()),
        }
    }

    pub(super) fn text(self) -> Result<&'a str, Fault> {
        std::str::from_utf8(self.bytes()?).map_err(|_| ProtobufError::new(ErrorKind::InvalidUtf8).into())
    }

    pub(super) fn int(self) -> Result<i64, Fault> {
        match self {
            Content::Int(value) => Ok(value as i64),
            _ => Err(ProtobufError::new(ErrorKind::FieldTypeMismatch).into()),
        }
    }

    /// One of several integers, or all of them.
    pub(super) fn ints(self, into: &mut Vec<i64>) -> Result<(), Fault> {
        match self {
            Content::Bytes(bytes) => into.extend(varints(bytes)?),
            one => into.push(one.int()?),
        }
        Ok(())
    }

    /// One of several numbers of 32 bits, or all of them.
    pub(super) fn floats(self, into: &mut Vec<f32>) -> Result<(), Fault> {
        match self {
            Content::Fixed32(bytes) => into.push(f32::from_le_bytes(bytes)),
            other => into.extend(other.bytes()?.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b))),
        }
        Ok(())
    }

    /// One of several numbers of 64 bits, or all of them.
    pub(super) fn doubles(self, into: &mut Vec<f64>) -> Result<(), Fault> {
        match self {
            Content::Fixed64(bytes) => into.push(f64::from_le_bytes(bytes)),
            other => into.extend(other.bytes()?.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b))),
        }
        Ok(())
    }
}

/// Packed varints.
fn varints(mut bytes: &[u8]) -> Result<Vec<i64>, ProtobufError> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (value, length) = varint(bytes)?;
        all.push(value as i64);
        bytes = &bytes[length..];
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<u64>, Fault> {
        let mut numbers = Vec::new();
        fields(bytes, |number, _| {
            numbers.push(number);
            Ok(())
        })?;
        Ok(numbers)
    }

    #[test]
    fn fields_are_read_and_lengths_beyond_the_end_refused() {
        // An integer, a text, and numbers of 32 and 64 bits.
        let good = [&b"\x08\x96\x01\x12\x02ab\x1d\0\0\x80\x3f\x21"[..], &[0; 8]].concat();
        assert_eq!(read(&good).unwrap(), [1, 2, 3, 4]);
        for end in [1, 2, 4, 5, 6, 8, 11, 13, 19] {
            assert!(read(&good[..end]).is_err(), "{end}");
        }
        for bad in [
            &b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"[..],
            b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7fab",
            b"\x12\x03ab",
            b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x0b\x0c",
            b"\x0f\0",
        ] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn lists_are_packed_or_not() {
        let mut ints = Vec::new();
        Content::Bytes(b"\x01\xac\x02").ints(&mut ints).unwrap();
        Content::Int(u64::MAX).ints(&mut ints).unwrap();
        assert_eq!(ints, [1, 300, -1]);
        assert!(Content::Bytes(b"\x80").ints(&mut ints).is_err());
    }
}
