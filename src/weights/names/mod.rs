//! From the names in a file to the canonical ones, where the file uses a naming scheme that is known.

mod keras;
mod scheme;
mod torchvision;

pub(super) use scheme::{Names, Scheme};

/// Finds the scheme and maps every name; none where no scheme fits. A name that has no place keeps its text after the
/// prefix.
pub(super) fn recognise(names: &[&str]) -> Result<Option<Names>, String> {
    torchvision::recognise(names).transpose().or_else(|| keras::recognise(names).transpose()).transpose()
}

/// The modules that hold a DenseNet with torchvision's names.
pub(super) fn parts<'a>(names: &[&'a str]) -> Vec<&'a str> {
    torchvision::roots(names).into_iter().map(torchvision::part).collect()
}

/// Says that no scheme fits these names.
pub(super) fn unknown(names: &[&str]) -> String {
    let mut some: Vec<&str> = names.to_vec();
    some.sort_unstable();
    some.truncate(3);
    let shown: Vec<String> = some.iter().map(|name| format!("'{}'", abbreviate(name))).collect();
    let holds = if names.is_empty() { "it holds no tensors".into() } else { format!("it holds {}", shown.join(", ")) };
    let more = if names.len() > 3 { format!(" and {} more", names.len() - 3) } else { String::new() };
    // The commonest mistake, and names that every ResNet has.
    let resnet = names.iter().any(|name| name.ends_with("layer1.0.conv1.weight"));
    let family = if resnet { ", as a ResNet does" } else { "" };
    format!(
        "no DenseNet in a naming scheme known here ('features.denseblock1.denselayer1.norm1.weight'): \
         {holds}{more}{family}"
    )
}

fn abbreviate(name: &str) -> String {
    if name.chars().count() <= 80 { name.into() } else { format!("{}..", name.chars().take(80).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_names_are_shown() {
        let foreign = ["fc.bias", "conv1.weight", "layer1.0.bn1.weight", "bn1.weight"];
        assert!(recognise(&foreign).unwrap().is_none());
        let error = unknown(&foreign);
        assert!(error.ends_with("it holds 'bn1.weight', 'conv1.weight', 'fc.bias' and 1 more"), "{error}");
        assert!(unknown(&[]).ends_with("it holds no tensors"));
    }
}
