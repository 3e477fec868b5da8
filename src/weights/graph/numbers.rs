//! The numbers of a graph's tensors.

use super::super::source::Entry;
use super::node::{Axis, BatchNorm, Convolution};
use crate::architecture::InputTransform;

/// Of a constant for each channel.
const MAX_CHANNELS: usize = 1 << 16;

/// A tensor's elements, of which there are `count`.
pub(super) fn wide(tensor: &Entry, count: usize) -> Result<Vec<f64>, String> {
    let numbers = tensor.decode()?;
    if numbers.len() != count {
        return Err(format!("tensor '{}' of shape {:?} holds {} elements", tensor.name, tensor.shape, numbers.len()));
    }
    Ok(numbers.into_iter().map(f64::from).collect())
}

/// A constant as one number, or one for each channel of a value with these axes. An image of one channel may meet several.
pub(super) fn by_channel(
    constant: &Entry,
    axes: &[Axis],
    channels: Option<usize>,
    image: bool,
) -> Result<Vec<f64>, String> {
    let shape = &constant.shape;
    let refused = || {
        let known = channels.map_or(String::new(), |channels| format!(" of {channels}"));
        format!(
            "its constant '{}' has shape {shape:?}: one number, or one for each channel{known}, is expected",
            constant.name
        )
    };
    let mut count = 1;
    for (back, &side) in shape.iter().rev().enumerate().filter(|(_, side)| **side != 1) {
        let axis = axes.len().checked_sub(back + 1).map(|at| axes[at]);
        let fits = channels.is_none_or(|channels| channels == side || (image && channels == 1));
        if axis != Some(Axis::Channel) || !fits || !(1..=MAX_CHANNELS).contains(&side) {
            return Err(refused());
        }
        count = side;
    }
    wide(constant, count)
}

/// What a batch norm makes of each channel.
pub(super) fn scale_and_shift(tensors: &[Entry], norm: &BatchNorm) -> Result<[Vec<f64>; 2], String> {
    let channels = tensors[norm.mean].shape.iter().product::<usize>();
    if channels > MAX_CHANNELS {
        return Err(format!("it has {channels} channels"));
    }
    let get = |tensor: Option<usize>, default| match tensor {
        Some(tensor) => wide(&tensors[tensor], channels),
        None => Ok(vec![default; channels]),
    };
    let (weight, bias) = (get(norm.weight, 1.0)?, get(norm.bias, 0.0)?);
    let (mean, variance) = (get(Some(norm.mean), 0.0)?, get(Some(norm.variance), 1.0)?);
    let scale: Vec<f64> = weight.iter().zip(&variance).map(|(w, v)| w / (v + norm.eps).sqrt()).collect();
    let shift = (0..channels).map(|i| bias[i] - mean[i] * scale[i]).collect();
    Ok([scale, shift])
}

/// A 1x1 convolution's weights `[out][in]` and bias.
pub(super) fn pixel_kernel(tensors: &[Entry], convolution: &Convolution) -> Result<(Vec<Vec<f64>>, Vec<f64>), String> {
    let weight = &tensors[convolution.weight];
    let &[outputs, inputs, 1, 1] = weight.shape.as_slice() else {
        return Err(format!("its kernel has shape {:?}", weight.shape));
    };
    if outputs.max(inputs) > MAX_CHANNELS {
        return Err(format!("it mixes {inputs} channels to {outputs}"));
    }
    let numbers = wide(weight, outputs * inputs)?;
    let bias = match convolution.bias {
        Some(bias) => wide(&tensors[bias], outputs)?,
        None => vec![0.0; outputs],
    };
    Ok((numbers.chunks(inputs.max(1)).map(<[f64]>::to_vec).collect(), bias))
}

/// In what range of pixels a transform yields what a network is trained on, around 0 and some units wide: 255, or 1.
pub(super) fn pixel_range(transform: &InputTransform) -> f64 {
    let gain = transform.weights.iter().map(|row| row.iter().map(|w| w.abs()).sum::<f64>()).fold(0.0, f64::max);
    let shift = transform.shift.iter().map(|x| x.abs()).fold(0.0, f64::max);
    // Pixels of 0 to 1 are multiplied by some 1 / 0.225; those of 0 to 255 divided, or shifted by a hundred.
    if gain >= 0.2 && shift < 10.0 { 1.0 } else { 255.0 }
}

/// Whether a transform only picks channels.
pub(super) fn only_selects(transform: &InputTransform) -> bool {
    let row = |row: &Vec<f64>| row.iter().all(|w| *w == 0.0 || *w == 1.0) && row.iter().sum::<f64>() == 1.0;
    transform.weights.iter().all(row) && transform.shift.iter().all(|shift| *shift == 0.0)
}
