//! The attributes of a node.

use super::messages::{Attribute, Node, Tensor};

/// What was set, by name.
pub(super) struct Attributes<'n, 'a>(&'n [Attribute<'a>]);

impl<'n, 'a> Attributes<'n, 'a> {
    pub(super) fn of(node: &'n Node<'a>) -> Self {
        Attributes(&node.attributes)
    }

    fn get(&self, name: &str) -> Option<&'n Attribute<'a>> {
        self.0.iter().find(|attribute| attribute.name == name)
    }

    pub(super) fn int(&self, name: &str) -> Option<i64> {
        self.get(name)?.int
    }

    pub(super) fn ints(&self, name: &str) -> Option<&'n [i64]> {
        self.get(name).map(|attribute| attribute.ints.as_slice())
    }

    /// As written, not as the nearest number of 32 bits: 1e-5.
    pub(super) fn float(&self, name: &str) -> Option<f64> {
        let float = self.get(name)?.float?;
        float.to_string().parse().ok()
    }

    pub(super) fn floats(&self, name: &str) -> Option<&'n [f32]> {
        self.get(name).map(|attribute| attribute.floats.as_slice())
    }

    pub(super) fn text(&self, name: &str) -> Option<&'n str> {
        std::str::from_utf8(self.get(name)?.text?).ok()
    }

    pub(super) fn tensor(&self, name: &str) -> Option<&'n Tensor<'a>> {
        self.get(name)?.tensor.as_deref()
    }

    pub(super) fn axis(&self, name: &str) -> Option<isize> {
        self.int(name).and_then(|axis| isize::try_from(axis).ok())
    }

    /// Numbers that are not negative: of a window's two sides, or four.
    pub(super) fn sides<const N: usize>(&self, name: &str) -> Result<Option<[usize; N]>, String> {
        let Some(ints) = self.ints(name) else { return Ok(None) };
        let sides: Option<Vec<usize>> =
            ints.iter().map(|&n| usize::try_from(n).ok().filter(|n| *n <= 1 << 20)).collect();
        let sides = sides.and_then(|sides| sides.try_into().ok());
        sides.map(Some).ok_or_else(|| format!("its {name} are {:?}, expected {N} numbers", &ints[..ints.len().min(8)]))
    }
}
