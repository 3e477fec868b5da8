//! The axes of values by what they count, and the layout of a network's input.

use super::node::{Axis, Node, NodeId, Operation, Side};

/// Axes in order.
pub(super) type Axes = Vec<Axis>;

/// The number of an axis that may count from the end.
pub(super) fn axis(number: isize, rank: usize) -> Result<usize, String> {
    let counted = if number < 0 { number + rank as isize } else { number };
    usize::try_from(counted)
        .ok()
        .filter(|axis| *axis < rank)
        .ok_or_else(|| format!("it names axis {number} of a value with {rank} axes"))
}

/// Whether the channels are along this axis.
pub(super) fn is_channel(number: isize, axes: &[Axis]) -> bool {
    axis(number, axes.len()).is_ok_and(|at| axes[at] == Axis::Channel)
}

/// Rows before columns, and the channels where a window expects them.
pub(super) fn check_image(axes: &[Axis], channel: isize) -> Result<(), String> {
    let rest: Vec<Axis> = axes.iter().copied().filter(|axis| *axis != Axis::Channel).collect();
    if axes.len() == 4 && is_channel(channel, axes) && rest == [Axis::Batch, Axis::Row, Axis::Column] {
        return Ok(());
    }
    Err(format!("it reads {}, expected images with channels along axis {channel}", named(axes)))
}

pub(super) fn named(axes: &[Axis]) -> String {
    let word = |axis: &Axis| match axis {
        Axis::Batch => "images",
        Axis::Channel => "channels",
        Axis::Row => "rows",
        Axis::Column => "columns",
        Axis::Pixel => "pixels",
        Axis::One => "1",
    };
    format!("[{}]", axes.iter().take(8).map(word).collect::<Vec<_>>().join(", "))
}

pub(super) fn transposed(axes: &[Axis], order: &[usize]) -> Result<Axes, String> {
    let mut seen = vec![false; axes.len()];
    let valid = order.len() == axes.len()
        && order.iter().all(|&from| seen.get_mut(from).is_some_and(|seen| !std::mem::replace(seen, true)));
    if !valid {
        return Err(format!("it orders {} axes of {}", order.len(), axes.len()));
    }
    Ok(order.iter().map(|&from| axes[from]).collect())
}

/// Without axes of length 1: those named, or all. The channels may be one: `single`.
pub(super) fn squeezed(axes: &[Axis], which: Option<&[isize]>, single: bool) -> Result<Axes, String> {
    let one = |axis: Axis| axis == Axis::One || (single && axis == Axis::Channel);
    let gone: Vec<usize> = match which {
        Some(which) => which.iter().map(|&number| axis(number, axes.len())).collect::<Result<_, _>>()?,
        None => (0..axes.len()).filter(|&at| one(axes[at])).collect(),
    };
    if let Some(&kept) = gone.iter().find(|&&at| !one(axes[at])) {
        return Err(format!("it drops axis {kept} of {}, whose length is not 1", named(axes)));
    }
    Ok(axes.iter().enumerate().filter(|(at, _)| !gone.contains(at)).map(|(_, axis)| *axis).collect())
}

/// With new axes of length 1. In a value without channels the first of them counts these.
pub(super) fn unsqueezed(axes: &[Axis], which: &[isize]) -> Result<Axes, String> {
    let rank = axes.len() + which.len();
    if rank > 8 {
        return Err("it makes more than 8 axes".into());
    }
    let places = which.iter().map(|&number| axis(number, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut new = if axes.contains(&Axis::Channel) { Axis::One } else { Axis::Channel };
    let mut old = axes.iter().copied();
    (0..rank)
        .map(|at| match places.contains(&at) {
            true => Ok(std::mem::replace(&mut new, Axis::One)),
            false => old.next().ok_or_else(|| "it makes an axis twice".to_string()),
        })
        .collect()
}

/// What a new shape makes of axes.
#[derive(Debug, PartialEq)]
pub(super) enum Reshaped {
    /// The same values with other axes of length 1.
    Same(Axes),
    /// All but the images in one axis.
    Flat(Axes),
    /// Rows and columns in one axis.
    Pixels(Axes),
}

/// `known` gives the length of an axis, where it is known; `of` what axis of the reshaped value or another a side is as long as.
pub(super) fn reshaped(
    axes: &[Axis],
    sides: &[Side],
    known: impl Fn(Axis) -> Option<usize>,
    of: impl Fn(NodeId, usize) -> Option<Axis>,
) -> Result<Reshaped, String> {
    let refused = || format!("it reshapes {} to {sides:?}, expected one vector for each image", named(axes));
    let Some((batch, rest)) = sides.split_first() else { return Err(refused()) };
    let images = match *batch {
        Side::Of(node, at) => of(node, at) == Some(Axis::Batch),
        Side::Known(n) => known(Axis::Batch).is_none_or(|batch| batch == n),
        Side::Rest | Side::Unknown => true,
    };
    if !images || sides.len() > 8 || axes.first() != Some(&Axis::Batch) {
        return Err(refused());
    }
    let old: Axes = axes.iter().skip(1).copied().filter(|axis| *axis != Axis::One).collect();
    let fits = |side: &Side, of_axes: &[Axis]| match *side {
        Side::Rest | Side::Unknown => true,
        Side::Known(n) => {
            of_axes.iter().map(|axis| known(*axis)).try_fold(1usize, |product, n| product.checked_mul(n?)) == Some(n)
        }
        Side::Of(node, at) => of_axes.len() == 1 && of(node, at) == Some(of_axes[0]),
    };
    let long: Vec<&Side> = rest.iter().filter(|side| **side != Side::Known(1)).collect();
    let with = |names: &[Axis]| -> Axes {
        let mut names = names.iter();
        let rest = rest
            .iter()
            .map(|side| if *side == Side::Known(1) { Axis::One } else { *names.next().unwrap_or(&Axis::One) });
        std::iter::once(Axis::Batch).chain(rest).collect()
    };
    match (long.as_slice(), old.as_slice()) {
        (long, old) if long.len() == old.len() && long.iter().zip(old).all(|(side, axis)| fits(side, &[*axis])) => {
            Ok(Reshaped::Same(with(old)))
        }
        // One value for each image.
        ([], [Axis::Channel]) if known(Axis::Channel) == Some(1) => {
            let mut axes = with(&[]);
            if let Some(last) = axes.iter_mut().skip(1).next_back() {
                *last = Axis::Channel;
            }
            Ok(Reshaped::Same(axes))
        }
        ([all], old) if old.len() == 3 && fits(all, old) => Ok(Reshaped::Flat(with(&[Axis::Channel]))),
        ([channels, pixels], [Axis::Channel, Axis::Row, Axis::Column])
            if fits(channels, &[Axis::Channel]) && fits(pixels, &[Axis::Row, Axis::Column]) =>
        {
            Ok(Reshaped::Pixels(with(&[Axis::Channel, Axis::Pixel])))
        }
        ([pixels, channels], [Axis::Row, Axis::Column, Axis::Channel])
            if fits(channels, &[Axis::Channel]) && fits(pixels, &[Axis::Row, Axis::Column]) =>
        {
            Ok(Reshaped::Pixels(with(&[Axis::Pixel, Axis::Channel])))
        }
        _ => Err(refused()),
    }
}

/// The axes of images that reach a convolution, whose channels are along `channel`, through transpositions: of four, in the
/// input's order. None where no convolution reads them.
pub(in crate::weights) fn layout(nodes: &[Node], input: NodeId) -> Option<[Axis; 4]> {
    // For each value, which axis of the input each of its axes is.
    let mut from: Vec<Option<Vec<Option<usize>>>> = vec![None; nodes.len()];
    from[input] = Some((0..4).map(Some).collect());
    for (at, node) in nodes.iter().enumerate().skip(input + 1) {
        let Some(before) = node.inputs.iter().find_map(|&read| from.get(read)?.clone()) else { continue };
        let rank = before.len();
        from[at] = match &node.operation {
            Operation::Convolution(convolution) => {
                let channel = axis(convolution.window.channel_axis, 4).ok()?;
                return named_by(&before, channel);
            }
            Operation::BatchNorm(norm) => return named_by(&before, axis(norm.axis, 4).ok()?),
            Operation::Transpose(order) => order
                .iter()
                .map(|&from| before.get(from).copied())
                .collect::<Option<Vec<_>>>()
                .filter(|axes| axes.len() == rank),
            Operation::Select { axis: number, keep: false, .. } => axis(*number, rank).ok().map(|gone| {
                let kept = before.iter().enumerate().filter(|(at, _)| *at != gone);
                kept.map(|(_, axis)| *axis).collect()
            }),
            Operation::Unsqueeze(which) => {
                let places: Vec<usize> =
                    which.iter().filter_map(|number| axis(*number, rank + which.len()).ok()).collect();
                let mut old = before.iter().copied();
                Some(
                    (0..rank + places.len())
                        .map(|at| if places.contains(&at) { None } else { old.next().flatten() })
                        .collect(),
                )
            }
            Operation::Identity
            | Operation::Arithmetic { .. }
            | Operation::Combine(_)
            | Operation::Function(_)
            | Operation::Pad { .. }
            | Operation::Concatenate { .. }
            | Operation::Select { keep: true, .. }
            | Operation::Repeat { .. }
            | Operation::Broadcast { .. }
            | Operation::Resize(_)
            | Operation::Crop(_) => Some(before),
            _ => None,
        };
    }
    None
}

fn named_by(from: &[Option<usize>], channel: usize) -> Option<[Axis; 4]> {
    let &[Some(batch), ..] = from else { return None };
    if from.len() != 4 {
        return None;
    }
    let mut axes = [Axis::Channel; 4];
    axes[batch] = Axis::Batch;
    let mut spatial = (1..4).filter(|at| *at != channel).map(|at| from[at]);
    axes[spatial.next()??] = Axis::Row;
    axes[spatial.next()??] = Axis::Column;
    axes.contains(&Axis::Channel).then_some(axes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: [Axis; 4] = [Axis::Batch, Axis::Channel, Axis::Row, Axis::Column];
    const POOLED: [Axis; 4] = [Axis::Batch, Axis::Channel, Axis::One, Axis::One];
    const FLAT: [Axis; 2] = [Axis::Batch, Axis::Channel];

    fn of(_: NodeId, at: usize) -> Option<Axis> {
        MAPS.get(at).copied()
    }

    fn known(axis: Axis) -> Option<usize> {
        match axis {
            Axis::Channel => Some(40),
            Axis::Row | Axis::Column => Some(2),
            _ => None,
        }
    }

    #[test]
    fn new_shapes_are_understood() {
        use Side::{Known, Of, Rest, Unknown};
        let same = |axes: &[Axis]| Ok(Reshaped::Same(axes.to_vec()));
        for sides in [vec![Rest, Known(40)], vec![Of(0, 0), Rest], vec![Known(2), Known(40)], vec![Unknown, Of(7, 1)]] {
            assert_eq!(reshaped(&POOLED, &sides, known, of), same(&FLAT), "{sides:?}");
        }
        assert_eq!(reshaped(&FLAT, &[Rest, Known(40), Known(1), Known(1)], known, of), same(&POOLED));
        let flat = Ok(Reshaped::Flat(FLAT.to_vec()));
        assert_eq!(reshaped(&MAPS, &[Rest, Known(160)], known, of), flat);
        assert_eq!(reshaped(&MAPS, &[Known(1), Rest], known, of), flat);
        let pixels = Ok(Reshaped::Pixels(vec![Axis::Batch, Axis::Channel, Axis::Pixel]));
        assert_eq!(reshaped(&MAPS, &[Of(0, 0), Of(0, 1), Rest], known, of), pixels);
        for sides in
            [vec![], vec![Known(80)], vec![Rest, Known(80)], vec![Rest, Known(4), Known(10)], vec![Of(0, 1), Rest]]
        {
            assert!(reshaped(&POOLED, &sides, known, of).is_err(), "{sides:?}");
            assert!(reshaped(&MAPS, &sides, known, of).is_err(), "{sides:?}");
        }
        let one = |axis: Axis| (axis == Axis::Channel).then_some(1);
        assert_eq!(reshaped(&FLAT, &[Rest], one, of), same(&[Axis::Batch]));
        assert_eq!(reshaped(&FLAT, &[Rest, Known(1)], one, of), same(&FLAT));
    }

    #[test]
    fn axes_come_and_go() {
        assert_eq!(squeezed(&POOLED, Some(&[3, -2]), false).unwrap(), FLAT);
        assert_eq!(squeezed(&POOLED, None, false).unwrap(), FLAT);
        assert!(squeezed(&POOLED, Some(&[1]), false).is_err());
        assert_eq!(squeezed(&FLAT, Some(&[1]), true).unwrap(), [Axis::Batch]);
        assert!(squeezed(&MAPS, Some(&[4]), false).is_err());
        assert_eq!(unsqueezed(&FLAT, &[2, 3]).unwrap(), POOLED);
        assert!(unsqueezed(&FLAT, &[2, 2]).is_err());
        let grey = [Axis::Batch, Axis::Row, Axis::Column];
        assert_eq!(unsqueezed(&grey, &[1]).unwrap(), MAPS);
        assert_eq!(transposed(&MAPS, &[0, 2, 3, 1]).unwrap(), [Axis::Batch, Axis::Row, Axis::Column, Axis::Channel]);
        assert!(transposed(&MAPS, &[0, 2, 2, 1]).is_err());
    }
}
