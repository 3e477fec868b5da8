//! Whether an engine agrees with the CPU reference, tap by tap.

use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::reference::{self, Comparison, Outputs};
use densenet_wgpu::weights::random;
use densenet_wgpu::{FeatureMaps, InputSize, Output, Precision, SessionOptions, Weights};
use serde_json::{Value, json};

use crate::cli::host_elements;
use crate::cli::model::AnyModel;

/// A network and seeded images for it: what an engine and the reference are both asked.
pub(crate) struct Question<'a> {
    pub(crate) weights: &'a Weights,
    pub(crate) size: InputSize,
    batch: usize,
    taps: Vec<String>,
    input: Vec<f32>,
}

impl<'a> Question<'a> {
    pub(crate) fn new(weights: &'a Weights, size: InputSize, batch: usize) -> anyhow::Result<Question<'a>> {
        let architecture = weights.architecture();
        let taps = Plan::new(architecture, size, 1)?.taps.iter().map(|tap| tap.name.clone()).collect();
        let image = architecture.input_channels * size.height * size.width;
        let input = random::input(0, host_elements(batch, image)?);
        Ok(Question { weights, size, batch, taps, input })
    }

    /// What a model answers, with every tap.
    pub(crate) fn ask(&self, model: &AnyModel) -> densenet_wgpu::Result<Output> {
        let options = SessionOptions::new(self.size).max_batch(self.batch).taps(&self.taps);
        model.session(options)?.run(&self.input)
    }

    /// What the reference answers. It takes its time.
    pub(crate) fn right(&self) -> densenet_wgpu::Result<Outputs> {
        let wanted = |name: &str| self.taps.iter().any(|tap| tap == name);
        reference::forward_keeping(self.weights, &self.input, self.batch, self.size, wanted)
    }

    /// An answer beside the right one, tap by tap.
    pub(crate) fn compare(&self, answer: &Output, right: &Outputs, precision: Precision) -> Vec<Compared> {
        self.taps.iter().map(|name| Compared::new(name, answer.tap(name), right, precision)).collect()
    }
}

/// One tap's verdict.
pub(crate) struct Compared {
    pub(crate) name: String,
    shape: String,
    /// The largest error; infinite where a value is not finite, or where shapes differ.
    max_abs_error: f64,
    /// The value that comes nearest to its tolerance, or exceeds it by most.
    nearest: Comparison,
}

impl Compared {
    fn new(name: &str, got: Option<&FeatureMaps>, wanted: &Outputs, precision: Precision) -> Compared {
        let nothing = reference::compare(&[], &[], &[]);
        let mut compared =
            Compared { name: name.into(), shape: "missing".into(), max_abs_error: f64::INFINITY, nearest: nothing };
        let (Some(got), Some(want)) = (got, wanted.get(name)) else { return compared };
        compared.shape = got.shape().to_string();
        if got.shape() != want.shape() || got.data.len() != want.data.len() {
            compared.shape += &format!(" for {}", want.shape());
            return compared;
        }
        compared.max_abs_error = max_abs_error(&got.data, &want.data);
        let tolerances = wanted.tolerances(name, precision).unwrap_or_default();
        compared.nearest = reference::compare(&got.data, &want.data, &tolerances);
        compared
    }

    pub(crate) fn ok(&self) -> bool {
        self.nearest.agrees()
    }

    pub(crate) fn row(&self) -> [String; 6] {
        [
            self.name.clone(),
            self.shape.clone(),
            format!("{:.2e}", self.nearest.error),
            format!("{:.2e}", self.nearest.tolerance),
            format!("{:.1} %", 100.0 * self.nearest.share()),
            if self.ok() { "ok" } else { "BEYOND" }.into(),
        ]
    }

    pub(crate) fn json(&self) -> Value {
        // JSON has no infinity: null then says that there is no number to give.
        json!({
            "name": self.name, "shape": self.shape, "max_abs_error": self.max_abs_error, "error": self.nearest.error,
            "tolerance": self.nearest.tolerance, "ok": self.ok(),
        })
    }
}

/// Infinite where a value is not finite, so that no comparison lets it pass.
fn max_abs_error(got: &[f32], want: &[f32]) -> f64 {
    let error = |(&got, &want): (&f32, &f32)| {
        let error = (f64::from(got) - f64::from(want)).abs();
        if error.is_finite() { error } else { f64::INFINITY }
    };
    got.iter().zip(want).map(error).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use densenet_wgpu::architecture::{Recipe, Stem};
    use densenet_wgpu::weights::Weights;

    use super::*;

    /// A small network's outputs.
    fn wanted() -> Outputs {
        let recipe = Recipe { stem: Stem::cifar(4), classes: Some(1), ..Recipe::imagenet(4, &[1, 1]) };
        let weights = Weights::random(&recipe.build("small"), 1).expect("it can exist");
        let size = InputSize::square(8);
        reference::forward(&weights, &random::input(1, 3 * 8 * 8), 1, size).expect("it runs")
    }

    fn verdict(wanted: &Outputs, tap: &str, change: impl Fn(&mut FeatureMaps)) -> bool {
        let mut got = wanted.get(tap).expect("every layer is kept").clone();
        change(&mut got);
        Compared::new(tap, Some(&got), wanted, Precision::F32).ok()
    }

    #[test]
    fn only_what_is_close_passes() {
        let wanted = wanted();
        for tap in ["features.conv0", "features.denseblock2", "classifier"] {
            let value = wanted.get(tap).expect("kept").data[0];
            assert!(verdict(&wanted, tap, |_| {}));
            assert!(verdict(&wanted, tap, |got| got.data[0] = f32::from_bits(value.to_bits() + 1)), "an ulp, {tap}");
            assert!(!verdict(&wanted, tap, |got| got.data[0] += 1e-3), "{tap}");
            for bad in [f32::NAN, f32::INFINITY] {
                assert!(!verdict(&wanted, tap, |got| got.data[0] = bad), "{tap}");
            }
            assert!(!verdict(&wanted, tap, |got| got.height += 1), "{tap}");
            assert!(!verdict(&wanted, tap, |got| got.data.push(0.0)), "{tap}");
        }
        assert!(!verdict(&wanted, "features.conv0", |got| got.data.reverse()));
        assert!(!Compared::new("classifier", None, &wanted, Precision::F32).ok());
    }
}
