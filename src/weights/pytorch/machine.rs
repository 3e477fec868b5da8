//! A pickle's objects, without tensors' data and without running anything: what dictionaries hold and in which order, and of which
//! class an object is.
//!
//! The library that reads the tensors forgets both. Objects are numbers here, so that what a pickle shares is shared, and a circle
//! does no harm. [`weigh`](super::weigh) has bounded the number of instructions.

use std::collections::HashMap;

/// An object's number.
pub(super) type Id = usize;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node<'a> {
    Text(&'a str),
    Number(f64),
    Flag(bool),
    /// `module.name` of a class or function.
    Class(&'a str, &'a str),
    Items(Vec<Id>),
    Pairs(Vec<(Id, Id)>),
    /// What a class or function made: of which arguments, with which state, and with which items if it is a dictionary.
    Object {
        class: Id,
        arguments: Id,
        state: Option<Id>,
        pairs: Vec<(Id, Id)>,
    },
    /// A tensor's storage, by its description.
    Storage(Id),
    /// None, bytes, or anything else.
    Other,
}

/// The objects of one pickle.
#[derive(Debug, Default)]
pub(super) struct Machine<'a> {
    nodes: Vec<Node<'a>>,
    rest: &'a [u8],
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl<'a> Machine<'a> {
    /// Reads one pickle. None where it is not one, or uses what no checkpoint uses.
    pub(super) fn run(bytes: &'a [u8]) -> Option<(Machine<'a>, Id)> {
        let mut machine = Machine { rest: bytes, ..Machine::default() };
        loop {
            let [instruction] = machine.take()?;
            if instruction == b'.' {
                let root = machine.stack.pop()?;
                return Some((machine, root));
            }
            machine.step(instruction)?;
        }
    }

    /// Shows each instruction of one pickle, and the class where one is named.
    pub(super) fn trace(bytes: &'a [u8], mut show: impl FnMut(&[u8], Option<(&str, &str)>)) -> Option<()> {
        let mut machine = Machine { rest: bytes, ..Machine::default() };
        loop {
            let before = machine.rest;
            let [instruction] = machine.take()?;
            if instruction != b'.' {
                machine.step(instruction)?;
            }
            let class = match machine.stack.last().map(|&top| &machine.nodes[top]) {
                Some(Node::Class(module, name)) if instruction == b'c' => Some((*module, *name)),
                _ => None,
            };
            show(&before[..before.len() - machine.rest.len()], class);
            if instruction == b'.' {
                return Some(());
            }
        }
    }

    /// The pickle after some others.
    pub(super) fn run_after(bytes: &'a [u8], skipped: usize) -> Option<(Machine<'a>, Id)> {
        let mut rest = bytes;
        for _ in 0..skipped {
            rest = Machine::run(rest)?.0.rest;
        }
        Machine::run(rest)
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id]
    }

    /// What follows the pickle.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Every storage.
    pub(super) fn storages(&self) -> impl Iterator<Item = Id> {
        (0..self.nodes.len()).filter(|&id| matches!(self.nodes[id], Node::Storage(_)))
    }

    /// The value of a text key.
    pub(super) fn get(&self, pairs: &[(Id, Id)], key: &str) -> Option<Id> {
        pairs.iter().find(|(own, _)| self.nodes[*own] == Node::Text(key)).map(|(_, value)| *value)
    }

    fn step(&mut self, instruction: u8) -> Option<()> {
        match instruction {
            0x80 => drop(self.take::<1>()?),
            0x95 => drop(self.take::<8>()?),
            b'N' => self.push(Node::Other),
            0x88 | 0x89 => self.push(Node::Flag(instruction == 0x88)),
            b')' | b']' | 0x8f => self.push(Node::Items(Vec::new())),
            b'}' => self.push(Node::Pairs(Vec::new())),
            b'K' => {
                let [n] = self.take()?;
                self.push(Node::Number(f64::from(n)));
            }
            b'M' => {
                let n = u16::from_le_bytes(self.take()?);
                self.push(Node::Number(f64::from(n)));
            }
            b'J' => {
                let n = i32::from_le_bytes(self.take()?);
                self.push(Node::Number(f64::from(n)));
            }
            b'G' => {
                let n = f64::from_be_bytes(self.take()?);
                self.push(Node::Number(n));
            }
            b'I' | b'L' | b'F' | b'V' | b'P' => {
                self.line()?;
                self.push(Node::Other);
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Node::Class(module, name));
            }
            0x93 => {
                let (name, module) = (self.stack.pop()?, self.stack.pop()?);
                match (&self.nodes[module], &self.nodes[name]) {
                    (Node::Text(module), Node::Text(name)) => self.push(Node::Class(module, name)),
                    _ => return None,
                }
            }
            b'X' => self.text::<4>()?,
            0x8c => self.text::<1>()?,
            0x8d => self.text::<8>()?,
            // Python 2's texts.
            b'U' => self.text::<1>()?,
            b'T' => self.text::<4>()?,
            0x8a => {
                let bytes = self.bytes::<1>()?;
                self.push(whole(bytes).map_or(Node::Other, Node::Number));
            }
            b'C' => self.bytes::<1>().map(|_| self.push(Node::Other))?,
            b'B' | 0x8b => self.bytes::<4>().map(|_| self.push(Node::Other))?,
            0x8e | 0x96 => self.bytes::<8>().map(|_| self.push(Node::Other))?,
            b'(' => self.marks.push(self.stack.len()),
            b'0' if self.marks.last() == Some(&self.stack.len()) => drop(self.marks.pop()),
            b'0' => drop(self.stack.pop()?),
            b'1' => drop(self.pop_to_mark()?),
            b't' | b'l' | 0x91 => {
                let items = self.pop_to_mark()?;
                self.push(Node::Items(items));
            }
            b'd' => {
                let items = self.pop_to_mark()?;
                self.push(Node::Pairs(pairs(&items)));
            }
            0x85..=0x87 => {
                let from = self.stack.len().checked_sub(usize::from(instruction - 0x84))?;
                let items = self.stack.split_off(from);
                self.push(Node::Items(items));
            }
            b'a' => {
                let item = self.stack.pop()?;
                self.extend(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.pop_to_mark()?;
                self.extend(&items)?;
            }
            b's' => {
                let (value, key) = (self.stack.pop()?, self.stack.pop()?);
                self.insert(&[key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.insert(&items)?;
            }
            b'2' => self.stack.push(*self.stack.last()?),
            b'q' | b'r' | b'p' | 0x94 => {
                let index = match instruction {
                    b'q' => u32::from(self.take::<1>()?[0]),
                    b'r' => u32::from_le_bytes(self.take()?),
                    b'p' => self.line()?.parse().ok()?,
                    _ => self.memo.len() as u32,
                };
                self.memo.insert(index, *self.stack.last()?);
            }
            b'h' | b'j' | b'g' => {
                let index = match instruction {
                    b'h' => u32::from(self.take::<1>()?[0]),
                    b'j' => u32::from_le_bytes(self.take()?),
                    _ => self.line()?.parse().ok()?,
                };
                self.stack.push(*self.memo.get(&index)?);
            }
            b'R' | 0x81 => {
                let (arguments, class) = (self.stack.pop()?, self.stack.pop()?);
                self.push(Node::Object { class, arguments, state: None, pairs: Vec::new() });
            }
            0x92 => {
                let (_, arguments, class) = (self.stack.pop()?, self.stack.pop()?, self.stack.pop()?);
                self.push(Node::Object { class, arguments, state: None, pairs: Vec::new() });
            }
            b'b' => {
                let new = self.stack.pop()?;
                if let Node::Object { state, .. } = &mut self.nodes[*self.stack.last()?] {
                    *state = Some(new);
                }
            }
            b'Q' => {
                let description = self.stack.pop()?;
                self.push(Node::Storage(description));
            }
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, node: Node<'a>) {
        self.stack.push(self.nodes.len());
        self.nodes.push(node);
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*taken)
    }

    /// Bytes after their length, a number of `N` bytes.
    fn bytes<const N: usize>(&mut self) -> Option<&'a [u8]> {
        let mut length = [0; 8];
        length[..N].copy_from_slice(&self.take::<N>()?);
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(u64::from_le_bytes(length)).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn text<const N: usize>(&mut self) -> Option<()> {
        let bytes = self.bytes::<N>()?;
        self.push(std::str::from_utf8(bytes).map_or(Node::Other, Node::Text));
        Some(())
    }

    fn line(&mut self) -> Option<&'a str> {
        let length = self.rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&self.rest[..length]).ok()?;
        self.rest = &self.rest[length + 1..];
        Some(line.trim_end_matches('\r'))
    }

    fn pop_to_mark(&mut self) -> Option<Vec<Id>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn extend(&mut self, more: &[Id]) -> Option<()> {
        if let Node::Items(items) = &mut self.nodes[*self.stack.last()?] {
            items.extend_from_slice(more);
        }
        Some(())
    }

    fn insert(&mut self, more: &[Id]) -> Option<()> {
        if let Node::Pairs(own) | Node::Object { pairs: own, .. } = &mut self.nodes[*self.stack.last()?] {
            own.extend(pairs(more));
        }
        Some(())
    }
}

/// A whole number of Python, in bytes of a two's complement; None where it needs more than 52 bits.
fn whole(bytes: &[u8]) -> Option<f64> {
    let negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut all = [if negative { 0xff } else { 0 }; 8];
    all.get_mut(..bytes.len())?.copy_from_slice(bytes);
    let number = i64::from_le_bytes(all);
    (number.unsigned_abs() < 1 << 52).then_some(number as f64)
}

fn pairs(items: &[Id]) -> Vec<(Id, Id)> {
    items.as_chunks::<2>().0.iter().map(|[key, value]| (*key, *value)).collect()
}
