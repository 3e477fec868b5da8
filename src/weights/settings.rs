//! What a whole module says of the DenseNet itself: epsilon, the stem, and whether its layers are a DenseNet's.

use std::collections::BTreeMap;

use super::known::{Known, Window};
use super::names::Names;
use super::source::Source;
use super::statements::Statements;
use crate::architecture::{HeadLayer, Padding, StemPool};

/// The place that people read.
const PLACE: &str = "the module's settings";

/// Statements of the module about its parts, which must do what a DenseNet's do.
pub(super) fn of_modules(source: &Source, names: &Names) -> Result<Statements, String> {
    let known: BTreeMap<&str, &Known> = source.known.iter().map(|(path, known)| (path.as_str(), known)).collect();
    let mut statements = Statements::from(PLACE);
    if known.is_empty() {
        return Ok(statements);
    }
    for (entry, canonical) in source.entries.iter().zip(&names.canonical) {
        let Some((module, leaf)) = entry.name.rsplit_once('.') else { continue };
        let Some(place) = canonical.as_deref().filter(|name| name.starts_with("features.")) else { continue };
        match (known.get(module), leaf) {
            (Some(Known::BatchNorm(eps)), "running_var") => match statements.eps {
                Some(other) if other != *eps => {
                    return Err(format!(
                        "'{module}' has the epsilon {eps:e}, others have {other:e}: one for all batch norms is expected"
                    ));
                }
                _ => statements.eps = Some(*eps),
            },
            (Some(Known::Convolution(window)), "weight") if place == "features.conv0.weight" => {
                statements.stem_stride = Some(square(window.stride, module)?);
                statements.stem_padding = Some(Padding::all(square(window.padding, module)?));
            }
            (Some(Known::Convolution(window)), "weight") => {
                let kernel = entry.shape.last().copied().unwrap_or(1);
                if window.stride != [1, 1] || window.padding != [kernel / 2; 2] {
                    return Err(format!(
                        "'{module}' has the stride {:?} and the padding {:?}, which no layer of a DenseNet has",
                        window.stride, window.padding
                    ));
                }
            }
            (Some(Known::Other(class)), _) => {
                return Err(format!("'{module}' is a {class}, which no layer of a DenseNet is"));
            }
            _ => {}
        }
    }
    if let Some(features) = features(source, names) {
        statements.stem_pool = stem_pool(&known, features)?;
        without_parameters(&known, features)?;
    }
    Ok(statements)
}

/// The module that holds the stem's convolution, where names are torchvision's.
fn features<'a>(source: &'a Source, names: &Names) -> Option<&'a str> {
    let at = names.canonical.iter().position(|name| name.as_deref() == Some("features.conv0.weight"))?;
    source.entries[at].name.strip_suffix(".conv0.weight").filter(|features| features.ends_with("features"))
}

fn square(sides: [usize; 2], module: &str) -> Result<usize, String> {
    if sides[0] == sides[1] {
        Ok(sides[0])
    } else {
        Err(format!("'{module}' has {sides:?}: the same both ways is expected"))
    }
}

fn stem_pool(known: &BTreeMap<&str, &Known>, features: &str) -> Result<Option<Option<StemPool>>, String> {
    let path = format!("{features}.pool0");
    match known.get(path.as_str()) {
        Some(Known::MaxPool(Window { kernel: Some(kernel), stride, padding })) => {
            let padding = Padding::all(square(*padding, &path)?);
            Ok(Some(Some(StemPool { kernel: square(*kernel, &path)?, stride: square(*stride, &path)?, padding })))
        }
        Some(Known::Nothing) => Ok(Some(None)),
        None if matches!(known.get(features), Some(Known::Sequential)) => Ok(Some(None)),
        None => Ok(None),
        Some(_) => Err(format!("'{path}' is no max pooling")),
    }
}

/// ReLUs are ReLUs, and transitions pool two by two.
fn without_parameters(known: &BTreeMap<&str, &Known>, features: &str) -> Result<(), String> {
    let halves = Window { kernel: Some([2, 2]), stride: [2, 2], padding: [0, 0] };
    for (path, own) in known {
        let Some(inner) = path.strip_prefix(features).and_then(|rest| rest.strip_prefix('.')) else { continue };
        let last = inner.rsplit('.').next().unwrap_or_default();
        let wrong = match last {
            _ if last.starts_with("relu") => !matches!(own, Known::Layer(HeadLayer::Relu)),
            "pool" if inner.starts_with("transition") => **own != Known::AveragePool(halves),
            _ => !inner.contains('.') && last != "pool0" && matches!(own, Known::Other(_)) && !is_block(last),
        };
        if wrong {
            return Err(format!("'{path}' is not what a DenseNet has there ({})", own.text()));
        }
    }
    Ok(())
}

/// torchvision's classes of dense blocks and transitions are no library layers.
fn is_block(name: &str) -> bool {
    name.starts_with("denseblock") || name.starts_with("transition") || name.starts_with("norm")
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::super::names::Scheme;
    use super::super::source::{Entry, Number};
    use super::*;

    const WINDOW: Window = Window { kernel: Some([3, 3]), stride: [2, 2], padding: [1, 1] };

    /// A module with these kinds, whose tensors have canonical names behind `model.`.
    fn stated(known: &[(&str, Known)]) -> Result<Statements, String> {
        let tensors: [(&str, &[usize]); 4] = [
            ("features.conv0.weight", &[8, 3, 3, 3]),
            ("features.norm0.running_var", &[8]),
            ("features.denseblock1.denselayer1.conv2.weight", &[4, 8, 3, 3]),
            ("features.norm5.running_var", &[12]),
        ];
        let entry = |(name, shape): &(&str, &[usize])| {
            let bytes = Cow::Owned(vec![0; 4 * shape.iter().product::<usize>()]);
            Entry { name: format!("model.{name}"), shape: shape.to_vec(), number: Number::F32, bytes }
        };
        let mut source = Source::new("PyTorch (zip)", tensors.iter().map(entry).collect());
        source.known = known.iter().map(|(path, known)| (format!("model.{path}"), known.clone())).collect();
        let canonical = tensors.iter().map(|(name, _)| Some(name.to_string())).collect();
        of_modules(&source, &Names::new(Scheme::Torchvision, canonical))
    }

    #[test]
    fn the_stem_and_the_epsilon_are_stated() {
        let said = stated(&[
            ("features", Known::Sequential),
            ("features.conv0", Known::Convolution(Window { kernel: None, ..WINDOW })),
            ("features.pool0", Known::MaxPool(WINDOW)),
            ("features.norm0", Known::BatchNorm(1e-3)),
            ("features.norm5", Known::BatchNorm(1e-3)),
        ]);
        let said = said.unwrap();
        assert_eq!((said.eps, said.stem_stride, said.stem_padding), (Some(1e-3), Some(2), Some(Padding::all(1))));
        assert_eq!(said.stem_pool, Some(Some(StemPool { kernel: 3, stride: 2, padding: Padding::all(1) })));
        assert_eq!(stated(&[("features", Known::Sequential)]).unwrap().stem_pool, Some(None));
        assert_eq!(stated(&[]).unwrap().stem_pool, None);
    }

    #[test]
    fn layers_that_no_densenet_has_are_refused() {
        let layer = "features.denseblock1.denselayer1";
        for (path, known, reason) in [
            ("features.norm5", Known::BatchNorm(1e-4), "others have 1e-3"),
            (&*format!("{layer}.relu1"), Known::Layer(HeadLayer::Silu), "is not what a DenseNet has there (Silu)"),
            (&*format!("{layer}.conv2"), Known::Convolution(WINDOW), "has the stride [2, 2] and the padding [1, 1]"),
            (&*format!("{layer}.conv2"), Known::Other("Conv2d".into()), "is a Conv2d, which no layer of a DenseNet is"),
            ("features.pool0", Known::Average, "'model.features.pool0' is no max pooling"),
            ("features.transition1.pool", Known::Nothing, "is not what a DenseNet has there (Nothing)"),
            ("features.blur", Known::Other("BlurPool".into()), "is not what a DenseNet has there (BlurPool)"),
        ] {
            let norm = ("features.norm0", Known::BatchNorm(1e-3));
            let error = stated(&[norm, (path, known)]).err().unwrap_or_else(|| panic!("{path}"));
            assert!(error.contains(reason), "{error}");
        }
    }
}
