//! What exporters leave to be computed from constants: transposed weights, shapes, the parts of a batch norm.

use std::borrow::Cow;

use super::super::graph::Operator;
use super::super::source::Number;
use super::constant::{Constant, Data, MAX_INTS, width};

/// Elements of computed constants, even of a small file.
const ELEMENTS: usize = 1 << 22;

/// How many elements may still be computed.
pub(super) struct Budget(usize);

impl Budget {
    /// For a file of so many bytes: it may compute all of its weights, and something more.
    pub(super) fn of(bytes: usize) -> Self {
        Budget(ELEMENTS + bytes / 2)
    }

    /// The elements of a shape, if so many may be computed.
    pub(super) fn spend(&mut self, shape: &[usize]) -> Result<usize, String> {
        let elements = shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side)).filter(|n| *n <= self.0);
        let elements =
            elements.ok_or_else(|| format!("it computes a constant of shape {shape:?}, more than its weights have"))?;
        self.0 -= elements;
        Ok(elements)
    }
}

/// The shape of two that are broadcast, as in NumPy.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Result<Vec<usize>, String> {
    let rank = a.len().max(b.len());
    let side = |shape: &[usize], at: usize| (at + shape.len()).checked_sub(rank).map_or(1, |at| shape[at]);
    (0..rank)
        .map(|at| match (side(a, at), side(b, at)) {
            (x, y) if x == y || y == 1 => Ok(x),
            (1, y) => Ok(y),
            _ => Err(format!("shapes {a:?} and {b:?} do not fit")),
        })
        .collect()
}

/// For each element of `to`, its place in an array of shape `from` that is broadcast.
fn places(from: &[usize], to: &[usize], elements: usize) -> Vec<usize> {
    let strides = strides(from);
    let offset = to.len() - from.len();
    let mut places = Vec::with_capacity(elements);
    let mut index = vec![0; to.len()];
    for _ in 0..elements {
        let place = (0..from.len()).map(|at| if from[at] == 1 { 0 } else { index[offset + at] * strides[at] }).sum();
        places.push(place);
        for at in (0..to.len()).rev() {
            index[at] += 1;
            if index[at] < to[at] {
                break;
            }
            index[at] = 0;
        }
    }
    places
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for at in (1..shape.len()).rev() {
        strides[at - 1] = strides[at] * shape[at];
    }
    strides
}

/// An operation on each pair of elements.
pub(super) fn binary<'a>(
    budget: &mut Budget,
    operator: Operator,
    a: &Constant<'a>,
    b: &Constant<'a>,
) -> Result<Constant<'a>, String> {
    let shape = broadcast(&a.shape, &b.shape)?;
    let elements = budget.spend(&shape)?;
    let at = |constant: &Constant| Ok::<_, String>((constant.numbers()?, places(&constant.shape, &shape, elements)));
    let ((x, from_x), (y, from_y)) = (at(a)?, at(b)?);
    let whole = a.as_ints().is_some() && b.as_ints().is_some();
    let result = from_x.iter().zip(&from_y).map(|(&i, &j)| operator.apply(x[i], y[j]));
    if whole {
        // Integers divide without a rest.
        let result = result.map(|x| x.trunc() as i64).collect();
        return Ok(Constant::ints(&a.name, shape, result));
    }
    Ok(Constant::floats(&a.name, shape, &result.collect::<Vec<_>>()))
}

/// A function of each element.
pub(super) fn unary<'a>(
    budget: &mut Budget,
    constant: &Constant<'a>,
    function: impl Fn(f64) -> f64,
) -> Result<Constant<'a>, String> {
    budget.spend(&constant.shape)?;
    let numbers: Vec<f64> = constant.numbers()?.into_iter().map(&function).collect();
    match constant.as_ints() {
        Some(_) => {
            Ok(Constant::ints(&constant.name, constant.shape.clone(), numbers.iter().map(|x| *x as i64).collect()))
        }
        None => Ok(Constant::floats(&constant.name, constant.shape.clone(), &numbers)),
    }
}

/// The axes in another order.
pub(super) fn transpose<'a>(
    budget: &mut Budget,
    constant: &Constant<'a>,
    order: &[usize],
) -> Result<Constant<'a>, String> {
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if !sorted.iter().copied().eq(0..constant.shape.len()) {
        return Err(format!("it orders the axes of {:?} as {order:?}", constant.shape));
    }
    let elements = budget.spend(&constant.shape)?;
    let shape: Vec<usize> = order.iter().map(|&from| constant.shape[from]).collect();
    let old = strides(&constant.shape);
    let strides: Vec<usize> = order.iter().map(|&from| old[from]).collect();
    let mut index = vec![0; shape.len()];
    let mut place = 0;
    let mut from = Vec::with_capacity(elements);
    for _ in 0..elements {
        from.push(place);
        for at in (0..shape.len()).rev() {
            index[at] += 1;
            place += strides[at];
            if index[at] < shape[at] {
                break;
            }
            place -= strides[at] * shape[at];
            index[at] = 0;
        }
    }
    let data = match &constant.data {
        Data::Ints(numbers) => Data::Ints(from.iter().map(|&at| numbers[at]).collect()),
        Data::Floats(number, bytes) => Data::Floats(number.clone(), Cow::Owned(picked(number, bytes, &from))),
        Data::Other(kind) => Data::Other(kind.clone()),
    };
    Ok(Constant { name: constant.name.clone(), shape, data })
}

fn picked(number: &Number, bytes: &[u8], from: &[usize]) -> Vec<u8> {
    let width = width(number);
    from.iter().flat_map(|&at| bytes[at * width..(at + 1) * width].iter().copied()).collect()
}

/// Broadcast to a shape.
pub(super) fn expand<'a>(budget: &mut Budget, constant: &Constant<'a>, to: &[usize]) -> Result<Constant<'a>, String> {
    let shape = broadcast(&constant.shape, to)?;
    let elements = budget.spend(&shape)?;
    let from = places(&constant.shape, &shape, elements);
    let data = match &constant.data {
        Data::Ints(_) if elements > MAX_INTS => return Err("it makes too many integers".into()),
        Data::Ints(numbers) => Data::Ints(from.iter().map(|&at| numbers[at]).collect()),
        Data::Floats(number, bytes) => Data::Floats(number.clone(), Cow::Owned(picked(number, bytes, &from))),
        Data::Other(kind) => Data::Other(kind.clone()),
    };
    Ok(Constant { name: constant.name.clone(), shape, data })
}

/// Elements of an axis by number.
pub(super) fn gather<'a>(
    budget: &mut Budget,
    constant: &Constant<'a>,
    axis: isize,
    indices: &[i64],
    scalar: bool,
) -> Result<Constant<'a>, String> {
    let rank = constant.shape.len();
    let axis = if axis < 0 { axis + rank as isize } else { axis };
    let axis = usize::try_from(axis).ok().filter(|axis| *axis < rank).ok_or("it takes elements of no axis")?;
    let count = constant.shape[axis];
    let wrap = |i: &i64| usize::try_from(if *i < 0 { i + count as i64 } else { *i }).ok().filter(|i| *i < count);
    let indices = indices.iter().map(wrap).collect::<Option<Vec<_>>>().ok_or("it takes elements that are not there")?;
    let mut shape = constant.shape.clone();
    shape[axis] = indices.len();
    budget.spend(&shape)?;
    let (outer, inner): (usize, usize) =
        (constant.shape[..axis].iter().product(), constant.shape[axis + 1..].iter().product());
    let mut from = Vec::new();
    for before in 0..outer {
        for index in &indices {
            from.extend((0..inner).map(|after| (before * count + index) * inner + after));
        }
    }
    if scalar {
        shape.remove(axis);
    }
    let data = match &constant.data {
        Data::Ints(numbers) => Data::Ints(from.iter().map(|&at| numbers[at]).collect()),
        Data::Floats(number, bytes) => Data::Floats(number.clone(), Cow::Owned(picked(number, bytes, &from))),
        Data::Other(kind) => Data::Other(kind.clone()),
    };
    Ok(Constant { name: constant.name.clone(), shape, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize]) -> Constant<'static> {
        let count = shape.iter().product::<usize>();
        Constant::floats("a", shape.to_vec(), &(0..count).map(|n| n as f64).collect::<Vec<_>>())
    }

    #[test]
    fn arrays_are_computed_as_numpy_does() {
        let budget = &mut Budget::of(0);
        let turned = transpose(budget, &array(&[2, 3]), &[1, 0]).unwrap();
        assert_eq!((turned.shape.clone(), turned.numbers().unwrap()), (vec![3, 2], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
        let three = transpose(budget, &array(&[2, 3, 4]), &[2, 0, 1]).unwrap();
        assert_eq!(three.numbers().unwrap()[..7], [0.0, 4.0, 8.0, 12.0, 16.0, 20.0, 1.0]);
        let sum = binary(budget, Operator::Add, &array(&[2, 1]), &array(&[3])).unwrap();
        assert_eq!((sum.shape.clone(), sum.numbers().unwrap()), (vec![2, 3], vec![0.0, 1.0, 2.0, 1.0, 2.0, 3.0]));
        let wide = expand(budget, &array(&[1, 2]), &[2, 1]).unwrap();
        assert_eq!((wide.shape.clone(), wide.numbers().unwrap()), (vec![2, 2], vec![0.0, 1.0, 0.0, 1.0]));
        let some = gather(budget, &array(&[2, 3]), -1, &[-1, 0], false).unwrap();
        assert_eq!((some.shape.clone(), some.numbers().unwrap()), (vec![2, 2], vec![2.0, 0.0, 5.0, 3.0]));
        assert_eq!(gather(budget, &array(&[2, 3]), 0, &[1], true).unwrap().shape, [3]);
        let whole = binary(
            budget,
            Operator::Divide,
            &Constant::ints("a", vec![], vec![-7]),
            &Constant::ints("b", vec![], vec![2]),
        );
        assert_eq!(whole.unwrap().as_ints(), Some(&[-3][..]));
        for error in [
            transpose(budget, &array(&[2, 3]), &[0, 0]).err(),
            transpose(budget, &array(&[2, 3]), &[0]).err(),
            binary(budget, Operator::Add, &array(&[2]), &array(&[3])).err(),
            gather(budget, &array(&[2]), 0, &[2], false).err(),
            gather(budget, &array(&[2]), 1, &[0], false).err(),
            expand(budget, &array(&[1]), &[1 << 40, 1 << 40]).err(),
            expand(budget, &array(&[1]), &[1 << 30]).err(),
        ] {
            assert!(error.is_some());
        }
    }
}
