//! torchvision's names, old and new, after any prefix and with any name of the classifier.

use std::collections::BTreeSet;

use super::super::extras;
use super::scheme::{Names, Scheme};

/// Finds spelling and prefix, and maps every name; none where the names are not torchvision's. What is no part of the
/// DenseNet keeps its text after the prefix.
pub(super) fn recognise(names: &[&str]) -> Result<Option<Names>, String> {
    let roots = roots(names);
    let root = match roots[..] {
        [] => return Ok(None),
        [one] => one,
        [..] => {
            let parts: Vec<String> = roots.iter().map(|root| format!("'{}'", part(root))).collect();
            return Err(format!(
                "{} networks in one file, in {}: --part {} reads that one alone, for features",
                roots.len(),
                extras::listed(&parts),
                part(roots[0])
            ));
        }
    };
    // Where the features module was saved alone, names lack `features.`.
    let owner = root.strip_suffix("features.").filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    let prefix = owner.unwrap_or(root);
    if names.iter().any(|name| name.strip_prefix(root) == Some("conv1.weight")) {
        return Err(format!(
            "a stem of several convolutions ('{root}conv0', '{root}conv1'), as timm's densenetblur121d and densenet264d \
             have it: only a stem of one convolution is run here"
        ));
    }
    let mut scheme = Scheme::Torchvision;
    let mut canonical = Vec::with_capacity(names.len());
    for &name in names {
        if name.rsplit('.').next() == Some("num_batches_tracked") {
            canonical.push(None);
            continue;
        }
        let inner = name.strip_prefix(root).filter(|inner| owner.is_some() || is_feature(inner));
        canonical.push(Some(match inner {
            Some(inner) => format!("features.{}", feature(inner, &mut scheme)),
            None => name.strip_prefix(prefix).unwrap_or(name).to_string(),
        }));
    }
    let found = Names { prefix: prefix.to_string(), ..Names::new(scheme, canonical) };
    found.unique(names).map(Some)
}

/// What comes before `denseblock1` in the names of each DenseNet of a file, in order.
pub(super) fn roots<'a>(names: &[&'a str]) -> Vec<&'a str> {
    names.iter().filter_map(|name| features_root(name)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The module that holds a DenseNet, by its root.
pub(super) fn part(root: &str) -> &str {
    let root = root.trim_end_matches('.');
    match root.strip_suffix("features") {
        Some(owner) if owner.ends_with('.') => owner.trim_end_matches('.'),
        _ => root,
    }
}

/// Whether a name, after the features module's, is one of its own.
fn is_feature(inner: &str) -> bool {
    let first = inner.split('.').next().unwrap_or_default();
    let beginnings = ["conv0", "norm", "denseblock", "transition"];
    beginnings.iter().any(|word| first.starts_with(word))
}

/// What comes before `denseblock<number>.denselayer<number>.norm`.
fn features_root(name: &str) -> Option<&str> {
    let numbered = |segment: &str, word: &str| {
        segment.strip_prefix(word).is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut at = 0;
    let mut segments = name.split('.').peekable();
    while let Some(segment) = segments.next() {
        let mut rest = segments.clone();
        if numbered(segment, "denseblock")
            && rest.next().is_some_and(|layer| numbered(layer, "denselayer"))
            && rest.next().is_some_and(|norm| norm.starts_with("norm"))
        {
            return Some(&name[..at]);
        }
        at += segment.len() + 1;
    }
    None
}

/// The canonical name, after `features.`, of a parameter of the features module.
fn feature(inner: &str, scheme: &mut Scheme) -> String {
    let segments: Vec<&str> = inner.split('.').collect();
    match segments[..] {
        [block, layer, kind @ ("norm" | "conv"), number @ ("1" | "2"), part] if layer.starts_with("denselayer") => {
            *scheme = Scheme::TorchvisionDotted;
            format!("{block}.{layer}.{kind}{number}.{part}")
        }
        // norm4 where there are three blocks, norm_final and others.
        [norm, part] if norm.starts_with("norm") && norm != "norm0" => format!("norm5.{part}"),
        _ => inner.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::architecture::Architecture;

    fn one(name: &str) -> String {
        let names = recognise(&["features.denseblock9.denselayer1.norm1.x", name]).unwrap().unwrap();
        names.canonical[1].clone().unwrap()
    }

    #[test]
    fn canonical_names_are_fixed_points_and_variants_map_to_them() {
        for parameter in Architecture::preset("densenet121").unwrap().parameters().unwrap() {
            assert_eq!(one(&parameter.name), parameter.name);
        }
        for (name, canonical) in [
            ("features.denseblock1.denselayer2.norm.1.weight", "features.denseblock1.denselayer2.norm1.weight"),
            ("features.denseblock1.denselayer2.conv.2.weight", "features.denseblock1.denselayer2.conv2.weight"),
            ("features.norm4.running_var", "features.norm5.running_var"),
            ("features.norm_final.bias", "features.norm5.bias"),
            ("features.norm0.bias", "features.norm0.bias"),
            ("features.transition1.norm.bias", "features.transition1.norm.bias"),
            ("fc.weight", "fc.weight"),
            ("classifier.0.bias", "classifier.0.bias"),
            ("optimizer.step", "optimizer.step"),
        ] {
            assert_eq!(one(name), canonical);
        }
    }

    #[test]
    fn what_is_no_part_of_the_network_keeps_its_name_after_the_prefix() {
        let names = recognise(&[
            "module.backbone.features.denseblock1.denselayer1.norm1.x",
            "module.fc.bias",
            "module.backbone.classifier.weight",
        ])
        .unwrap()
        .unwrap();
        assert_eq!(names.prefix, "module.backbone.");
        assert_eq!(names.canonical[1].as_deref(), Some("module.fc.bias"));
        assert_eq!(names.canonical[2].as_deref(), Some("classifier.weight"));
    }

    #[test]
    fn a_features_module_alone_is_accepted() {
        let names =
            recognise(&["denseblock1.denselayer1.norm.1.bias", "conv0.weight", "classifier.bias"]).unwrap().unwrap();
        assert_eq!(names.scheme, Scheme::TorchvisionDotted);
        let canonical: Vec<_> = names.canonical.iter().flatten().map(String::as_str).collect();
        assert_eq!(
            canonical,
            ["features.denseblock1.denselayer1.norm1.bias", "features.conv0.weight", "classifier.bias"]
        );
    }

    #[test]
    fn two_names_for_one_tensor_are_refused() {
        let block = "features.denseblock1.denselayer1.norm1.bias";
        let error = recognise(&[block, "features.norm4.bias", "features.norm5.bias"]).unwrap_err();
        assert!(error.contains("'features.norm4.bias' and 'features.norm5.bias' are both"), "{error}");
        let error =
            recognise(&["a.features.denseblock1.denselayer1.norm1.x", "b.features.denseblock1.denselayer1.norm1.x"])
                .unwrap_err();
        assert_eq!(error, "2 networks in one file, in 'a', 'b': --part a reads that one alone, for features");
    }

    proptest! {
        #[test]
        fn any_prefix_and_either_spelling_give_the_canonical_names(
            prefix in prop_oneof!["", "([a-z_0-9]{1,8}\\.){1,3}"],
            dotted: bool,
            last in "norm(4|5|_final|12)",
        ) {
            let parameters = Architecture::preset("densenet-bc-100-12").unwrap().parameters().unwrap();
            let disguise = |name: &str| {
                let mut name = name.to_string();
                if dotted && name.contains("denselayer") {
                    for part in ["norm1", "norm2", "conv1", "conv2"] {
                        name = name.replace(part, &format!("{}.{}", &part[..4], &part[4..]));
                    }
                }
                format!("{prefix}{}", name.replace("norm5", &last))
            };
            let mut disguised: Vec<String> = parameters.iter().map(|p| disguise(&p.name)).collect();
            disguised.push(format!("{prefix}features.{last}.num_batches_tracked"));
            let names = recognise(&disguised.iter().map(String::as_str).collect::<Vec<_>>()).unwrap().unwrap();
            prop_assert_eq!(&names.prefix, &prefix);
            prop_assert_eq!(names.scheme == Scheme::TorchvisionDotted, dotted);
            for (canonical, parameter) in names.canonical.iter().zip(&parameters) {
                prop_assert_eq!(canonical.as_ref(), Some(&parameter.name));
            }
            prop_assert_eq!(names.canonical.last().unwrap(), &None);
        }

        #[test]
        fn no_text_makes_it_panic(names in prop::collection::vec("(denseblock1|.denselayer2.norm|features|norm|é|[.0-9a-z]){0,6}", 0..6)) {
            let _ = recognise(&names.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
