//! What a forward pass yields, and how the values of another implementation compare with it.

use super::rounding::Rounding;
use crate::maps::FeatureMaps;
use crate::precision::Precision;

/// What a forward pass yields: outputs by name, in execution order, each with its tolerances.
#[derive(Clone, Debug)]
pub struct Outputs {
    values: Vec<Output>,
}

#[derive(Clone, Debug)]
struct Output {
    name: String,
    value: FeatureMaps,
    rounding: Rounding,
}

impl Outputs {
    pub(super) fn new() -> Self {
        Outputs { values: Vec::new() }
    }

    pub(super) fn push(&mut self, name: &str, value: FeatureMaps, rounding: Rounding) {
        self.values.push(Output { name: name.into(), value, rounding });
    }

    /// The output of the layer or tap `name`, if it was kept.
    pub fn get(&self, name: &str) -> Option<&FeatureMaps> {
        self.output(name).map(|output| &output.value)
    }

    fn output(&self, name: &str) -> Option<&Output> {
        self.values.iter().find(|output| output.name == name)
    }

    /// Names and values in execution order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &FeatureMaps)> {
        self.values.iter().map(|output| (output.name.as_str(), &output.value))
    }

    /// `[N, classes]`, or the pooled features `[N, channels]` of a network without a classifier.
    pub fn logits(&self) -> &[f32] {
        self.values.last().map_or(&[], |output| &output.value.data)
    }

    /// The name of the last output: `classifier`, or `features.pool5` where there is no classifier.
    pub fn logits_name(&self) -> &str {
        self.values.last().map_or("", |output| &output.name)
    }

    /// How far the values of the output `name` may be off where they are computed in f32, with weights stored as
    /// `precision`: one tolerance for each value, in the same order. `None` where that output was not kept.
    ///
    /// Tolerances follow from the sums that make a value up. Each sum adds rounding errors in proportion to its
    /// `sum |w x| + |b|`, and passes on those of its inputs, scaled by its weights (see `reference/rounding.rs`). The range of
    /// the values does not matter: a network with a single output has none. All values of a channel of an image share one
    /// tolerance; channels of a layer may differ in scale by orders of magnitude, so they do not.
    pub fn tolerances(&self, name: &str, precision: Precision) -> Option<Vec<f64>> {
        let output = self.output(name)?;
        let pixels = output.value.height * output.value.width;
        let planes = output.rounding.tolerances(precision);
        Some(planes.into_iter().flat_map(|tolerance| std::iter::repeat_n(tolerance, pixels)).collect())
    }
}

/// How values compare with those of the reference: the value that comes nearest to its tolerance, or exceeds it by most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Its index.
    pub element: usize,
    /// Its distance from the reference; infinite where it is not finite.
    pub error: f64,
    /// The largest distance that rounding explains.
    pub tolerance: f64,
}

/// Compares values with those of the reference, within [`Outputs::tolerances`]. Where there are none, or not as many of
/// each, the result does not agree.
pub fn compare(got: &[f32], want: &[f32], tolerances: &[f64]) -> Comparison {
    let differ = Comparison { element: 0, error: f64::INFINITY, tolerance: 0.0 };
    if got.len() != want.len() || want.len() != tolerances.len() {
        return differ;
    }
    let elements = got.iter().zip(want).zip(tolerances).enumerate().map(|(element, ((&got, &want), &tolerance))| {
        let error = (f64::from(got) - f64::from(want)).abs();
        // A NaN wins no comparison, and an infinite value has an infinite tolerance.
        Comparison { element, error: if error.is_finite() { error } else { f64::INFINITY }, tolerance }
    });
    elements.reduce(|worst, next| if next.share() > worst.share() { next } else { worst }).unwrap_or(differ)
}

impl Comparison {
    /// Whether every value is within its tolerance.
    pub fn agrees(&self) -> bool {
        self.error.is_finite() && self.error <= self.tolerance
    }

    /// The error as a share of the tolerance; infinite where an error has no tolerance.
    pub fn share(&self) -> f64 {
        match (self.error, self.tolerance) {
            (0.0, _) => 0.0,
            (error, _) if error == f64::INFINITY => f64::INFINITY,
            (error, tolerance) => error / tolerance,
        }
    }
}
