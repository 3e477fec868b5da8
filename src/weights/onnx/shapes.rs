//! Shapes that a graph computes while it runs, such as `x.view(x.size(0), -1)`: followed as far as it takes to know which side is
//! which.

use super::super::graph::{NodeId, Side};

/// A side of a shape, or a number computed from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Int(i64),
    /// As long as an axis of a node's result.
    Of(NodeId, usize),
    Unknown,
}

/// A list of sides, or a single one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) sides: Vec<Extent>,
    pub(super) scalar: bool,
}

impl Shape {
    pub(super) fn list(sides: Vec<Extent>) -> Self {
        Shape { sides, scalar: false }
    }

    pub(super) fn ints(ints: &[i64], scalar: bool) -> Self {
        Shape { sides: ints.iter().map(|&n| Extent::Int(n)).collect(), scalar }
    }

    /// The elements of these numbers.
    pub(super) fn gather(&self, indices: &[i64], scalar: bool) -> Option<Self> {
        let count = self.sides.len() as i64;
        let at = |i: &i64| usize::try_from(if *i < 0 { i + count } else { *i }).ok();
        let sides = indices.iter().map(|i| self.sides.get(at(i)?).copied()).collect::<Option<_>>()?;
        Some(Shape { sides, scalar })
    }

    /// The elements from one number to another.
    pub(super) fn slice(&self, start: i64, end: i64, step: i64) -> Option<Self> {
        let indices = slice(self.sides.len(), start, end, step)?;
        self.gather(&indices.iter().map(|&i| i as i64).collect::<Vec<_>>(), false)
    }

    /// What is computed from it element by element: known where its elements are.
    pub(super) fn with(&self, other: &Shape, apply: impl Fn(i64, i64) -> Option<i64>) -> Self {
        let count = self.sides.len().max(other.sides.len());
        let at = |shape: &Shape, i: usize| shape.sides.get(if shape.sides.len() == 1 { 0 } else { i }).copied();
        let sides = (0..count).map(|i| match (at(self, i), at(other, i)) {
            (Some(Extent::Int(a)), Some(Extent::Int(b))) => apply(a, b).map_or(Extent::Unknown, Extent::Int),
            _ => Extent::Unknown,
        });
        Shape { sides: sides.collect(), scalar: self.scalar && other.scalar }
    }

    /// As the new shape of what `read` yields, whose axes stay where a side is 0, unless `zero` allows none.
    pub(super) fn target(&self, read: NodeId, zero: bool) -> Vec<Side> {
        let side = |(at, extent): (usize, &Extent)| match *extent {
            Extent::Int(-1) => Side::Rest,
            Extent::Int(0) if !zero => Side::Of(read, at),
            Extent::Int(n) => usize::try_from(n).map_or(Side::Unknown, Side::Known),
            Extent::Of(node, axis) => Side::Of(node, axis),
            Extent::Unknown => Side::Unknown,
        };
        self.sides.iter().enumerate().map(side).collect()
    }
}

/// The numbers of the elements that a slice of `count` takes, as in Python. None of a step of 0.
pub(super) fn slice(count: usize, start: i64, end: i64, step: i64) -> Option<Vec<usize>> {
    let count = count as i64;
    let bound = |at: i64, least: i64, most: i64| if at < 0 { at.saturating_add(count) } else { at }.clamp(least, most);
    match step {
        1.. => {
            let (start, end) = (bound(start, 0, count), bound(end, 0, count));
            Some((start..end.max(start)).step_by(usize::try_from(step).ok()?).map(|i| i as usize).collect())
        }
        ..=-1 => {
            let (start, end) = (bound(start, -1, count - 1), bound(end, -1, count - 1));
            let step = usize::try_from(step.checked_neg()?).ok()?;
            Some((end + 1..=start).rev().step_by(step).map(|i| i as usize).collect())
        }
        0 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_are_pythons() {
        for ((start, end, step), expected) in [
            ((0, i64::MAX, 1), vec![0, 1, 2, 3]),
            ((1, -1, 1), vec![1, 2]),
            ((-3, 100, 2), vec![1, 3]),
            ((-1, i64::MIN, -1), vec![3, 2, 1, 0]),
            ((3, 0, -2), vec![3, 1]),
            ((2, 1, 1), vec![]),
        ] {
            assert_eq!(slice(4, start, end, step), Some(expected), "{start} {end} {step}");
        }
        assert_eq!(slice(4, 0, 4, 0), None);
        assert_eq!(slice(0, 0, 4, 1), Some(vec![]));
        assert_eq!(slice(4, 0, 4, i64::MIN), None);
    }

    #[test]
    fn new_shapes_name_the_axes_that_they_keep() {
        let shape = Shape::list((0..4).map(|axis| Extent::Of(7, axis)).collect());
        let batch = shape.gather(&[0], false).unwrap();
        let target = Shape::list([batch.sides[0], Extent::Int(-1)].to_vec());
        assert_eq!(target.target(9, false), [Side::Of(7, 0), Side::Rest]);
        assert_eq!(Shape::ints(&[0, 40, -7], false).target(9, false), [Side::Of(9, 0), Side::Known(40), Side::Unknown]);
        assert_eq!(Shape::ints(&[0], false).target(9, true), [Side::Known(0)]);
        assert_eq!(shape.slice(-2, i64::MAX, 1).unwrap().sides, [Extent::Of(7, 2), Extent::Of(7, 3)]);
        let product = shape.with(&Shape::ints(&[2], true), |a, b| a.checked_mul(b));
        assert_eq!(product.sides, [Extent::Unknown; 4]);
        assert!(shape.gather(&[4], false).is_none());
    }
}
