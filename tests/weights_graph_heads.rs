//! Heads, several outputs and preprocessing of models whose files hold a graph, Keras' and ONNX, against the frameworks' logits: by
//! path alone, on the CPU reference and on the adapter that is there.

#![cfg(all(feature = "keras", feature = "onnx"))]

mod adapter;
mod compare;
mod framework_files;

use adapter::CHOICES;
use compare::{assert_close, compare_logits, logit_tolerances};
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, Weights, random};
use densenet_wgpu::{Activation, InputSize, SessionOptions};
use framework_files::{Golden, SHARE, unpacked};
use serde::Deserialize;
use serde_json::Value;

/// A file as the generators in `tests/golden` describe it.
#[derive(Deserialize)]
struct Case {
    #[serde(flatten)]
    golden: Golden,
    head: String,
    channels: usize,
    #[serde(default = "one")]
    scale: f32,
    #[serde(default)]
    offset: f32,
    #[serde(default)]
    transform: Option<String>,
    #[serde(default)]
    outputs: Vec<(String, usize)>,
    #[serde(default)]
    activation: Value,
}

fn one() -> f32 {
    1.0
}

impl Case {
    fn size(&self) -> InputSize {
        InputSize { height: self.golden.height, width: self.golden.width }
    }

    fn input(&self) -> Vec<f32> {
        let pixels = self.golden.height * self.golden.width;
        let seeded = random::input(self.golden.seed, self.golden.batch * self.channels * pixels);
        seeded.into_iter().map(|x| x * self.scale + self.offset).collect()
    }

    /// What the file says besides its numbers.
    fn assert_described(&self, weights: &Weights) {
        let (name, architecture) = (&self.golden.name, weights.architecture());
        assert_eq!(architecture.head.to_string(), self.head, "{name}");
        assert!(weights.origin().warnings.is_empty(), "{name}: {:?}", weights.origin().warnings);
        assert_eq!(architecture.input_channels, self.channels, "{name}");
        assert_eq!(architecture.input.is_some(), self.transform.is_some(), "{name}");
        let outputs = architecture.outputs();
        for ((name, width), (own, own_width, _)) in self.outputs.iter().zip(&outputs) {
            assert_eq!((name.as_str(), width), (*own, own_width));
        }
        // A graph that ends in logits does not say what they become.
        if name.ends_with(".onnx") && self.activation == "none" {
            return;
        }
        for (output, _, activation) in outputs {
            let stated = if output.is_empty() { &self.activation } else { &self.activation[output] };
            let stated = match stated.as_str() {
                Some("softmax") => Activation::Softmax,
                Some("sigmoid") => Activation::Sigmoid,
                Some("none") => Activation::None,
                _ => continue,
            };
            assert_eq!(activation, stated, "{name} {output}");
        }
    }
}

#[test]
fn models_are_right_by_path_alone() {
    let _turn = adapter::turn();
    for archive in ["keras-heads", "onnx-heads", "tf2onnx-heads"] {
        let (folder, cases) = unpacked::<Case>(archive);
        assert!(cases.len() > 2);
        for case in cases {
            let (name, batch, size) = (&case.golden.name, case.golden.batch, case.size());
            let weights = weights::open(folder.path().join(name)).unwrap_or_else(|e| panic!("{e}"));
            case.assert_described(&weights);
            let input = case.input();
            let reference = forward_keeping(&weights, &input, batch, size, |_| false).unwrap();
            // Half-precision models compute in half precision; this library reads their weights.
            if name.starts_with("half") {
                let span = case.golden.logits.iter().fold(0f32, |most, x| most.max(x.abs()));
                let near = |(got, want): (&f32, &f32)| (got - want).abs() < 5e-3 * span;
                assert!(reference.logits().iter().zip(&case.golden.logits).all(near), "{name}");
                continue;
            }
            compare_logits(&reference, &case.golden.logits, SHARE).unwrap_or_else(|e| panic!("{archive} {name}: {e}"));
            let allowed = logit_tolerances(&reference, 1.0);
            for choice in [CHOICES[0], CHOICES[3]] {
                let options = SessionOptions::new(size).max_batch(batch);
                let mut session = choice.load(&weights).session_blocking(options).unwrap();
                let output = session.run_blocking(&input).unwrap();
                assert_close(&format!("{archive} {name} {choice:?}"), output.logits(), &case.golden.logits, &allowed);
            }
        }
    }
}

#[test]
fn graphs_that_are_no_densenet_are_refused_by_a_nodes_name() {
    let (folder, _) = unpacked::<Value>("onnx-heads");
    for name in ["attention.onnx", "residual.onnx"] {
        let error = weights::open(folder.path().join(name)).unwrap_err().to_string();
        assert!(error.contains("node '"), "{error}");
    }
}
