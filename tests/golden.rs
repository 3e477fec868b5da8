//! The CPU reference against PyTorch and Keras. Both sides compute in f64 (Keras not everywhere), so a tenth of what f32
//! rounding explains is enough here.

mod compare;
mod golden_files;

use compare::compare_logits;
use densenet_wgpu::reference::{Outputs, forward_keeping};
use densenet_wgpu::weights::Weights;
use golden_files::{GoldenCase, cases};

fn run(case: &GoldenCase, weights: &Weights) -> Outputs {
    forward_keeping(weights, &case.input, case.batch, case.size, |_| false).unwrap()
}

#[test]
fn the_reference_agrees_with_pytorch_and_keras() {
    for case in cases() {
        let share = compare_logits(&run(&case, &case.weights()), &case.logits, 0.1);
        share.unwrap_or_else(|reason| panic!("{}: {reason}", case.name));
    }
}

#[test]
fn another_frameworks_epsilon_is_noticed() {
    let mut noticed = Vec::new();
    for case in cases().into_iter().filter(|case| case.eps_matters) {
        let weights = case.weights();
        for eps in [1e-5, 1.001e-5, 1.1e-5] {
            let mut architecture = weights.architecture().clone();
            if architecture.eps == eps {
                continue;
            }
            architecture.eps = eps;
            let changed = Weights::new(architecture, weights.tensors().clone()).unwrap();
            // What is asked of every adapter must be enough to tell.
            let result = compare_logits(&run(&case, &changed), &case.logits, 1.0);
            assert!(result.is_err(), "{}: eps {eps} passes with {result:?} of the tolerance", case.name);
            noticed.push(case.name.clone());
        }
    }
    for prefix in ["densenet121", "densenet169", "article", "same"] {
        assert!(noticed.iter().any(|name| name.starts_with(prefix)), "{prefix} claims no epsilon: {noticed:?}");
    }
}

#[test]
fn images_of_a_batch_do_not_mix() {
    for case in cases().into_iter().filter(|case| case.batch > 1) {
        let one = case.input.len() / case.batch;
        let weights = case.weights();
        let apart: Vec<f32> = (case.input.chunks(one))
            .flat_map(|image| forward_keeping(&weights, image, 1, case.size, |_| false).unwrap().logits().to_vec())
            .collect();
        assert_eq!(apart, run(&case, &weights).logits(), "{}", case.name);
    }
}
