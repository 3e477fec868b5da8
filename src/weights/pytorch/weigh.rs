//! How much memory a pickle would take, before it is run.
//!
//! A pickle is a program for a machine with a stack and a memo. The library that runs it copies whole objects where
//! Python shares them, counts only part of what it copies, and names every tensor by the keys on the way to it. After a
//! long key, a few bytes of `2` (duplicate) or `h` (fetch from the memo) then become gigabytes. So the same instructions
//! run here first, on sizes alone.

use std::collections::HashMap;

/// A checkpoint of DenseNet-264 with averaged weights and its optimizer's state has 184,000 instructions.
const MAX_INSTRUCTIONS: usize = 1 << 20;

/// What objects, copies of them and names of tensors may occupy if none is ever freed. That checkpoint makes 63 MB,
/// DenseNet-264 saved as a whole module 106 MB.
const MAX_BYTES: u64 = 256 << 20;

/// The bytes of one of the library's objects, on its stack, in its memo or in a table.
const OBJECT: u64 = 128;

/// What an object and everything in it would occupy.
#[derive(Clone, Copy, Default)]
struct Size {
    bytes: u64,
    /// The length of the longest text in it, or of a number as text: a key made of it is as long.
    text: u64,
    /// Where the memo has a copy.
    memo: Option<u32>,
    /// Tensors in it, and the bytes of their names as far as they are known: the part from here inwards.
    tensors: u64,
    names: u64,
}

impl Size {
    fn text(length: u64) -> Self {
        Size { bytes: OBJECT + length, text: length.max(20), ..Size::default() }
    }

    fn and(self, other: Size) -> Self {
        Size {
            bytes: self.bytes.saturating_add(other.bytes),
            text: self.text.max(other.text),
            memo: None,
            tensors: self.tensors.saturating_add(other.tensors),
            names: self.names.saturating_add(other.names),
        }
    }

    /// The same in a container, under a key of this length.
    fn under(self, key: u64) -> Self {
        Size { names: self.names.saturating_add(self.tensors.saturating_mul(key + 1)), ..self }
    }
}

/// Refuses bytes that begin with pickles, `count` at most, that would take too much. Bytes that are not a pickle are the
/// library's to refuse: it gets no further with them than this does.
pub(super) fn check(bytes: &[u8], count: usize) -> Result<(), String> {
    let mut machine = Machine { rest: bytes, ..Machine::default() };
    for _ in 0..count {
        if machine.run().is_none() {
            break;
        }
    }
    let Machine { instructions, made, .. } = machine;
    if instructions > MAX_INSTRUCTIONS {
        return Err(format!(
            "its pickle has more than {MAX_INSTRUCTIONS} instructions: too much is saved beside the weights"
        ));
    }
    if made > MAX_BYTES {
        return Err(format!(
            "its pickle makes more than {MAX_BYTES} bytes of objects and names, far more than a checkpoint does"
        ));
    }
    Ok(())
}

#[derive(Default)]
struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Size>,
    marks: Vec<usize>,
    memo: HashMap<u32, Size>,
    instructions: usize,
    /// The bytes of all objects that were ever made or copied.
    made: u64,
}

impl Machine<'_> {
    /// Runs one pickle to its end. None where it cannot go on, or must not.
    fn run(&mut self) -> Option<()> {
        (self.stack, self.marks, self.memo) = Default::default();
        loop {
            self.instructions += 1;
            if self.instructions > MAX_INSTRUCTIONS || self.made > MAX_BYTES {
                return None;
            }
            let [instruction] = self.take()?;
            if instruction == b'.' {
                // The library keeps each name twice.
                self.made = self.made.saturating_add(self.stack.pop()?.names.saturating_mul(2));
                return Some(());
            }
            self.step(instruction)?;
        }
    }

    fn step(&mut self, instruction: u8) -> Option<()> {
        match instruction {
            0x80 => drop(self.take::<1>()?),
            0x95 => drop(self.take::<8>()?),
            b'N' | 0x88 | 0x89 | b')' | b']' | b'}' | 0x8f => self.text(0),
            // Numbers, whose digits may become a key.
            b'K' => self.scalar::<1>()?,
            b'M' => self.scalar::<2>()?,
            b'J' => self.scalar::<4>()?,
            b'G' => self.scalar::<8>()?,
            b'I' | b'L' | b'F' | b'V' | b'P' => {
                // Latin-1, of which a byte may become two.
                let line = self.line()?;
                self.text(2 * line);
            }
            b'c' => {
                let length = self.line()? + self.line()?;
                self.text(length);
            }
            // Texts, bytes and long numbers after their length.
            b'U' | b'C' | 0x8a | 0x8c => self.counted::<1>()?,
            b'X' | b'T' | b'B' | 0x8b => self.counted::<4>()?,
            0x8d | 0x8e | 0x96 => self.counted::<8>()?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.stack.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b't' | b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                let held = self.list(&items);
                self.push(held);
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                let held = self.pairs(&items);
                self.push(held);
            }
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(instruction - 0x84))?;
                let items = self.stack.split_off(from);
                let held = self.list(&items);
                self.push(held);
            }
            b'a' => {
                let item = self.stack.pop()?;
                self.hold(|machine| machine.list(&[item]))?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.hold(|machine| machine.list(&items))?;
            }
            b's' => {
                let (value, key) = (self.stack.pop()?, self.stack.pop()?);
                self.hold(|machine| machine.pairs(&[key, value]))?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.hold(|machine| machine.pairs(&items))?;
            }
            b'2' => {
                let top = *self.stack.last()?;
                self.copy(top);
            }
            b'q' | b'r' | b'p' | 0x94 => {
                let index = match instruction {
                    b'q' => u32::from(self.take::<1>()?[0]),
                    b'r' => u32::from_le_bytes(self.take()?),
                    b'p' => self.number()?,
                    _ => self.memo.len() as u32,
                };
                self.stack.last_mut()?.memo = Some(index);
                let top = *self.stack.last()?;
                self.make(top.bytes);
                self.memo.insert(index, top);
            }
            b'h' | b'j' | b'g' => {
                let index = match instruction {
                    b'h' => u32::from(self.take::<1>()?[0]),
                    b'j' => u32::from_le_bytes(self.take()?),
                    _ => self.number()?,
                };
                let kept = *self.memo.get(&index)?;
                self.copy(kept);
            }
            // Calls and states: the result holds no more than what went in, and may be one more tensor.
            b'R' | 0x81 => self.call(2)?,
            b'b' => self.build()?,
            0x92 => self.call(3)?,
            0x93 => {
                let (name, module) = (self.stack.pop()?, self.stack.pop()?);
                self.text(name.text + module.text);
            }
            b'Q' => self.call(1)?,
            _ => return None,
        }
        Some(())
    }

    fn make(&mut self, bytes: u64) {
        self.made = self.made.saturating_add(bytes);
    }

    /// Pushes a text, a number, or another new object.
    fn text(&mut self, length: u64) {
        let size = Size::text(length);
        self.make(size.bytes);
        self.stack.push(size);
    }

    /// Pushes an object that holds objects from the stack.
    fn push(&mut self, size: Size) {
        self.make(OBJECT);
        self.stack.push(size);
    }

    /// Pushes a copy.
    fn copy(&mut self, size: Size) {
        self.make(size.bytes);
        self.stack.push(size);
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.rest = self.rest.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn scalar<const N: usize>(&mut self) -> Option<()> {
        self.take::<N>()?;
        self.text(0);
        Some(())
    }

    fn counted<const N: usize>(&mut self) -> Option<()> {
        let mut length = [0; 8];
        length[..N].copy_from_slice(&self.take::<N>()?);
        let length = u64::from_le_bytes(length);
        self.skip(length)?;
        self.text(length);
        Some(())
    }

    /// Skips a line and returns its length.
    fn line(&mut self) -> Option<u64> {
        let length = self.rest.iter().position(|byte| *byte == b'\n')?;
        self.rest = &self.rest[length + 1..];
        Some(length as u64)
    }

    fn number(&mut self) -> Option<u32> {
        let before = self.rest;
        let length = self.line()?;
        std::str::from_utf8(&before[..length as usize]).ok()?.trim_end_matches('\r').parse().ok()
    }

    fn pop_to_mark(&mut self) -> Option<Vec<Size>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    /// The items of a list, which are named by their index.
    fn list(&mut self, items: &[Size]) -> Size {
        items.iter().fold(Size::text(0), |all, item| all.and(item.under(20)))
    }

    fn pairs(&mut self, items: &[Size]) -> Size {
        items.chunks(2).fold(Size::text(0), |all, pair| match *pair {
            [key, value] => all.and(key).and(value.under(key.text)),
            _ => all,
        })
    }

    /// Puts into the container on top of the stack.
    fn hold(&mut self, more: impl FnOnce(&mut Self) -> Size) -> Option<()> {
        let more = more(self);
        let top = self.stack.last_mut()?;
        *top = Size { memo: top.memo, ..top.and(more) };
        Some(())
    }

    fn call(&mut self, parts: usize) -> Option<()> {
        let from = self.stack.len().checked_sub(parts)?;
        let parts = self.stack.split_off(from);
        let all = parts.into_iter().fold(Size::default(), Size::and);
        self.push(Size { tensors: all.tensors.saturating_add(1), ..all });
        Some(())
    }

    /// Gives an object its state, in the memo too.
    fn build(&mut self) -> Option<()> {
        let memo = self.stack.get(self.stack.len().checked_sub(2)?)?.memo;
        self.call(2)?;
        if let Some(index) = memo {
            let built = *self.stack.last()?;
            self.make(built.bytes);
            self.memo.insert(index, Size { memo, ..built });
        }
        Some(())
    }
}
