//! Keras' naming schemes: keras.applications, and the ports that name layers as the Caffe model does.
//!
//! Layers have Keras' names here, their parameters PyTorch's (`weight`, `running_mean`): the reader translates those.

use std::collections::BTreeSet;

use super::scheme::{Names, Scheme};
use crate::architecture::{dense_layer_name, transition_name};

/// Finds the scheme and maps every name; none where neither fits.
pub(super) fn recognise(names: &[&str]) -> Result<Option<Names>, String> {
    let layers = || names.iter().filter_map(|name| name.rsplit_once('.').map(|(layer, _)| layer));
    let scheme = if layers().any(|layer| applications(layer).is_some_and(|module| module.contains("denselayer"))) {
        Scheme::KerasApplications
    } else if layers().any(|layer| article(layer, &BTreeSet::new()).is_some_and(|module| module.contains("denselayer")))
    {
        Scheme::KerasArticle
    } else {
        return Ok(None);
    };
    // The last norm is named like a transition's, but no convolution follows it.
    let convolutions: BTreeSet<&str> = layers().filter(|layer| layer.ends_with("_blk")).collect();
    let module = |layer: &str| match scheme {
        Scheme::KerasApplications => applications(layer),
        _ => article(layer, &convolutions),
    };
    // The classifier may have any name: it is the one layer that is nothing else and has no statistics.
    let strangers: BTreeSet<&str> = layers().filter(|layer| module(layer).is_none()).collect();
    let classifier = match strangers.iter().collect::<Vec<_>>().as_slice() {
        [only] => (!names.contains(&format!("{only}.running_var").as_str())).then_some(**only),
        _ => None,
    };
    let canonical: Vec<Option<String>> = (names.iter())
        .map(|&name| {
            let Some((layer, part)) = name.rsplit_once('.') else { return Some(name.to_string()) };
            let module = module(layer).or_else(|| (Some(layer) == classifier).then(|| "classifier".into()));
            Some(module.map_or_else(|| name.to_string(), |module| format!("{module}.{part}")))
        })
        .collect();
    Names::new(scheme, canonical).unique(names).map(Some)
}

/// `conv2_block1_0_bn`. Stages count from 2, since the stem is the first. Until 2018 the stem's were `conv1/conv` and
/// `conv1/bn`.
fn applications(layer: &str) -> Option<String> {
    let fixed = match layer {
        "conv1_conv" | "conv1/conv" => "features.conv0",
        "conv1_bn" | "conv1/bn" => "features.norm0",
        "bn" => "features.norm5",
        "predictions" | "fc1000" => "classifier",
        _ => "",
    };
    if !fixed.is_empty() {
        return Some(fixed.into());
    }
    if let Some((stage, module)) = layer.strip_prefix("pool").and_then(|rest| rest.split_once('_')) {
        let module = match module {
            "bn" => "norm",
            "conv" => "conv",
            _ => return None,
        };
        return Some(format!("{}.{module}", transition_name(block(stage)?)));
    }
    let (stage, rest) = layer.strip_prefix("conv")?.split_once("_block")?;
    let (number, module) = rest.split_once('_')?;
    let module = match module {
        "0_bn" => "norm1",
        "1_conv" => "conv1",
        "1_bn" => "norm2",
        "2_conv" => "conv2",
        _ => return None,
    };
    Some(format!("{}.{module}", dense_layer_name(block(stage)?, index(number)?)))
}

/// `conv2_1_x1_bn`, `conv2_blk_bn`. `convolutions` are the layers called `conv*_blk`.
fn article(layer: &str, convolutions: &BTreeSet<&str>) -> Option<String> {
    match layer {
        "conv1" => return Some("features.conv0".into()),
        "conv1_bn" => return Some("features.norm0".into()),
        "fc6" => return Some("classifier".into()),
        _ => {}
    }
    let (stage, rest) = layer.strip_prefix("conv")?.split_once('_')?;
    match rest {
        "blk" => return Some(format!("{}.conv", transition_name(block(stage)?))),
        "blk_bn" if convolutions.contains(layer.strip_suffix("_bn")?) => {
            return Some(format!("{}.norm", transition_name(block(stage)?)));
        }
        "blk_bn" => return Some("features.norm5".into()),
        _ => {}
    }
    let (number, module) = rest.split_once('_')?;
    let module = match module {
        "x1_bn" => "norm1",
        "x1" => "conv1",
        "x2_bn" => "norm2",
        "x2" => "conv2",
        _ => return None,
    };
    Some(format!("{}.{module}", dense_layer_name(block(stage)?, index(number)?)))
}

/// The 0-based block of a stage, which counts from 2.
fn block(stage: &str) -> Option<usize> {
    index(stage)?.checked_sub(1)
}

/// A number from 1, as one from 0.
fn index(number: &str) -> Option<usize> {
    let plain = number.bytes().all(|b| b.is_ascii_digit()) && !number.starts_with('0');
    plain.then(|| number.parse::<usize>().ok()?.checked_sub(1)).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::architecture::Architecture;

    /// The names of a network's parameters in a scheme, by its rule for modules.
    fn named(architecture: &Architecture, rule: impl Fn(&str) -> String) -> Vec<(String, String)> {
        let parameters = architecture.parameters().unwrap();
        let name = |name: &str| {
            let (module, part) = name.rsplit_once('.').unwrap();
            format!("{}.{part}", rule(module))
        };
        parameters.into_iter().map(|p| (name(&p.name), p.name)).collect()
    }

    fn numbers(module: &str) -> (usize, usize, &str) {
        let mut segments = module.split('.').skip(1);
        let mut number = |word| segments.next().and_then(|s| s.strip_prefix(word)?.parse().ok()).unwrap_or(0);
        let (block, layer) = (number("denseblock"), number("denselayer"));
        (block, layer, module.rsplit('.').next().unwrap())
    }

    fn in_applications(module: &str, old: bool) -> String {
        let stem = if old { "conv1/" } else { "conv1_" };
        if let Some(rest) = module.strip_prefix("features.transition") {
            let (number, part) = rest.split_once('.').unwrap();
            return format!("pool{}_{}", number.parse::<usize>().unwrap() + 1, part.replace("norm", "bn"));
        }
        match (module, numbers(module)) {
            ("features.conv0", _) => format!("{stem}conv"),
            ("features.norm0", _) => format!("{stem}bn"),
            ("features.norm5", _) => "bn".into(),
            ("classifier", _) => if old { "fc1000" } else { "predictions" }.into(),
            (_, (block, layer, part)) => {
                let part = match part {
                    "norm1" => "0_bn",
                    "conv1" => "1_conv",
                    "norm2" => "1_bn",
                    _ => "2_conv",
                };
                format!("conv{}_block{layer}_{part}", block + 1)
            }
        }
    }

    fn in_article(module: &str, blocks: usize) -> String {
        if let Some(rest) = module.strip_prefix("features.transition") {
            let (number, part) = rest.split_once('.').unwrap();
            let end = if part == "norm" { "_bn" } else { "" };
            return format!("conv{}_blk{end}", number.parse::<usize>().unwrap() + 1);
        }
        match (module, numbers(module)) {
            ("features.conv0", _) => "conv1".into(),
            ("features.norm0", _) => "conv1_bn".into(),
            ("features.norm5", _) => format!("conv{}_blk_bn", blocks + 1),
            ("classifier", _) => "fc6".into(),
            (_, (block, layer, part)) => {
                let part = match part {
                    "norm1" => "x1_bn",
                    "conv1" => "x1",
                    "norm2" => "x2_bn",
                    _ => "x2",
                };
                format!("conv{}_{layer}_{part}", block + 1)
            }
        }
    }

    #[test]
    fn both_schemes_give_the_canonical_names() {
        let network = Architecture::preset("densenet121").unwrap();
        let blocks = network.layers.len();
        let cases = [
            (named(&network, |module| in_applications(module, false)), Scheme::KerasApplications),
            (named(&network, |module| in_applications(module, true)), Scheme::KerasApplications),
            (named(&network, |module| in_article(module, blocks)), Scheme::KerasArticle),
        ];
        for (mut names, scheme) in cases {
            for head in ["", "dense_1", "cnn/out"] {
                if !head.is_empty() {
                    for (name, canonical) in &mut names {
                        if let Some(part) = canonical.strip_prefix("classifier.") {
                            *name = format!("{head}.{part}");
                        }
                    }
                }
                let given: Vec<&str> = names.iter().map(|(name, _)| name.as_str()).collect();
                let found = recognise(&given).unwrap().unwrap();
                assert_eq!(found.scheme, scheme);
                for (canonical, (_, expected)) in found.canonical.iter().zip(&names) {
                    assert_eq!(canonical.as_ref(), Some(expected));
                }
            }
        }
    }

    #[test]
    fn other_names_are_left_to_others() {
        for names in
            [&["conv2d_1.weight", "dense.bias"][..], &["bn.weight", "conv1.weight"], &["conv1_1_x1.weight"], &[]]
        {
            assert!(recognise(names).unwrap().is_none(), "{names:?}");
        }
        // Two strangers: neither is taken for the classifier.
        let names = ["conv2_block1_0_bn.weight", "dense.weight", "dense_1.weight"];
        let found = recognise(&names).unwrap().unwrap();
        assert_eq!(found.canonical[1].as_deref(), Some("dense.weight"));
        let error = recognise(&["conv2_block1_0_bn.bias", "conv1/bn.bias", "conv1_bn.bias"]).unwrap_err();
        assert!(error.contains("'conv1/bn.bias' and 'conv1_bn.bias' are both 'features.norm0.bias'"), "{error}");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(names in prop::collection::vec("(conv|pool|_block|_blk|_x1|_bn|é|[_/.0-9a-z]){0,6}", 0..6)) {
            let _ = recognise(&names.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
