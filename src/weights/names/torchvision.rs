//! torchvision's names, old and new, after any prefix and with any name of the classifier.

use std::collections::BTreeSet;

use super::scheme::{Names, Scheme};

/// Finds spelling and prefix, and maps every name; none where the names are not torchvision's.
pub(super) fn recognise(names: &[&str]) -> Result<Option<Names>, String> {
    let roots: BTreeSet<&str> = names.iter().filter_map(|name| features_root(name)).collect();
    let mut roots = roots.into_iter();
    let Some(root) = roots.next() else { return Ok(None) };
    if let Some(second) = roots.next() {
        return Err(format!(
            "two networks in one file, under '{root}denseblock..' and '{second}denseblock..': save one of them alone"
        ));
    }
    // Where the features module was saved alone, names lack `features.`.
    let bare = root.strip_suffix("features.").filter(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    let prefix = bare.unwrap_or(root);
    if names.iter().any(|name| name.strip_prefix(root) == Some("conv1.weight")) {
        return Err(format!(
            "a stem of several convolutions ('{root}conv0', '{root}conv1'), as timm's densenetblur121d and densenet264d \
             have it: only a stem of one convolution is run here"
        ));
    }
    let several_layers = several_layers(names, prefix);
    let mut scheme = Scheme::Torchvision;
    let mut canonical = Vec::with_capacity(names.len());
    for &name in names {
        if name.rsplit('.').next() == Some("num_batches_tracked") {
            canonical.push(None);
            continue;
        }
        let head = Head::of(name, prefix).filter(|head| head.place.is_none() || !several_layers);
        let mapped = if let Some(head) = head {
            format!("classifier.{}", head.part)
        } else if let Some(inner) = name.strip_prefix(root) {
            format!("features.{}", feature(inner, &mut scheme))
        } else {
            name.strip_prefix(prefix).unwrap_or(name).to_string()
        };
        canonical.push(Some(mapped));
    }
    let found = Names { prefix: prefix.to_string(), ..Names::new(scheme, canonical) };
    found.unique(names).map(Some)
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

/// Names of the last layer.
const HEADS: [&str; 5] = ["classifier", "fc", "linear", "last_linear", "head"];

/// `weight` or `bias` of a classifier.
struct Head<'a> {
    module: &'a str,
    /// The linear layer's index in a Sequential, as in `classifier.0.weight` before a sigmoid, or `classifier.1.weight`
    /// after a dropout.
    place: Option<&'a str>,
    part: &'a str,
}

impl<'a> Head<'a> {
    /// The classifier may lie outside some of the wrappers around the features.
    fn of(name: &'a str, prefix: &str) -> Option<Self> {
        let ends = std::iter::once(0).chain(prefix.match_indices('.').map(|(at, _)| at + 1));
        ends.filter_map(|end| name.strip_prefix(&prefix[..end])).find_map(|rest| {
            let (module, part) = rest.rsplit_once('.')?;
            let (head, place) = module.split_once('.').map_or((module, None), |(head, place)| (head, Some(place)));
            let is_place = place.is_none_or(|place| !place.is_empty() && place.bytes().all(|b| b.is_ascii_digit()));
            let fits = HEADS.contains(&head) && is_place && matches!(part, "weight" | "bias");
            fits.then(|| Head { module: &name[..name.len() - part.len()], place, part })
        })
    }
}

/// Whether the head has more than one layer, which is not supported.
fn several_layers(names: &[&str], prefix: &str) -> bool {
    let heads = names.iter().filter_map(|name| Head::of(name, prefix)).filter(|head| head.place.is_some());
    heads.map(|head| head.module).collect::<BTreeSet<&str>>().len() > 1
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
            ("fc.weight", "classifier.weight"),
            ("classifier.0.bias", "classifier.bias"),
            ("classifier.1.bias", "classifier.bias"),
            ("head.bias", "classifier.bias"),
            ("optimizer.step", "optimizer.step"),
        ] {
            assert_eq!(one(name), canonical);
        }
    }

    #[test]
    fn the_classifier_may_lie_outside_of_a_wrapper() {
        let names =
            recognise(&["module.backbone.features.denseblock1.denselayer1.norm1.x", "module.fc.bias", "fc.weight"])
                .unwrap()
                .unwrap();
        assert_eq!(names.prefix, "module.backbone.");
        assert_eq!(names.canonical[1].as_deref(), Some("classifier.bias"));
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
        assert!(error.contains("'a.features.denseblock..' and 'b.features.denseblock..'"), "{error}");
    }

    proptest! {
        #[test]
        fn any_prefix_and_either_spelling_give_the_canonical_names(
            prefix in prop_oneof!["", "([a-z_0-9]{1,8}\\.){1,3}"],
            dotted: bool,
            fc: bool,
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
                if fc {
                    name = name.replace("classifier.", "fc.");
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
