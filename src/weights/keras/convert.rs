//! Keras' tensors in PyTorch's layouts and by its names.

use std::borrow::Cow;
use std::collections::HashMap;

use super::super::source::{Entry, Number};
use super::hdf5::{Array, Container};
use super::layers::{Layer, Part};
use crate::pause::Pause;

/// The layout of kernels in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kernels {
    /// `[height, width, in, out]`.
    Hwio,
    /// `[out, in, height, width]`, turned by 180 degrees: Theano convolves where other frameworks correlate.
    Theano,
}

/// A layer whose tensors have been read.
struct Loaded {
    name: String,
    parts: Vec<(Part, Array)>,
}

impl Loaded {
    fn take(&mut self, part: Part) -> Option<Array> {
        let at = self.parts.iter().position(|(p, _)| *p == part)?;
        Some(self.parts.swap_remove(at).1)
    }
}

/// The entries of each layer, in the order of the layers. A Scale layer becomes part of the batch norm whose index `scales`
/// gives for it. Without `scales` it keeps its own, as every layer does whose place a graph tells.
pub(super) async fn entries(
    container: &mut Container,
    layers: &[Layer],
    scales: Option<&HashMap<usize, usize>>,
    kernels: Kernels,
    pause: &Pause,
) -> Result<Vec<Vec<Entry<'static>>>, String> {
    let mut loaded = Vec::with_capacity(layers.len());
    for layer in layers {
        let mut parts = Vec::new();
        for (part, dataset) in &layer.parts {
            pause.rest().await;
            let array = container.array(&format!("{}.{}", layer.name, leaf(*part)), dataset)?;
            if parts.iter().any(|(p, _)| p == part) {
                return Err(format!("layer '{}' has two tensors '{}'", layer.name, leaf(*part)));
            }
            parts.push((*part, array));
        }
        loaded.push(Loaded { name: layer.name.clone(), parts });
    }
    let mut factors: HashMap<usize, (Array, Array)> = HashMap::new();
    for (&scale, &norm) in scales.into_iter().flatten() {
        if let (Some(gamma), Some(beta)) = (loaded[scale].take(Part::Gamma), loaded[scale].take(Part::Beta)) {
            factors.insert(norm, (gamma, beta));
        }
    }
    let loaded: Vec<(usize, Loaded)> = loaded.into_iter().enumerate().collect();
    let entries = |(i, layer): (usize, Loaded)| match &layer.parts {
        parts if parts.is_empty() => Ok(Vec::new()),
        parts if parts.iter().any(|(part, _)| *part == Part::Kernel) => weighted(layer, kernels),
        parts if scales.is_none() && !(has(parts, Part::Gamma) && has(parts, Part::Variance)) => Ok(named(layer)),
        _ => norm(layer, factors.get(&i)),
    };
    pause.each(loaded, entries).await.into_iter().collect()
}

fn has(parts: &[(Part, Array)], part: Part) -> bool {
    parts.iter().any(|(p, _)| *p == part)
}

/// The tensors of a layer that is neither a convolution, nor a dense layer, nor a whole batch norm: a Scale layer, or what
/// normalises pixels.
fn named(layer: Loaded) -> Vec<Entry<'static>> {
    let name = |part| match part {
        Part::Gamma => "weight",
        Part::Beta => "bias",
        Part::Mean => "running_mean",
        Part::Variance => "running_var",
        other => leaf(other),
    };
    layer.parts.into_iter().map(|(part, array)| entry(&layer.name, name(part), array)).collect()
}

fn leaf(part: Part) -> &'static str {
    match part {
        Part::Kernel => "kernel",
        Part::Bias => "bias",
        Part::Gamma => "gamma",
        Part::Beta => "beta",
        Part::Mean => "moving_mean",
        Part::Variance => "moving_variance",
    }
}

fn entry(layer: &str, part: &str, array: Array) -> Entry<'static> {
    Entry { name: format!("{layer}.{part}"), shape: array.shape, number: array.number, bytes: Cow::Owned(array.bytes) }
}

/// A convolution or a dense layer.
fn weighted(mut layer: Loaded, kernels: Kernels) -> Result<Vec<Entry<'static>>, String> {
    let bias = layer.take(Part::Bias);
    let kernel = layer.take(Part::Kernel).ok_or_else(|| format!("layer '{}' has no kernel", layer.name))?;
    let (outputs, dense) = match (kernel.shape.as_slice(), kernels) {
        (&[outputs, ..], Kernels::Theano) if kernel.shape.len() == 4 => (outputs, false),
        (&[.., outputs], _) => (outputs, kernel.shape.len() == 2),
        _ => return Err(format!("layer '{}' has a kernel of shape {:?}", layer.name, kernel.shape)),
    };
    // Our classifier always has a bias.
    let bias = bias.or_else(|| dense.then(|| constant(outputs, 0.0)));
    let mut entries = vec![entry(&layer.name, "weight", transposed(kernel, kernels))];
    entries.extend(bias.map(|bias| entry(&layer.name, "bias", bias)));
    Ok(entries)
}

/// A batch norm. A missing gamma (`scale=False`) is 1, a missing beta (`center=False`) 0.
fn norm(mut layer: Loaded, factors: Option<&(Array, Array)>) -> Result<Vec<Entry<'static>>, String> {
    let name = layer.name.clone();
    let mut part = |part| layer.take(part);
    let (gamma, beta, mean, variance) = (part(Part::Gamma), part(Part::Beta), part(Part::Mean), part(Part::Variance));
    let (Some(mean), Some(variance)) = (mean, variance) else {
        return Err(format!(
            "layer '{name}' has neither a kernel nor the statistics of a batch norm, and follows none as its Scale layer"
        ));
    };
    let channels = mean.shape.iter().product();
    let gamma = gamma.unwrap_or_else(|| constant(channels, 1.0));
    let beta = beta.unwrap_or_else(|| constant(channels, 0.0));
    let [weight, bias] = match factors {
        None => [gamma, beta],
        Some((scale, shift)) => scaled(&name, gamma, beta, scale, shift)?,
    };
    let parts = [("weight", weight), ("bias", bias), ("running_mean", mean), ("running_var", variance)];
    Ok(parts.into_iter().map(|(part, array)| entry(&name, part, array)).collect())
}

/// `(x * gamma + beta) * scale + shift = x * (gamma * scale) + (beta * scale + shift)`, in `f64`, rounded once.
fn scaled(name: &str, gamma: Array, beta: Array, scale: &Array, shift: &Array) -> Result<[Array; 2], String> {
    let decode = |part: &str, array: &Array| {
        let Array { shape, number, bytes } = array.clone();
        Entry { name: format!("{name}.{part}"), shape, number, bytes: bytes.into() }.decode()
    };
    let (gamma, beta) = (decode("gamma", &gamma)?, decode("beta", &beta)?);
    let (scale, shift) = (decode("scale", scale)?, decode("scale", shift)?);
    let n = gamma.len();
    if [beta.len(), scale.len(), shift.len()] != [n; 3] {
        return Err(format!("the Scale layer after '{name}' has {} channels, the batch norm {n}", scale.len()));
    }
    let wide = |i: usize| [gamma[i], beta[i], scale[i], shift[i]].map(f64::from);
    let weight = (0..n).map(&wide).map(|[gamma, _, scale, _]| (gamma * scale) as f32);
    let bias = (0..n).map(wide).map(|[_, beta, scale, shift]| (beta * scale + shift) as f32);
    Ok([vector(weight.collect()), vector(bias.collect())])
}

fn constant(n: usize, value: f32) -> Array {
    vector(vec![value; n])
}

fn vector(values: Vec<f32>) -> Array {
    let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    Array { shape: vec![values.len()], number: Number::F32, bytes }
}

/// `[height, width, in, out]` as `[out, in, height, width]`, `[in, out]` as `[out, in]`; anything else unchanged.
fn transposed(array: Array, kernels: Kernels) -> Array {
    let width = match array.number {
        Number::F32 => 4,
        Number::F64 => 8,
        Number::F16 | Number::BF16 => 2,
        Number::Other(_) => return array,
    };
    let (window, inputs, outputs) = match (array.shape.as_slice(), kernels) {
        ([_, _, _, _], Kernels::Theano) => return turned(array, width),
        (&[height, width, inputs, outputs], Kernels::Hwio) => ([height, width], inputs, outputs),
        (&[inputs, outputs], _) => ([1, 1], inputs, outputs),
        _ => return array,
    };
    let bytes = match width {
        2 => swapped::<2>(&array.bytes, window[0] * window[1], inputs, outputs),
        4 => swapped::<4>(&array.bytes, window[0] * window[1], inputs, outputs),
        _ => swapped::<8>(&array.bytes, window[0] * window[1], inputs, outputs),
    };
    let shape =
        if array.shape.len() == 2 { vec![outputs, inputs] } else { vec![outputs, inputs, window[0], window[1]] };
    Array { shape, number: array.number, bytes }
}

/// `[window, in, out]` as `[out, in, window]`, elements of `N` bytes.
fn swapped<const N: usize>(bytes: &[u8], window: usize, inputs: usize, outputs: usize) -> Vec<u8> {
    /// Outputs in a cache line, read together.
    const TILE: usize = 16;
    let from = bytes.as_chunks::<N>().0;
    let mut result = vec![0; bytes.len()];
    let to = result.as_chunks_mut::<N>().0;
    for tile in (0..outputs).step_by(TILE) {
        for at in 0..window {
            for input in 0..inputs {
                let row = &from[(at * inputs + input) * outputs..][..outputs];
                for output in tile..outputs.min(tile + TILE) {
                    to[(output * inputs + input) * window + at] = row[output];
                }
            }
        }
    }
    result
}

/// Every window (the last two axes) turned by 180 degrees.
fn turned(array: Array, width: usize) -> Array {
    let window = array.shape[2] * array.shape[3];
    let elements: Vec<&[u8]> = array.bytes.chunks_exact(width).collect();
    let bytes = elements.chunks_exact(window.max(1)).flat_map(|window| window.iter().rev().copied().flatten()).copied();
    Array { bytes: bytes.collect(), ..array }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(shape: &[usize], values: impl Iterator<Item = f32>) -> Array {
        Array { shape: shape.to_vec(), ..vector(values.collect()) }
    }

    fn values(array: &Array) -> Vec<f32> {
        array.bytes.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
    }

    #[test]
    fn kernels_are_transposed_by_axis() {
        let (h, w, i, o) = (2, 3, 5, 37);
        let kernel = array(&[h, w, i, o], (0..h * w * i * o).map(|n| n as f32));
        let result = transposed(kernel, Kernels::Hwio);
        assert_eq!(result.shape, [o, i, h, w]);
        let found = values(&result);
        for (output, input, row, column) in [(0, 0, 0, 0), (36, 4, 1, 2), (17, 3, 1, 0), (1, 2, 0, 1)] {
            let expected = ((row * w + column) * i + input) * o + output;
            assert_eq!(found[((output * i + input) * h + row) * w + column], expected as f32);
        }
        let dense = transposed(array(&[2, 3], (0..6).map(|n| n as f32)), Kernels::Hwio);
        assert_eq!((dense.shape.as_slice(), values(&dense)), (&[3, 2][..], vec![0.0, 3.0, 1.0, 4.0, 2.0, 5.0]));
    }

    #[test]
    fn theanos_kernels_are_turned() {
        let kernel = array(&[1, 2, 2, 2], (0..8).map(|n| n as f32));
        let result = transposed(kernel, Kernels::Theano);
        assert_eq!(
            (result.shape.as_slice(), values(&result)),
            (&[1, 2, 2, 2][..], vec![3.0, 2.0, 1.0, 0.0, 7.0, 6.0, 5.0, 4.0])
        );
    }

    #[test]
    fn a_norm_without_gamma_or_beta_has_ones_and_zeros_and_a_scale_layer_becomes_part_of_it() {
        let ramp = |from: f32| array(&[3], (0..3).map(move |n| from + n as f32));
        let bare = || vec![(Part::Mean, ramp(0.5)), (Part::Variance, ramp(7.0))];
        let layer = |parts| Loaded { name: "n".into(), parts };
        let found =
            |entries: Vec<Entry>| entries.iter().map(|e| (e.name.clone(), e.decode().unwrap())).collect::<Vec<_>>();
        let plain = found(norm(layer(bare()), None).unwrap());
        assert_eq!(plain[0], ("n.weight".into(), vec![1.0; 3]));
        assert_eq!(plain[1], ("n.bias".into(), vec![0.0; 3]));
        assert_eq!(plain[3], ("n.running_var".into(), vec![7.0, 8.0, 9.0]));
        let full = [vec![(Part::Gamma, ramp(2.0)), (Part::Beta, ramp(10.0))], bare()].concat();
        let scaled = found(norm(layer(full), Some(&(ramp(3.0), ramp(-1.0)))).unwrap());
        assert_eq!(scaled[0].1, [6.0, 12.0, 20.0]);
        assert_eq!(scaled[1].1, [29.0, 44.0, 61.0]);
        assert_eq!(scaled[2].1, [0.5, 1.5, 2.5]);
        let error = norm(layer(bare()), Some(&(array(&[2], [1.0, 2.0].into_iter()), ramp(0.0)))).err().unwrap();
        assert!(error.contains("after 'n' has 2 channels, the batch norm 3"), "{error}");
    }
}
