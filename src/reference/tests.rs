use super::layers::{average_pool, concatenate, convolution, max_pool};
use super::maps::Maps;
use super::rounding::Rounding;
use super::*;
use crate::architecture::{Architecture, InputSize, Padding, Recipe, Stem};
use crate::error::Result;
use crate::precision::Precision;
use crate::weights::{Tensor, Weights};

fn maps(channels: usize, height: usize, width: usize, data: &[f64]) -> Maps {
    Maps { images: data.len() / (channels * height * width), channels, height, width, data: data.to_vec() }
}

fn tiny(stem: Stem, bottleneck_factor: Option<usize>, classes: Option<usize>) -> Architecture {
    Recipe { stem, bottleneck_factor, classes, ..Recipe::imagenet(5, &[2, 1, 2]) }.build("tiny")
}

#[test]
fn convolution_by_hand_with_asymmetric_padding() {
    // 1 2 3 / 4 5 6 with one zero row below and one zero column to the right.
    let x = maps(1, 2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let weight = Tensor { shape: vec![1, 1, 2, 2], data: vec![1.0, 10.0, 100.0, 1000.0] };
    let padding = Padding::Explicit { top: 0, left: 0, bottom: 1, right: 1 };
    let y = convolution(&x, &weight, 1, padding);
    assert_eq!(y, maps(1, 2, 3, &[5421.0, 6532.0, 603.0, 54.0, 65.0, 6.0]));
    let y = convolution(&x, &weight, 2, padding);
    assert_eq!(y, maps(1, 1, 2, &[5421.0, 603.0]));
}

#[test]
fn convolution_sums_input_channels_and_keeps_images_apart() {
    let x = maps(2, 1, 1, &[1.0, 2.0, 3.0, 4.0]);
    let weight = Tensor { shape: vec![3, 2, 1, 1], data: vec![1.0, 10.0, 2.0, 20.0, 3.0, 30.0] };
    let y = convolution(&x, &weight, 1, Padding::all(0));
    assert_eq!(y, maps(3, 1, 1, &[21.0, 42.0, 63.0, 43.0, 86.0, 129.0]));
}

#[test]
fn padding_never_wins_the_maximum() {
    let x = maps(1, 2, 2, &[-1.0, -2.0, -3.0, -4.0]);
    assert_eq!(max_pool(&x, 3, 2, Padding::all(1)), maps(1, 1, 1, &[-1.0]));
    assert_eq!(max_pool(&x, 2, 1, Padding::all(1)).data, [-1.0, -1.0, -2.0, -1.0, -1.0, -2.0, -3.0, -3.0, -4.0]);
}

#[test]
fn average_pool_drops_odd_rows_and_columns() {
    let x = maps(1, 3, 3, &[1.0, 2.0, 99.0, 3.0, 6.0, 99.0, 99.0, 99.0, 99.0]);
    assert_eq!(average_pool(&x), maps(1, 1, 1, &[3.0]));
}

#[test]
fn new_channels_come_last() {
    let all = concatenate(&maps(2, 1, 1, &[1.0, 2.0, 11.0, 12.0]), &maps(1, 1, 1, &[3.0, 13.0]));
    assert_eq!(all, maps(3, 1, 1, &[1.0, 2.0, 3.0, 11.0, 12.0, 13.0]));
}

#[test]
fn every_layer_of_the_walk_is_there_in_its_shape_and_order() {
    let size = InputSize { height: 45, width: 32 };
    for architecture in [
        tiny(Stem::imagenet(7), Some(4), Some(3)),
        tiny(Stem::cifar(6), None, None),
        tiny(Stem { padding: Padding::Same, ..Stem::imagenet(7) }, None, Some(3)),
    ] {
        let weights = Weights::random(&architecture, 1).unwrap();
        let input = vec![0.5; 2 * 3 * 45 * 32];
        let outputs = forward(&weights, &input, 2, size).unwrap();
        let walk = architecture.walk(size).unwrap();
        for layer in &walk {
            let value = outputs.get(&layer.name).unwrap_or_else(|| panic!("{} is missing", layer.name));
            let shape = layer.output;
            assert_eq!((value.channels, value.height, value.width), (shape.channels, shape.height, shape.width));
            assert_eq!(value.data.len(), 2 * shape.elements(), "{}", layer.name);
        }
        let names = |name: &&str| walk.iter().any(|layer| layer.name == *name);
        let order: Vec<&str> = outputs.iter().map(|(name, _)| name).filter(names).collect();
        assert!(order.iter().eq(walk.iter().map(|layer| &layer.name)), "{order:?}");
        assert_eq!(outputs.logits().len(), 2 * architecture.output_channels());
    }
}

#[test]
fn taps_are_what_they_say() {
    let architecture = tiny(Stem::imagenet(7), Some(4), Some(3));
    let weights = Weights::random(&architecture, 1).unwrap();
    let input = crate::weights::random::input(1, 3 * 64 * 64);
    let outputs = forward(&weights, &input, 1, InputSize::square(64)).unwrap();
    let get = |name: &str| outputs.get(name).unwrap();
    assert_eq!(get("features.denseblock1.denselayer2"), get("features.denseblock1.denselayer2.conv2"));
    assert_eq!(get("features.denseblock1"), get("features.denseblock1.denselayer2.concat"));
    assert_eq!(get("features.transition1"), get("features.transition1.pool"));
    let (relu, pooled) = (get("features.transition1.relu"), get("features.transition1.pooled"));
    assert_eq!((pooled.channels, pooled.height), (relu.channels, relu.height / 2));
    let corner = relu.data[0] + relu.data[1] + relu.data[relu.width] + relu.data[relu.width + 1];
    assert!((pooled.data[0] - corner / 4.0).abs() < 1e-6 && pooled.data.iter().any(|&x| x > 0.0));
}

#[test]
fn keeping_less_changes_nothing_else() {
    let weights = Weights::random(&tiny(Stem::imagenet(7), Some(4), Some(3)), 1).unwrap();
    let input = crate::weights::random::input(1, 3 * 64 * 64);
    let all = forward(&weights, &input, 1, InputSize::square(64)).unwrap();
    let one = |name: &str| name == "features.transition1.pooled";
    let few = forward_keeping(&weights, &input, 1, InputSize::square(64), one).unwrap();
    assert_eq!(few.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["features.transition1.pooled", "classifier"]);
    assert!(few.iter().all(|(name, value)| all.get(name) == Some(value)));
}

/// `tolerances / 16 / 2^-24`: standard deviations in units of f32's roundoff.
fn ulps(rounding: &Rounding) -> Vec<f64> {
    rounding.tolerances(Precision::F32).iter().map(|tolerance| tolerance / 16.0 * 2f64.powi(24)).collect()
}

fn assert_near(got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len());
    let near = |(got, want): (&f64, &f64)| (got - want).abs() <= 1e-12 * want.abs();
    assert!(got.iter().zip(want).all(near), "{got:?} should be {want:?}");
}

#[test]
fn rounding_errors_follow_the_sums() {
    // Two images of two channels and two pixels: root mean squares 5, 1 and 0.5, 0.
    let x = maps(2, 1, 2, &[5.0, -5.0, 1.0, 1.0, 0.5, 0.5, 0.0, 0.0]);
    let exact = Rounding::none(&x);
    assert_eq!(ulps(&exact), [0.0; 4]);
    let weight = Tensor { shape: vec![1, 2, 1, 1], data: vec![-2.0, 3.0] };
    let bias = Tensor { shape: vec![1], data: vec![-4.0] };
    let sums = exact.of_sums(&x, &weight, Some(&bias));
    assert_near(&ulps(&sums), &[4.0 + 10.0 + 3.0, 4.0 + 1.0]);
    // Weights stored as f16 are off by 2^-11 of themselves, each on its own: 8192 roundoffs of f32.
    let half: Vec<f64> = sums.tolerances(Precision::F16).iter().map(|t| t / 16.0 * 2f64.powi(24)).collect();
    assert_near(&half, &[(17f64.powi(2) + 8192f64.powi(2) * 109.0).sqrt(), (25.0 + 8192f64.powi(2)).sqrt()]);
    // A norm scales the errors and adds its own.
    let y = maps(1, 1, 2, &[-11.0, 9.0, -5.0, -5.0]);
    let normed = sums.of_affine(&y, |_| -3.0, |_| 7.0);
    let own = |square: f64| 3.0 * square.sqrt() + 7.0;
    let want = [51f64.hypot(own(101.0)), 15f64.hypot(own(25.0))];
    assert_near(&ulps(&normed), &want);
    // Half of the first image's pixels are 0, where errors stop. All of the second's are, and one counts nevertheless.
    let relu = maps(1, 1, 2, &[40.0, 0.0, 0.0, 0.0]);
    let one = Tensor { shape: vec![1, 1, 1, 1], data: vec![1.0] };
    let after = normed.of_sums(&relu, &one, None);
    let stopped = [(want[0] * want[0] / 2.0 + 800.0).sqrt(), want[1] / 2f64.sqrt()];
    assert_near(&ulps(&after), &stopped);
    assert_near(&ulps(&normed.of_global_pool(&relu)), &stopped);
    // Concatenation keeps images apart.
    let both = after.concatenate(&normed);
    assert_near(&ulps(&both), &[stopped[0], want[0], stopped[1], want[1]]);
}

#[test]
fn every_output_has_tolerances_of_its_own() {
    let weights = Weights::random(&tiny(Stem::imagenet(7), Some(4), Some(1)), 1).unwrap();
    let input = crate::weights::random::input(1, 2 * 3 * 64 * 64);
    let outputs = forward(&weights, &input, 2, InputSize::square(64)).unwrap();
    assert_eq!(outputs.logits_name(), "classifier");
    for (name, value) in outputs.iter() {
        let [whole, half] = [Precision::F32, Precision::F16].map(|p| outputs.tolerances(name, p).unwrap());
        assert_eq!((whole.len(), half.len()), (value.data.len(), value.data.len()), "{name}");
        let most = value.data.iter().fold(0f64, |most, x| most.max(f64::from(x.abs())));
        assert!(whole.iter().all(|tolerance| *tolerance > 0.0 && *tolerance < 1e-4 * most), "{name}");
        assert!(whole.iter().zip(&half).all(|(whole, half)| whole < half), "{name}");
    }
    // One class: the tolerance of a logit does not depend on the other logits.
    let tolerances = outputs.tolerances("classifier", Precision::F32).unwrap();
    let logits = outputs.logits();
    assert!(compare(logits, logits, &tolerances).agrees());
    assert!(!compare(&[logits[0], logits[1] + 1e-3], logits, &tolerances).agrees());
    assert!(outputs.tolerances("features.norm9", Precision::F32).is_none());
}

#[test]
fn comparisons_name_the_value_that_is_worst_in_its_own_tolerance() {
    let want = [1.0, 2.0, 3.0];
    let worst = compare(&[1.5, 2.25, 3.0], &want, &[1.0, 0.4, 0.0]);
    assert_eq!((worst.element, worst.error, worst.tolerance, worst.agrees()), (1, 0.25, 0.4, true));
    assert!(!compare(&[1.0, 2.5, 3.0], &want, &[1.0, 0.4, 1.0]).agrees());
    for bad in [f32::NAN, f32::INFINITY] {
        let worst = compare(&[1.0, bad, 3.0], &want, &[f64::INFINITY; 3]);
        assert_eq!((worst.element, worst.agrees()), (1, false));
    }
    assert!(!compare(&want, &want, &[1.0; 2]).agrees() && !compare(&[], &[], &[]).agrees());
}

#[test]
fn bad_inputs_are_refused() {
    let weights = Weights::random(&tiny(Stem::cifar(6), None, Some(3)), 1).unwrap();
    let run = |input: &[f32], batch, side| forward(&weights, input, batch, InputSize::square(side));
    let mut input = vec![0.0; 3 * 16 * 16];
    assert!(run(&input, 1, 16).is_ok());
    let refused = |result: Result<Outputs>, word: &str| {
        let error = result.unwrap_err().to_string();
        assert!(error.contains(word), "'{error}' does not speak of '{word}'");
    };
    refused(run(&input, 2, 16), "2 images of 3x16x16");
    refused(run(&[], 0, 16), "at least one");
    refused(run(&input, usize::MAX, 16), "images");
    refused(run(&[0.0; 27], 1, 3), "too small");
    for bad in [f32::NAN, f32::INFINITY] {
        input[5] = bad;
        refused(run(&input, 1, 16), "element 5");
    }
}
