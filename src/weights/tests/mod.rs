//! Tests of weights in memory; those of files are in the modules.

#[cfg(feature = "safetensors")]
mod files;
#[cfg(feature = "safetensors")]
mod refused;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Statistics, Tensor, Weights, fold, random};
use crate::architecture::{Architecture, Recipe, Stem};

/// Two blocks of two layers: small, with every kind of parameter.
fn tiny() -> Architecture {
    let stem = Stem::imagenet(8);
    Recipe { stem, classes: Some(5), ..Recipe::imagenet(4, &[2, 2]) }.build("tiny")
}

fn bits(data: &[f32], at: &[usize]) -> Vec<u32> {
    at.iter().map(|&i| data[i].to_bits()).collect()
}

#[test]
fn the_generator_gives_fixed_values() {
    // Computed independently with NumPy's float32 and Python's integers.
    let at = [0, 1, 1000];
    assert_eq!(bits(&random::input(0, 1001), &at), [0xbfcdeac2, 0x3f1c045c, 0x3f6ad8c4]);
    assert_eq!(bits(&random::input(7, 1001), &at), [0xbe7957e0, 0x3e3055e0, 0xbebbf168]);
    let architecture = Architecture::preset("densenet121").unwrap();
    let ordinary = Weights::random(&architecture, 7).unwrap();
    let small = Weights::random_with(&architecture, 7, Statistics::Small).unwrap();
    let norm = [0, 1, 63];
    for (weights, name, at, expected) in [
        (&ordinary, "features.conv0.weight", at, [0xbdb02413, 0x3db45aee, 0x3e14d094]),
        (&small, "features.conv0.weight", at, [0xbab02413, 0x3ab45aee, 0x3b14d094]),
        (&ordinary, "features.norm0.weight", norm, [0x3f5e6647, 0x3f4a2512, 0x3f3d6d21]),
        (&small, "features.norm0.weight", norm, [0x3f5e6647, 0x3f4a2512, 0x3f3d6d21]),
        (&ordinary, "features.norm0.bias", norm, [0xbc1d2840, 0x3d908288, 0xbe7cb7f4]),
        (&ordinary, "features.norm0.running_mean", norm, [0x3e736488, 0x3d8a0b9c, 0xbe3f4ed6]),
        (&small, "features.norm0.running_mean", norm, [0x3bf36488, 0x3b0a0b9c, 0xbbbf4ed6]),
        (&ordinary, "features.norm0.running_var", norm, [0x3f2c4d53, 0x3f1b974b, 0x3f01419b]),
        (&small, "features.norm0.running_var", norm, [0x3986161a, 0x394e91ab, 0x38dafa39]),
        (&ordinary, "classifier.weight", at, [0xbd00e0b0, 0x3c7322b9, 0x3d340896]),
        (&small, "classifier.weight", at, [0xbd00e0b0, 0x3c7322b9, 0x3d340896]),
    ] {
        assert_eq!(bits(&weights.tensor(name).unwrap().data, &at), expected, "{name}");
    }
    let bias = &ordinary.tensor("classifier.bias").unwrap().data;
    assert_eq!(bits(bias, &[0, 1]), [0x3daba166, 0x3c178020]);
}

#[test]
fn broken_tensors_are_refused_by_name() {
    type Mutation = fn(&mut BTreeMap<String, Tensor>);
    let cases: &[(Mutation, &str)] = &[
        (
            |t| drop(t.remove("features.norm5.bias")),
            "tensor 'features.norm5.bias' of shape [16] is missing; the nearest there is 'features.norm0.bias'",
        ),
        (
            |t| {
                let tensor = t.remove("features.norm5.bias").unwrap();
                t.insert("features.norm5.bais".into(), tensor);
            },
            "tensor 'features.norm5.bias' of shape [16] is missing; the nearest there is 'features.norm5.bais'",
        ),
        (
            |t| drop(t.insert("classifier.weights".into(), Tensor { shape: vec![1], data: vec![0.0] })),
            "tensor 'classifier.weights' of shape [1] has no place in this network; the nearest name that has is \
             'classifier.weight'",
        ),
        (
            |t| t.get_mut("classifier.bias").unwrap().shape = vec![5, 1],
            "tensor 'classifier.bias' has shape [5, 1], expected [5]",
        ),
        (|t| t.get_mut("classifier.bias").unwrap().data.truncate(4), "'classifier.bias' of shape [5] holds 4 elements"),
        (
            |t| t.get_mut("features.conv0.weight").unwrap().data[9] = f32::NAN,
            "tensor 'features.conv0.weight' holds NaN at element 9",
        ),
        (|t| t.get_mut("classifier.bias").unwrap().data[4] = f32::INFINITY, "'classifier.bias' holds inf at element 4"),
        (
            |t| t.get_mut("features.norm0.running_var").unwrap().data[2] = -1e-9,
            "tensor 'features.norm0.running_var' holds -0.000000001 at element 2: a variance is never negative",
        ),
    ];
    let good = Weights::random(&tiny(), 0).unwrap();
    for (mutate, message) in cases {
        let mut tensors = good.tensors().clone();
        mutate(&mut tensors);
        let error = Weights::new(tiny(), tensors).unwrap_err().to_string();
        assert!(error.contains(message), "'{error}' does not say '{message}'");
    }
    let error = good.tensor("features.norm9.bias").unwrap_err().to_string();
    assert!(error.contains("the nearest is 'features.norm0.bias'"), "{error}");
}

#[test]
fn labels_are_one_for_each_class() {
    let names = |n: usize| (0..n).map(|i| i.to_string()).collect::<Vec<_>>();
    let weights = Weights::random(&tiny(), 0).unwrap();
    assert_eq!(weights.clone().with_labels(names(5)).unwrap().labels().unwrap().len(), 5);
    assert!(weights.with_labels(names(4)).unwrap_err().to_string().contains("4 labels for 5 classes"));
}

#[test]
fn the_affine_map_of_a_norm_uses_eps() {
    let mut weights = Weights::random_with(&tiny(), 3, Statistics::Small).unwrap();
    let value = |weights: &Weights, part: &str| f64::from(weights.tensor(part).unwrap().data[1]);
    let [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
        .map(|part| value(&weights, &format!("features.norm0.{part}")));
    let affine = weights.affine("features.norm0").unwrap();
    let x = 0.7;
    let expected = (x - mean) / (variance + 1e-5).sqrt() * weight + bias;
    let got = x * f64::from(affine.scale[1]) + f64::from(affine.shift[1]);
    assert!((got - expected).abs() < 1e-5 * expected.abs(), "{got} {expected}");
    weights.architecture.eps = 1e-4;
    assert_ne!(weights.affine("features.norm0").unwrap().scale[1], affine.scale[1]);
    assert!(weights.affine("features.norm7").is_err());
}

proptest! {
    #[test]
    fn a_folded_convolution_equals_convolution_then_norm(
        weight in prop::collection::vec(-2.0f32..2.0, 12),
        x in prop::collection::vec(-4.0f32..4.0, 4),
        scale in prop::collection::vec(-30.0f32..30.0, 3),
        shift in prop::collection::vec(-2.0f32..2.0, 3),
    ) {
        let conv = Tensor { shape: vec![3, 4, 1, 1], data: weight };
        let affine = fold::Affine { scale, shift };
        let (folded, bias) = fold::fold_into(&conv, &affine);
        for (o, &bias) in bias.iter().enumerate() {
            let dot = |w: &[f32]| -> f64 { w.iter().zip(&x).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum() };
            let row = o * 4..o * 4 + 4;
            let then = f64::from(affine.scale[o]) * dot(&conv.data[row.clone()]) + f64::from(affine.shift[o]);
            let once = dot(&folded[row.clone()]) + f64::from(bias);
            // Relative to what is summed: the sum itself may cancel to nothing.
            let size: f64 = folded[row].iter().zip(&x).map(|(w, x)| f64::from((w * x).abs())).sum();
            prop_assert!((once - then).abs() <= 1e-6 * (size + f64::from(bias.abs())), "{once} {then}");
        }
    }
}
