//! Parameters as recipes read them: folded, padded, by output and input channel.

use super::recipe::ChannelMap;
use crate::error::Result;
use crate::weights::fold::fold_into;
use crate::weights::{Tensor, Weights};

/// A convolution's weight, OIHW.
pub(in crate::kernels) struct Filters<'a> {
    values: &'a [f32],
    pub(in crate::kernels) outputs: usize,
    channels: usize,
    /// Height and width.
    pub(in crate::kernels) window: [usize; 2],
}

impl<'a> Filters<'a> {
    /// `values` in the shape of `tensor`; a fully connected layer is a 1x1 convolution.
    pub(in crate::kernels) fn new(tensor: &Tensor, values: &'a [f32]) -> Filters<'a> {
        let [outputs, channels, height, width] = match tensor.shape[..] {
            [outputs, channels, height, width] => [outputs, channels, height, width],
            [outputs, channels] => [outputs, channels, 1, 1],
            _ => unreachable!("validated by Weights"),
        };
        Filters { values, outputs, channels, window: [height, width] }
    }

    /// One weight; 0 for an output or input channel that only pads. `place` counts through the window by rows.
    pub(in crate::kernels) fn at(&self, output: usize, input: Option<usize>, place: usize) -> f32 {
        let [height, width] = self.window;
        match input {
            Some(input) if output < self.outputs => {
                self.values[(output * self.channels + input) * height * width + place]
            }
            _ => 0.0,
        }
    }

    /// Places of the window.
    pub(in crate::kernels) fn places(&self) -> usize {
        self.window[0] * self.window[1]
    }

    /// Input channels.
    pub(in crate::kernels) fn channels(&self) -> usize {
        self.channels
    }
}

/// A convolution's weight with the norm behind it folded in, if there is one.
pub(in crate::kernels) fn folded(weights: &Weights, weight: &str, norm: &Option<String>) -> Result<Vec<f32>> {
    let tensor = weights.tensor(weight)?;
    Ok(match norm {
        Some(norm) => fold_into(tensor, &weights.affine(norm)?).0,
        None => tensor.data.clone(),
    })
}

/// The bias that folding leaves: the norm's shift, or zeros.
pub(in crate::kernels) fn bias(weights: &Weights, weight: &str, norm: &Option<String>) -> Result<Vec<f32>> {
    Ok(match norm {
        Some(norm) => weights.affine(norm)?.shift,
        None => vec![0.0; weights.tensor(weight)?.shape[0]],
    })
}

/// Padded with zeros to a multiple of `to`.
pub(in crate::kernels) fn padded(mut values: Vec<f32>, to: usize) -> Vec<f32> {
    values.resize(values.len().next_multiple_of(to), 0.0);
    values
}

/// A batch norm as `[C/4, 2]` quads: scale, shift. Scale 1 and shift 0 where there is no norm, 0 and 0 where a channel only
/// pads.
pub(in crate::kernels) fn norm_quads(
    weights: &Weights,
    norm: &Option<String>,
    inputs: &ChannelMap,
) -> Result<Vec<f32>> {
    let affine = norm.as_ref().map(|name| weights.affine(name)).transpose()?;
    let scale = |input: &Option<usize>| input.map_or(0.0, |c| affine.as_ref().map_or(1.0, |affine| affine.scale[c]));
    let shift = |input: &Option<usize>| input.map_or(0.0, |c| affine.as_ref().map_or(0.0, |affine| affine.shift[c]));
    let mut packed = Vec::with_capacity(2 * inputs.len());
    for quad in inputs.chunks_exact(4) {
        packed.extend(quad.iter().map(scale));
        packed.extend(quad.iter().map(shift));
    }
    Ok(packed)
}
