//! The layers' arithmetic, as their definitions have it.

use super::maps::Maps;
use crate::architecture::{HeadLayer, Padding};
use crate::weights::Tensor;

/// A copy of `x` with a border of `fill`, and the number of windows that fit down and across.
fn pad(x: &Maps, kernel: usize, stride: usize, padding: Padding, fill: f64) -> (Maps, usize, usize) {
    let [[top, bottom], [left, right]] = padding.resolve(kernel, stride, x.height, x.width);
    let (height, width) = (top + x.height + bottom, left + x.width + right);
    let padded = Maps::build([x.images, x.channels, height, width], |image, channel, plane| {
        plane.fill(fill);
        for (y, row) in x.plane(image, channel).chunks(x.width).enumerate() {
            plane[(top + y) * width + left..][..x.width].copy_from_slice(row);
        }
    });
    (padded, (height - kernel) / stride + 1, (width - kernel) / stride + 1)
}

/// `y[o][r][c] = sum over i, ky, kx of weight[o][i][ky][kx] * padded x[i][r * stride + ky][c * stride + kx]`.
pub(super) fn convolution(x: &Maps, weight: &Tensor, stride: usize, padding: Padding) -> Maps {
    let (outputs, kernel) = (weight.shape[0], weight.shape[2]);
    let (padded, height, width) = pad(x, kernel, stride, padding, 0.0);
    Maps::build([x.images, outputs, height, width], |image, output, plane| {
        for input in 0..x.channels {
            let source = padded.plane(image, input);
            for ky in 0..kernel {
                for kx in 0..kernel {
                    let w = f64::from(weight.data[((output * x.channels + input) * kernel + ky) * kernel + kx]);
                    for (r, row) in plane.chunks_mut(width).enumerate() {
                        let shifted = &source[(r * stride + ky) * padded.width + kx..];
                        add_scaled(row, w, shifted, stride);
                    }
                }
            }
        }
    })
}

/// `row[c] += w * source[c * stride]`. The compiler vectorises the case of stride 1 only where it sees the 1.
fn add_scaled(row: &mut [f64], w: f64, source: &[f64], stride: usize) {
    if stride == 1 {
        row.iter_mut().zip(source).for_each(|(y, &x)| *y += w * x);
    } else {
        row.iter_mut().zip(source.iter().step_by(stride)).for_each(|(y, &x)| *y += w * x);
    }
}

pub(super) fn max_pool(x: &Maps, kernel: usize, stride: usize, padding: Padding) -> Maps {
    let (padded, height, width) = pad(x, kernel, stride, padding, f64::NEG_INFINITY);
    Maps::build([x.images, x.channels, height, width], |image, channel, plane| {
        let source = padded.plane(image, channel);
        for r in 0..height {
            for c in 0..width {
                let window =
                    (0..kernel).flat_map(|ky| &source[(r * stride + ky) * padded.width + c * stride..][..kernel]);
                plane[r * width + c] = window.copied().fold(f64::NEG_INFINITY, f64::max);
            }
        }
    })
}

/// 2x2 with stride 2; an odd last row or column is dropped.
pub(super) fn average_pool(x: &Maps) -> Maps {
    let (height, width) = (x.height / 2, x.width / 2);
    Maps::build([x.images, x.channels, height, width], |image, channel, plane| {
        let source = x.plane(image, channel);
        let at = |r: usize, c: usize| source[r * x.width + c];
        for r in 0..height {
            for c in 0..width {
                let sum = at(2 * r, 2 * c) + at(2 * r, 2 * c + 1) + at(2 * r + 1, 2 * c) + at(2 * r + 1, 2 * c + 1);
                plane[r * width + c] = sum / 4.0;
            }
        }
    })
}

/// Channels of `first`, then those of `second`.
pub(super) fn concatenate(first: &Maps, second: &Maps) -> Maps {
    let [images, _, height, width] = first.shape();
    Maps::build([images, first.channels + second.channels, height, width], |image, channel, plane| {
        plane.copy_from_slice(match channel.checked_sub(first.channels) {
            None => first.plane(image, channel),
            Some(channel) => second.plane(image, channel),
        });
    })
}

pub(super) fn global_average_pool(x: &Maps) -> Maps {
    Maps::build([x.images, x.channels, 1, 1], |image, channel, mean| {
        let plane = x.plane(image, channel);
        mean[0] = plane.iter().sum::<f64>() / plane.len() as f64;
    })
}

pub(super) fn global_max_pool(x: &Maps) -> Maps {
    Maps::build([x.images, x.channels, 1, 1], |image, channel, maximum| {
        maximum[0] = x.plane(image, channel).iter().copied().fold(f64::NEG_INFINITY, f64::max);
    })
}

/// An activation of a vector; softmax over its channels.
pub(super) fn activation(x: &Maps, layer: HeadLayer) -> Maps {
    let each = |f: fn(f64) -> f64| Maps { data: x.data.iter().map(|&x| f(x)).collect(), ..x.clone() };
    match layer {
        HeadLayer::Relu => each(|x| x.max(0.0)),
        HeadLayer::LeakyRelu { slope } => {
            Maps { data: x.data.iter().map(|&x| if x < 0.0 { slope * x } else { x }).collect(), ..x.clone() }
        }
        HeadLayer::Gelu => each(|x| x / 2.0 * (1.0 + erf(x / 2f64.sqrt()))),
        HeadLayer::GeluTanh => {
            each(|x| x / 2.0 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh()))
        }
        HeadLayer::Silu => each(|x| x / (1.0 + (-x).exp())),
        HeadLayer::Tanh => each(f64::tanh),
        HeadLayer::Sigmoid => each(|x| 1.0 / (1.0 + (-x).exp())),
        HeadLayer::Softmax | HeadLayer::LogSoftmax => {
            let softmax = |row: &[f64]| {
                let top = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.iter().map(|x| (x - top).exp()).sum();
                let log: Vec<f64> = row.iter().map(|x| x - top - sum.ln()).collect();
                if layer == HeadLayer::LogSoftmax { log } else { log.iter().map(|x| x.exp()).collect() }
            };
            Maps { data: x.data.chunks(x.channels).flat_map(softmax).collect(), ..x.clone() }
        }
        HeadLayer::Linear { .. } | HeadLayer::BatchNorm { .. } => unreachable!("no activation"),
    }
}

/// The error function: its power series, and far out, where that loses digits, its continued fraction.
fn erf(x: f64) -> f64 {
    let z = x.abs();
    let root = std::f64::consts::PI.sqrt();
    let value = if z < 3.0 {
        // 2/sqrt(pi) * sum of (-1)^n z^(2n+1) / (n! (2n+1))
        let (mut term, mut sum) = (z, z);
        for n in 1..100 {
            term *= -z * z / f64::from(n);
            sum += term / f64::from(2 * n + 1);
        }
        2.0 / root * sum
    } else {
        // 1 - exp(-z^2) / (sqrt(pi) * (z + (1/2) / (z + (2/2) / (z + ..))))
        let fraction = (1..60).rev().fold(z, |below, n| z + f64::from(n) / 2.0 / below);
        1.0 - (-z * z).exp() / (root * fraction)
    };
    value.copysign(x)
}

/// `y[o][r][c] = sum over i of weight[o][i] * x[i][r][c]`: the classifier at every pixel, without its bias.
pub(super) fn class_maps(x: &Maps, weight: &Tensor) -> Maps {
    Maps::build([x.images, weight.shape[0], x.height, x.width], |image, output, plane| {
        for input in 0..x.channels {
            let w = f64::from(weight.data[output * x.channels + input]);
            plane.iter_mut().zip(x.plane(image, input)).for_each(|(y, &x)| *y += w * x);
        }
    })
}

/// `y[o] = bias[o] + sum over i of weight[o][i] * x[i]`.
pub(super) fn linear(x: &Maps, weight: &Tensor, bias: &Tensor) -> Maps {
    Maps::build([x.images, bias.data.len(), 1, 1], |image, output, y| {
        let weights = &weight.data[output * x.channels..][..x.channels];
        let products = weights.iter().enumerate().map(|(i, &w)| f64::from(w) * x.plane(image, i)[0]);
        y[0] = f64::from(bias.data[output]) + products.sum::<f64>();
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_error_function_is_that_of_the_tables() {
        // Abramowitz and Stegun, table 7.1.
        for (x, want) in
            [(0.0, 0.0), (0.1, 0.112_462_916), (1.0, 0.842_700_793), (2.9, 0.999_958_902), (3.1, 0.999_988_351)]
        {
            assert!((super::erf(x) - want).abs() < 1e-9, "{x}");
            assert!((super::erf(-x) + want).abs() < 1e-9, "-{x}");
        }
    }
}
