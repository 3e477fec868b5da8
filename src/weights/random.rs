//! Seeded random weights and inputs from a counter-based integer generator. Element `i` of tensor `name` depends on
//! the seed, the name and `i` alone, and no function is used that differs between libraries: every language gets the
//! same bits.

use std::collections::BTreeMap;

use super::network::Weights;
use super::tensor::Tensor;
use crate::architecture::{Architecture, Parameter};
use crate::error::Result;
use crate::threads;

/// How batch norm statistics and kernels are scaled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Statistics {
    /// Variances of 0.5 to 1.5.
    #[default]
    Ordinary,
    /// Smaller kernels and means, and variances of 1e-4 to 1e-3, with which a wrong epsilon shows.
    Small,
}

/// 2^64 divided by the golden ratio: splitmix64's increment.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

struct Stream(u64);

impl Stream {
    fn new(seed: u64, name: &str) -> Self {
        // FNV-1a.
        let hash = name
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
        Stream(hash ^ seed.wrapping_mul(GOLDEN))
    }

    /// 24 bits, as many as an `f32` holds exactly.
    fn bits(&self, i: usize) -> u64 {
        let mut z = self.0.wrapping_add((i as u64 + 1).wrapping_mul(GOLDEN));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) >> 40
    }

    /// Uniform in [0, 1), each mapped by `f`.
    fn take(&self, n: usize, f: impl Fn(f32) -> f32) -> Vec<f32> {
        (0..n).map(|i| f(self.bits(i) as f32 * (1.0 / 16_777_216.0))).collect()
    }
}

/// Seeded network input: `elements` values in [-2, 2), NCHW row-major.
pub fn input(seed: u64, elements: usize) -> Vec<f32> {
    Stream::new(seed, "input").take(elements, |u| 4.0 * u - 2.0)
}

fn tensor(seed: u64, statistics: Statistics, parameter: &Parameter) -> Tensor {
    let Parameter { name, shape } = parameter;
    let stream = Stream::new(seed, name);
    let n = shape.iter().product();
    let small = statistics == Statistics::Small;
    let data = if shape.len() > 1 {
        // He's uniform bound.
        let fan_in: usize = shape[1..].iter().product();
        let bound = (6.0 / fan_in as f64).sqrt() as f32;
        let scale = if small && shape.len() == 4 { 1.0 / 64.0 } else { 1.0 };
        stream.take(n, |u| (2.0 * u - 1.0) * bound * scale)
    } else if name == "classifier.bias" {
        stream.take(n, |u| (2.0 * u - 1.0) * 0.125)
    } else if name.ends_with(".running_var") {
        if small { stream.take(n, |u| 1e-4 + u * 9e-4) } else { stream.take(n, |u| 0.5 + u) }
    } else if name.ends_with(".running_mean") {
        let scale = if small { 1.0 / 32.0 } else { 1.0 };
        stream.take(n, |u| (u - 0.5) * 0.5 * scale)
    } else if name.ends_with(".bias") {
        stream.take(n, |u| (u - 0.5) * 0.5)
    } else {
        stream.take(n, |u| 0.5 + 0.5 * u)
    };
    Tensor { shape: shape.clone(), data }
}

impl Weights {
    /// Seeded random weights with ordinary statistics.
    ///
    /// # Errors
    /// [`crate::Error::Architecture`] for an impossible network.
    pub fn random(architecture: &Architecture, seed: u64) -> Result<Weights> {
        Weights::random_with(architecture, seed, Statistics::Ordinary)
    }

    /// Seeded random weights: uniform kernels in He's bound, randomised batch norm statistics.
    ///
    /// # Errors
    /// [`crate::Error::Architecture`] for an impossible network.
    pub fn random_with(architecture: &Architecture, seed: u64, statistics: Statistics) -> Result<Weights> {
        let parameters = architecture.parameters()?;
        let named = |parameter: &Parameter| (parameter.name.clone(), tensor(seed, statistics, parameter));
        let tensors: BTreeMap<String, Tensor> = threads::map(parameters.iter().collect(), named).into_iter().collect();
        let mut weights = Weights::new(architecture.clone(), tensors)?;
        weights.origin.format = match statistics {
            Statistics::Ordinary => format!("random (seed {seed})"),
            Statistics::Small => format!("random (seed {seed}, small statistics)"),
        };
        Ok(weights)
    }
}
