//! Made-up names for networks of known structure.

use std::collections::BTreeMap;

use super::recognise;
use crate::architecture::{Architecture, PRESETS, Recipe, Stem};

type Shapes = Vec<(String, Vec<usize>)>;

/// The canonical parameters, each renamed. `rename` gets the module's path after `features.`.
fn disguised(architecture: &Architecture, rename: impl Fn(&str) -> String) -> (Shapes, Vec<String>) {
    let parameters = architecture.parameters().unwrap();
    let renamed = parameters.iter().map(|p| {
        let (module, leaf) = p.name.rsplit_once('.').unwrap();
        let module = module.strip_prefix("features.").unwrap_or(module);
        (format!("{}.{leaf}", rename(module)), p.shape.clone())
    });
    (renamed.collect(), parameters.iter().map(|p| p.name.clone()).collect())
}

fn read(shapes: &Shapes, ordered: bool) -> Result<Vec<Option<String>>, String> {
    let entries: Vec<(&str, &[usize])> = shapes.iter().map(|(n, s)| (n.as_str(), s.as_slice())).collect();
    recognise(&entries, ordered).map(|names| names.canonical)
}

fn assert_read(style: &str, mut shapes: Shapes, names: Vec<String>, ordered: bool) {
    let mut expected: Vec<(String, String)> = shapes.iter().map(|(name, _)| name.clone()).zip(names).collect();
    if !ordered {
        // As safetensors and PyTorch files are read.
        shapes.sort();
        expected.sort();
    }
    let found = read(&shapes, ordered).unwrap_or_else(|e| panic!("{style}: {e}"));
    for ((name, canonical), found) in expected.iter().zip(found) {
        // What a linear layer does is not decided here.
        let outside = canonical.starts_with("classifier.").then(|| format!("outside.{name}"));
        assert_eq!(found.as_ref(), Some(&outside.unwrap_or(canonical.clone())), "{style}: {name}");
    }
}

/// Splits `denseblock2.denselayer3.norm1` to (block, layer, part), counted from 0.
fn parts(module: &str) -> Option<(usize, usize, &str)> {
    let mut segments = module.split('.');
    let number = |segment: &str, word: &str| Some(segment.strip_prefix(word)?.parse::<usize>().ok()? - 1);
    Some((number(segments.next()?, "denseblock")?, number(segments.next()?, "denselayer")?, segments.next()?))
}

fn transition(module: &str) -> Option<(usize, &str)> {
    let (name, part) = module.split_once('.')?;
    Some((name.strip_prefix("transition")?.parse().ok()?, part))
}

/// As in many ports of the CIFAR networks: `dense2.5.bn1`, `trans1.conv`.
fn dense_trans(module: &str) -> String {
    if let Some((block, layer, part)) = parts(module) {
        return format!("dense{}.{layer}.{}", block + 1, part.replace("norm", "bn"));
    }
    if let Some((number, part)) = transition(module) {
        return format!("trans{number}.{}", part.replace("norm", "bn"));
    }
    match module {
        "conv0" => "conv1".into(),
        "norm0" => "bn0".into(),
        "norm5" => "bn".into(),
        _ => "linear".into(),
    }
}

/// One list of layers and transitions, counted through.
fn flat(architecture: &Architecture) -> impl Fn(&str) -> String {
    let before: Vec<usize> = (0..architecture.layers.len())
        .map(|block| architecture.layers[..block].iter().map(|layers| layers + 1).sum())
        .collect();
    let layers = architecture.layers.clone();
    move |module| {
        if let Some((block, layer, part)) = parts(module) {
            return format!("net.layers.{}.{}", before[block] + layer, part.replace("norm", "bn"));
        }
        if let Some((number, part)) = transition(module) {
            let part = if part == "norm" { "bn1" } else { "conv1" };
            return format!("net.layers.{}.{part}", before[number - 1] + layers[number - 1]);
        }
        format!("net.{module}")
    }
}

/// Norms and convolutions in lists of their own, as somebody writes who indexes them in `forward`.
fn lists(architecture: &Architecture) -> impl Fn(&str) -> String {
    let layers = architecture.layers.clone();
    move |module| {
        if let Some((block, layer, part)) = parts(module) {
            return format!("{part}s.{}", layers[..block].iter().sum::<usize>() + layer);
        }
        transition(module).map_or(module.to_string(), |(number, part)| format!("t_{part}s.{}", number - 1))
    }
}

/// Sequentials by place: `3.2.0`, with places for what has no parameters.
fn places(module: &str) -> String {
    if let Some((block, layer, part)) = parts(module) {
        let place = ["norm1", "relu", "conv1", "norm2", "relu", "conv2"].iter().position(|p| *p == part).unwrap();
        return format!("model.{}.{layer}.fn.{place}", 4 + 2 * block);
    }
    if let Some((number, part)) = transition(module) {
        return format!("model.{}.{}", 3 + 2 * number, if part == "norm" { 0 } else { 2 });
    }
    match module {
        "conv0" => "model.0".into(),
        "norm0" => "model.1".into(),
        "norm5" => "model.40".into(),
        _ => "fc".into(),
    }
}

#[test]
fn every_preset_is_read_under_every_naming() {
    for name in PRESETS {
        let preset = Architecture::preset(name).unwrap();
        for classes in [Some(10), None] {
            let preset = Architecture { head: crate::architecture::Head::linear(classes), ..preset.clone() };
            for (style, (shapes, names)) in [
                ("dense_trans", disguised(&preset, dense_trans)),
                ("flat", disguised(&preset, flat(&preset))),
                ("places", disguised(&preset, places)),
                ("lists", disguised(&preset, lists(&preset))),
            ] {
                assert_read(style, shapes, names, false);
            }
        }
    }
}

#[test]
fn files_in_order_need_no_telling_names() {
    for name in PRESETS {
        let preset = Architecture::preset(name).unwrap();
        let counter = std::cell::RefCell::new(BTreeMap::<String, usize>::new());
        let (shapes, names) = disguised(&preset, |module| {
            let mut counter = counter.borrow_mut();
            let next = counter.len();
            format!("x{}", (counter.entry(module.into()).or_insert(next).wrapping_mul(7919)) % 10007)
        });
        assert_read("ordered", shapes, names, true);
    }
}

fn tiny() -> Architecture {
    Recipe { stem: Stem::cifar(8), classes: Some(5), ..Recipe::imagenet(4, &[3, 2, 2]) }.build("tiny")
}

#[test]
fn convolutions_may_have_a_bias() {
    let (mut shapes, mut names) = disguised(&tiny(), dense_trans);
    shapes.push(("dense2.1.conv2.bias".into(), vec![4]));
    names.push("features.denseblock2.denselayer2.conv2.bias".into());
    assert_read("bias", shapes, names, false);
}

#[test]
fn two_readings_are_refused_by_name() {
    // Without a number or a module of its own, nothing says which norm of 16 channels is which.
    let alike = Recipe { stem: Stem::cifar(16), ..Recipe::imagenet(4, &[1, 1]) }.build("alike");
    let names = ["alpha", "beta"];
    let (shapes, _) = disguised(&alike, |module| match parts(module) {
        Some((block, _, part)) => {
            let part = match part {
                "norm1" => "here",
                "norm2" => "there",
                other => other,
            };
            format!("{}.{part}", names[block])
        }
        None => module.into(),
    });
    let error = read(&shapes, false).unwrap_err();
    assert!(error.contains("two readings fit its shapes: 'alpha.here' or 'alpha.there' may be"), "{error}");
}

#[test]
fn what_does_not_fit_is_named() {
    let (shapes, _) = disguised(&tiny(), dense_trans);
    let with = |mutate: fn(&mut Shapes)| {
        let mut shapes = shapes.clone();
        mutate(&mut shapes);
        read(&shapes, false).unwrap_err()
    };
    for (error, message) in [
        (with(|s| s.retain(|(n, _)| n != "dense2.1.bn2.bias")), "'dense2.1.bn2.running_mean' [16]"),
        (
            with(|s| s.retain(|(n, _)| n != "dense2.1.conv2.weight")),
            "after 'dense2.1.bn2' (layer 22) a 3x3 convolution from 16 to 4 channels is expected, and ",
        ),
        (
            with(|s| s.iter_mut().filter(|(n, _)| n == "dense3.0.conv1.weight").for_each(|(_, s)| s[1] += 1)),
            "after 'dense3.0.bn1' (layer 26) a 1x1 convolution from 9 to 16 channels is expected, and 8 of 34",
        ),
        (with(|s| s.push(("conv1.bias".into(), vec![9]))), "'conv1.bias' [9] is no bias of 'conv1.weight'"),
        (with(|s| s.push(("se.weight".into(), vec![8, 8, 8]))), "'se.weight' [8, 8, 8] is of no layer"),
        (with(|s| s.push(("extra.weight".into(), vec![8, 8, 3, 3]))), " of "),
        (with(Vec::clear), "no convolutions"),
    ] {
        assert!(error.contains(message), "'{error}' does not say '{message}'");
    }
}

#[test]
fn hostile_files_end_soon() {
    // Alike and without order: as many readings as there are permutations.
    let mut shapes: Shapes = Vec::new();
    for layer in 0..2000 {
        let name: String = format!("{layer:04}").bytes().map(|b| (b - b'0' + b'a') as char).collect();
        for part in ["weight", "bias", "running_mean", "running_var"] {
            shapes.push((format!("{name}n.{part}"), vec![8]));
        }
        let kernel = if layer % 2 == 0 { 1 } else { 3 };
        shapes.push((format!("{name}c.weight"), vec![8, 8, kernel, kernel]));
    }
    let start = std::time::Instant::now();
    let error = read(&shapes, false).unwrap_err();
    assert!(start.elapsed().as_secs() < 20, "{error}");
}
