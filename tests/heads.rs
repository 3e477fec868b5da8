//! Ring 4: heads of every kind on the adapter that is there, tap by tap against the CPU reference. Every activation is NaN
//! before each run.

mod adapter;
mod compare;
mod head_layers;

use adapter::CHOICES;
use compare::{assert_close, tolerances};
use densenet_wgpu::architecture::{Branch, Head, HeadLayer, InputTransform, Padding, Pooling, Recipe, Stem};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::reference::forward_keeping;
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{Activation, Architecture, InputSize, POOLED_MAPS, SessionOptions};
use head_layers::ACTIVATIONS;

const POOLINGS: [Pooling; 5] = [
    Pooling::Average,
    Pooling::Maximum,
    Pooling::AverageMaximum,
    Pooling::MaximumAverage,
    Pooling::Flatten { height: 3, width: 5 },
];

fn linear(outputs: usize) -> HeadLayer {
    HeadLayer::Linear { outputs }
}

const NORM: HeadLayer = HeadLayer::BatchNorm { eps: 1e-3 };

/// A network of odd widths with this head.
fn network(name: &str, head: Head) -> Architecture {
    let recipe = Recipe { stem: Stem::cifar(9), ..Recipe::imagenet(5, &[2, 3]) };
    Architecture { head, ..recipe.build(name) }
}

/// 3x5 pixels at the end.
const SIZE: InputSize = InputSize { height: 6, width: 11 };

/// Every tap, those of class maps included, against the reference.
fn check(architecture: &Architecture, batch: usize, choices: &[adapter::Choice]) {
    let _turn = adapter::turn();
    let weights = Weights::random(architecture, 11).unwrap();
    let maps = architecture.classes().is_some();
    let plan = if maps { Plan::with_class_maps } else { Plan::new }(architecture, SIZE, batch).unwrap();
    let names: Vec<String> = plan.taps.iter().map(|tap| tap.name.clone()).collect();
    let input = weights::random::input(5, batch * architecture.input_channels * SIZE.height * SIZE.width);
    let wanted = forward_keeping(&weights, &input, batch, SIZE, |name| plan.tap(name).is_ok()).unwrap();
    for choice in choices {
        let options = choice.options().class_maps(maps);
        let model = densenet_wgpu::Model::load_blocking(&choice.on(&adapter::gpu()), &weights, options).unwrap();
        let options = SessionOptions::new(SIZE).max_batch(batch).taps(names.clone());
        let mut session = model.session_blocking(options).unwrap();
        pollster::block_on(session.fill_activations(f32::NAN)).unwrap();
        let output = session.run_blocking(&input).unwrap();
        for name in &names {
            let (got, want) = (output.tap(name).unwrap(), wanted.get(name).unwrap_or_else(|| panic!("no {name}")));
            assert_eq!(got.channels * got.height * got.width, want.shape().elements(), "{name}");
            let what = format!("{choice:?} {} {name}", architecture.head);
            assert_close(&what, &got.data, &want.data, &tolerances(&wanted, name));
        }
        assert_eq!(output.row(0).len(), architecture.output_channels());
        assert_close("output", output.logits(), wanted.logits(), &tolerances(&wanted, wanted.logits_name()));
    }
}

#[test]
fn every_pooling_with_and_without_relu_and_layers() {
    for pooling in POOLINGS {
        for relu in [true, false] {
            for layers in [vec![], vec![linear(3)], vec![NORM, linear(6), HeadLayer::Relu, NORM, linear(5)]] {
                check(
                    &network("poolings", Head { relu, pooling, layers, branches: vec![] }),
                    2,
                    &[CHOICES[0], CHOICES[3]],
                );
            }
        }
    }
}

#[test]
fn every_activation_in_the_middle_and_at_the_end() {
    for activation in ACTIVATIONS {
        // Behind a linear layer and a norm, on its own, behind a norm alone, on the features, and last.
        let layers =
            vec![activation, linear(70), NORM, activation, activation, NORM, activation, linear(7), activation];
        let head = Head { relu: true, pooling: Pooling::Average, layers, branches: vec![] };
        check(&network("activations", head), 3, &[CHOICES[0], CHOICES[3]]);
    }
}

#[test]
fn branches_are_one_behind_the_other() {
    let branch =
        |name: &str, layers: Vec<HeadLayer>| Branch { name: name.into(), layers, activation: Activation::None };
    let branches = || {
        vec![
            branch("age", vec![linear(1)]),
            branch("sex", vec![NORM, linear(6), HeadLayer::Silu, linear(2)]),
            branch("site", vec![linear(5), HeadLayer::Sigmoid]),
        ]
    };
    for layers in [vec![], vec![linear(9), HeadLayer::Relu], vec![NORM, HeadLayer::Tanh]] {
        for pooling in [Pooling::Average, Pooling::MaximumAverage, Pooling::Flatten { height: 3, width: 5 }] {
            let head = Head { relu: true, pooling, layers: layers.clone(), branches: branches() };
            check(&network("branches", head), 2, &[CHOICES[0], CHOICES[3]]);
        }
    }
}

#[test]
fn every_choice_of_kernels_runs_a_head_of_everything() {
    let layers = vec![NORM, linear(70), HeadLayer::Gelu, NORM, HeadLayer::Softmax, linear(67), HeadLayer::LogSoftmax];
    let head = Head { relu: false, pooling: Pooling::AverageMaximum, layers, branches: vec![] };
    check(&network("all", head), 2, &CHOICES);
}

#[test]
fn what_a_network_does_to_its_input_leaves_the_padding_at_zero() {
    let weights = vec![vec![0.5], vec![-2.0], vec![1.0]];
    let input = InputTransform { weights, shift: vec![1.0, 2.0, -30.0], size: None };
    let stem = Stem { padding: Padding::all(1), ..Stem::cifar(9) };
    let architecture =
        Architecture { input: Some(input), input_channels: 1, stem, ..network("input", Head::linear(3)) };
    check(&architecture, 3, &[CHOICES[0], CHOICES[3]]);
}

#[test]
fn a_size_that_a_flattening_head_does_not_admit_is_refused() {
    let head = Head { pooling: POOLINGS[4], ..Head::linear(3) };
    let architecture = network("flat", head);
    let refused = Plan::new(&architecture, InputSize::square(8), 1).unwrap_err().to_string();
    assert!(refused.contains("3x5 pixels whole") && refused.contains("this input gives 4x4"), "{refused}");
    assert!(Plan::with_class_maps(&architecture, SIZE, 1).unwrap().tap(POOLED_MAPS).is_ok());
}
