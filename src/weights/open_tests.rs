//! Files: what is accepted, what is refused and how.

use std::collections::HashMap;
use std::path::Path;

use ::safetensors::{Dtype, serialize, tensor::TensorView};
use half::{bf16, f16};
use proptest::prelude::*;

use super::tests::tiny;
use super::*;
use crate::architecture::{Activation, PRESETS, Padding, Recipe, Stem};

type Raw = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn raw(weights: &Weights) -> Raw {
    let bytes = |t: &Tensor| t.data.iter().flat_map(|x| x.to_le_bytes()).collect();
    weights.tensors().iter().map(|(n, t)| (n.clone(), (Dtype::F32, t.shape.clone(), bytes(t)))).collect()
}

/// A file as other programs write it, without metadata of ours unless given.
fn file(raw: &Raw, metadata: &[(&str, &str)]) -> Vec<u8> {
    let views = raw.iter().map(|(n, (d, s, b))| (n, TensorView::new(*d, s.clone(), b).unwrap()));
    let metadata: HashMap<String, String> = metadata.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    serialize(views, (!metadata.is_empty()).then_some(metadata)).unwrap()
}

fn read(bytes: &[u8]) -> Result<Weights> {
    from_bytes(bytes, "x.safetensors", &OpenOptions::default())
}

/// Weights and their tensors of an architecture that the defaults describe.
fn small() -> (Weights, Raw) {
    let weights = Weights::random(&tiny(), 1).unwrap();
    let raw = raw(&weights);
    (weights, raw)
}

fn from<'a>(weights: &'a Weights, what: &str) -> (&'a str, &'a str) {
    let fact = weights.origin().facts.iter().find(|fact| fact.what == what).unwrap();
    (&fact.value, &fact.from)
}

#[test]
fn what_is_saved_opens_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tiny.safetensors");
    let mut architecture = tiny();
    architecture.eps = 1.1e-5;
    architecture.activation = Activation::Sigmoid;
    architecture.stem = Stem { stride: 1, padding: Padding::Same, ..architecture.stem };
    let labels: Vec<String> = ["a", "b\"", "ç", "d", "e"].map(String::from).to_vec();
    for preset in [serde_json::json!("mnist"), serde_json::json!({ "resize": 256 })] {
        let weights = Weights::random(&architecture, 9).unwrap().with_labels(labels.clone()).unwrap();
        // The second time over the first.
        save_safetensors(&weights.with_preprocessing_value(preset.clone()), &path).unwrap();
        let opened = open(&path).unwrap();
        assert_eq!(opened.architecture(), &architecture);
        assert_eq!(opened.tensors(), Weights::random(&architecture, 9).unwrap().tensors());
        assert_eq!(opened.labels(), Some(labels.as_slice()));
        assert_eq!(opened.preprocessing_value(), Some(&preset));
        assert_eq!(opened.origin().path.as_deref(), Some(path.as_path()));
        assert_eq!(from(&opened, "eps"), ("1.1e-5", "metadata"));
        let again = folder.path().join("again.safetensors");
        save_safetensors(&opened, &again).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(&again).unwrap());
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "temporary files were left");
    let nowhere = folder.path().join("no/such/folder.safetensors");
    let (weights, _) = small();
    assert!(matches!(save_safetensors(&weights, nowhere), Err(Error::File { .. })));
}

#[test]
fn old_names_behind_a_prefix_open() {
    let (weights, raw) = small();
    let mut disguised: Raw = raw
        .into_iter()
        .map(|(name, tensor)| {
            let dotted = name.replace("1.norm1", "1.norm.1").replace("2.conv2", "2.conv.2");
            (format!("module.model.{}", dotted.replace("norm5", "norm_final")), tensor)
        })
        .collect();
    let batches = (Dtype::I64, vec![], vec![0; 8]);
    disguised.insert("module.model.features.norm0.num_batches_tracked".into(), batches);
    let opened = read(&file(&disguised, &[])).unwrap();
    assert_eq!(opened.tensors(), weights.tensors());
    assert_eq!(opened.origin().scheme, "torchvision, old dotted names, behind 'module.model.'");
    // Errors tell why their names are not the file's.
    disguised.remove("module.model.features.norm0.bias");
    let error = read(&file(&disguised, &[])).unwrap_err().to_string();
    assert!(error.ends_with("names stand here without the file's prefix 'module.model.'"), "{error}");
}

#[test]
fn every_float_type_is_read() {
    let (weights, raw) = small();
    type Encode = fn(f32) -> (Vec<u8>, f32);
    let types: [(Dtype, Encode); 3] = [
        (Dtype::F16, |x| (f16::from_f32(x).to_le_bytes().to_vec(), f16::from_f32(x).to_f32())),
        (Dtype::BF16, |x| (bf16::from_f32(x).to_le_bytes().to_vec(), bf16::from_f32(x).to_f32())),
        (Dtype::F64, |x| (f64::from(x).to_le_bytes().to_vec(), x)),
    ];
    for (dtype, encode) in types {
        let mut converted = raw.clone();
        for (name, (d, _, bytes)) in &mut converted {
            (*d, *bytes) = (dtype, weights.tensors()[name].data.iter().flat_map(|&x| encode(x).0).collect());
        }
        let opened = read(&file(&converted, &[])).unwrap();
        for (name, tensor) in weights.tensors() {
            let expected: Vec<f32> = tensor.data.iter().map(|&x| encode(x).1).collect();
            assert_eq!(opened.tensors()[name].data, expected, "{dtype:?} {name}");
        }
    }
}

/// The channels of every concatenation by name, built as a training program would: `[new, old]` or `[old, new]`.
fn concatenations(architecture: &Architecture, new_first: bool) -> HashMap<String, Vec<String>> {
    let mut readers = HashMap::new();
    for (block, &layers) in architecture.layers.iter().enumerate() {
        let b = block + 1;
        let mut all: Vec<String> = (0..architecture.block_input_channels(block)).map(|c| format!("in{c}")).collect();
        for l in 1..=layers {
            readers.insert(format!("features.denseblock{b}.denselayer{l}.norm1"), all.clone());
            readers.insert(format!("features.denseblock{b}.denselayer{l}.conv1"), all.clone());
            let new: Vec<String> = (0..architecture.growth_rate).map(|c| format!("layer{l}.{c}")).collect();
            all = if new_first { [new, all].concat() } else { [all, new].concat() };
        }
        for end in [format!("features.transition{b}.norm"), format!("features.transition{b}.conv")] {
            readers.insert(end, all.clone());
        }
        for end in ["features.norm5", "classifier"] {
            readers.insert(end.into(), all.clone());
        }
    }
    readers
}

#[test]
fn new_first_files_are_permuted() {
    let stem = Stem::imagenet(6);
    for bottleneck_factor in [Some(4), None] {
        let recipe = Recipe { stem, bottleneck_factor, ..Recipe::imagenet(5, &[3, 1, 2]) };
        let weights = Weights::random(&recipe.build("x"), 2).unwrap();
        let (old, new) = (concatenations(weights.architecture(), false), concatenations(weights.architecture(), true));
        let mut raw = raw(&weights);
        let mut moved = 0;
        for (name, (_, shape, bytes)) in &mut raw {
            let module = name.rsplit_once('.').unwrap().0;
            let Some((from, to)) = old.get(module).zip(new.get(module)) else { continue };
            if name == "classifier.bias" {
                continue;
            }
            moved += usize::from(from != to);
            let axis = usize::from(shape.len() > 1);
            let inner = 4 * shape[axis + 1..].iter().product::<usize>();
            let channel = |name: &String| from.iter().position(|n| n == name).unwrap();
            *bytes = bytes
                .chunks_exact(from.len() * inner)
                .flat_map(|row| to.iter().flat_map(|name| &row[channel(name) * inner..][..inner]).copied())
                .collect();
        }
        // Each norm has four tensors and its convolution one; the first layer of a block reads no concatenation.
        assert_eq!(moved, 5 * (2 + 1) + 5 * 2 + 5);
        let opened = read(&file(&raw, &[("densenet.channel_order", "new-first")])).unwrap();
        assert_eq!(from(&opened, "channel order"), ("new-first", "metadata"));
        assert_eq!(opened.tensors(), weights.tensors());
        let unpermuted = read(&file(&raw, &[])).unwrap();
        assert_ne!(unpermuted.tensors(), weights.tensors());
    }
}

#[test]
fn shapes_give_back_every_preset() {
    for name in PRESETS {
        let preset = Architecture::preset(name).unwrap();
        for classes in [Some(1000), Some(14), None] {
            let preset = Architecture { classes, input_channels: 1, ..preset.clone() };
            let parameters = preset.parameters().unwrap();
            let shapes = parameters.iter().map(|p| (p.name.as_str(), p.shape.as_slice())).collect();
            assert_eq!(infer::from_shapes(&shapes, names::Scheme::Torchvision), Ok(preset), "{name}");
        }
    }
    // A stem that is no preset's: 3x3 with norm keeps the resolution.
    let stem = Stem { norm: true, ..Stem::cifar(10) };
    let architecture = Recipe { stem, ..Recipe::imagenet(5, &[2, 3]) }.build("densenet-k5-2-3");
    let opened = read(&file(&raw(&Weights::random(&architecture, 0).unwrap()), &[])).unwrap();
    assert_eq!(opened.architecture(), &architecture);
    assert_eq!(from(&opened, "growth rate"), ("5", "tensor shapes"));
    assert_eq!(from(&opened, "stem stride"), ("1", "default for a 3x3 stem"));
    assert_eq!(from(&opened, "eps"), ("1e-5", "default of torchvision"));
}

#[test]
fn options_check_complete_and_override() {
    let (weights, raw) = small();
    let bytes = file(&raw, &[]);
    let with = |options: OpenOptions, bytes: &[u8]| from_bytes(bytes, "x.safetensors", &options);
    let given = |mutate: fn(&mut Architecture)| {
        let mut architecture = tiny();
        mutate(&mut architecture);
        OpenOptions { architecture: Some(architecture), ..OpenOptions::default() }
    };
    let completed = with(given(|a| (a.stem.stride, a.stem.pool, a.eps) = (1, None, 1e-3)), &bytes).unwrap();
    assert_eq!(completed.architecture().stem.stride, 1);
    assert_eq!(from(&completed, "stem pool"), ("none", "the architecture given"));
    assert_eq!(from(&completed, "eps"), ("1e-3", "the architecture given"));
    assert_eq!(from(&completed, "layers per block"), ("[2, 2]", "tensor shapes"));
    let options = OpenOptions { eps: Some(2e-5), activation: Some(Activation::None), ..given(|_| ()) };
    let overridden = with(options, &bytes).unwrap();
    assert_eq!(overridden.architecture().activation, Activation::None);
    assert_eq!(from(&overridden, "eps"), ("2e-5", "option"));
    // Where shapes do not suffice, the architecture given says what is missing.
    let mut lacking = raw.clone();
    lacking.remove("features.conv0.weight");
    let error = with(given(|_| ()), &file(&lacking, &[])).unwrap_err().to_string();
    assert!(error.contains("'features.conv0.weight' of shape [8, 3, 7, 7] is missing"), "{error}");
    let stated = file(&raw, &[("densenet.architecture", &weights.architecture().to_json())]);
    for (options, bytes, message) in [
        (given(|a| a.growth_rate = 8), &bytes, "growth rate: the file has 4, the architecture given has 8"),
        (given(|a| a.classes = None), &bytes, "classes: the file has 5, the architecture given has none"),
        (given(|a| a.layers = vec![2, 3]), &stated, "the file has [2, 2], the architecture given has [2, 3]"),
        (given(|a| a.stem.stride = 1), &stated, "stem stride: the file has 2, the architecture given has 1"),
        (given(|a| a.eps = 1e-3), &stated, "eps: the file has 1e-5, the architecture given has 1e-3"),
        (OpenOptions { eps: Some(-1.0), ..OpenOptions::default() }, &bytes, "eps is -1"),
    ] {
        let error = with(options, bytes).unwrap_err().to_string();
        assert!(error.contains(message), "'{error}' does not say '{message}'");
    }
}

#[test]
fn timms_preprocessing_in_the_metadata_is_used() {
    let (_, raw) = small();
    let timm = ("pretrained_cfg", "{\"crop_pct\": 1.0, \"interpolation\": \"bilinear\", \"crop_mode\": \"squash\"}");
    let opened = read(&file(&raw, &[timm])).unwrap();
    assert_eq!(from(&opened, "preset").1, "metadata pretrained_cfg");
    assert!(opened.preprocessing().unwrap().to_string().starts_with("resize=224x224,crop=224x224,"));
    // Our own key goes before it, and what cannot be read is none.
    let opened = read(&file(&raw, &[timm, ("densenet.preset", "mnist")])).unwrap();
    assert_eq!(from(&opened, "preset"), ("mnist", "metadata"));
    assert!(read(&file(&raw, &[("pretrained_cfg", "[]")])).unwrap().preprocessing_value().is_none());
}

#[test]
fn each_bad_file_gives_one_clear_error() {
    let (_, raw) = small();
    let good = file(&raw, &[]);
    let with = |mutate: fn(&mut Raw)| {
        let mut raw = raw.clone();
        mutate(&mut raw);
        file(&raw, &[])
    };
    let metadata = |key: &str, value: &str| file(&raw, &[(key, value)]);
    let mut huge = good.clone();
    huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut long = good.clone();
    long[..8].copy_from_slice(&90_000_000_u64.to_le_bytes());
    let resnet = |raw: &mut Raw| {
        let tensor = raw["classifier.bias"].clone();
        *raw = ["conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.bias"]
            .map(|n| (n.into(), tensor.clone()))
            .into();
    };
    let stated = tiny().to_json().replace("\"growth_rate\": 4", "\"growth_rate\": 8");
    for (bytes, message) in [
        (vec![1, 2, 3], "no safetensors file: it has 3 bytes, at least 8 are needed"),
        (good[..good.len() - 1].to_vec(), "truncated or damaged: its tensors do not fill its"),
        (good[..100].to_vec(), "truncated, or no safetensors file: it announces a header of"),
        (
            b"This is a text, not weights.\n".to_vec(),
            "no weight file: it begins with 'This is a text, not weights. '; .saf",
        ),
        (b"ok\n".to_vec(), "no weight file: it begins with 'ok '; .saf"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0".to_vec(), "run `git lfs pull`"),
        (
            b"<!DOCTYPE html>\n<html>".to_vec(),
            "this is a web page or other markup ('<!DOCTYPE html> <html>..'), not weights",
        ),
        (huge, "no safetensors file: its first 8 bytes announce a header of 18446744073709551615 bytes"),
        (long, "truncated, or no safetensors file: it announces a header of 90000000 bytes"),
        ([&8u64.to_le_bytes()[..], b"notjson!"].concat(), "its header of 8 bytes cannot be read"),
        (b"PK\x03\x04....".to_vec(), "a zip, truncated or damaged (invalid Zip archive"),
        #[cfg(feature = "keras")]
        (b"\x89HDF\r\n\x1a\n".to_vec(), "a damaged or truncated HDF5 file (HDF5 format error: unexpected EOF"),
        (with(resnet), "no DenseNet in a naming scheme known here"),
        (with(|raw| raw.clear()), "it holds no tensors"),
        (
            with(|raw| drop(raw.remove("features.denseblock2.denselayer1.norm2.bias"))),
            "tensor 'features.denseblock2.denselayer1.norm2.bias' of shape [16] is missing; the nearest there is \
             'features.denseblock1.denselayer1.norm2.bias'",
        ),
        (
            with(|raw| drop(raw.remove("features.conv0.weight"))),
            "tensor 'features.conv0.weight' of shape [out, in, k, k] is missing; \
             the nearest there is 'features.norm0.weight'",
        ),
        (
            with(|raw| drop(raw.remove("features.transition1.conv.weight"))),
            "tensor 'features.transition1.conv.weight' of shape [out, in, 1, 1] is missing; \
             the nearest there is 'features.transition1.norm.weight'",
        ),
        (
            with(|raw| raw.retain(|name, _| !name.contains("denseblock1.denselayer1"))),
            "features.denseblock1 has a denselayer2 but no denselayer1",
        ),
        (
            with(|raw| raw.retain(|name, _| !name.contains("denseblock1"))),
            "it has a features.denseblock2 but no features.denseblock1",
        ),
        (
            with(|raw| drop(raw.insert("features.norm_0.weight".into(), raw["classifier.bias"].clone()))),
            "'features.norm5.weight' and 'features.norm_0.weight' are both 'features.norm5.weight'",
        ),
        (
            with(|raw| {
                let tensor = raw.remove("features.denseblock2.denselayer1.norm2.bias").unwrap();
                raw.insert("features.denseblock2.denselayer1.zzz".into(), tensor);
            }),
            "norm2.bias' of shape [16] is missing; the nearest there is 'features.denseblock2.denselayer1.zzz'",
        ),
        (
            with(|raw| {
                for part in ["weight", "bias"] {
                    let tensor = raw.remove(&format!("classifier.{part}")).unwrap();
                    raw.insert(format!("classifier.0.{part}"), tensor.clone());
                    raw.insert(format!("classifier.3.{part}"), tensor);
                }
            }),
            "a head of its own: 'classifier.0.weight' [5, 16], 'classifier.3.weight' [5, 16] beside the DenseNet",
        ),
        (
            with(|raw| drop(raw.insert("features.conv1.weight".into(), raw["features.conv0.weight"].clone()))),
            "a stem of several convolutions ('features.conv0', 'features.conv1'), as timm's densenetblur121d",
        ),
        (
            with(|raw| drop(raw.insert("gate.weight".into(), raw["classifier.bias"].clone()))),
            "tensor 'gate.weight' of shape [5] has no place in this network",
        ),
        (
            with(|raw| raw.get_mut("features.denseblock1.denselayer2.conv2.weight").unwrap().1 = vec![4, 16, 9, 1]),
            "tensor 'features.denseblock1.denselayer2.conv2.weight' has shape [4, 16, 9, 1], expected [4, 16, 3, 3]",
        ),
        (
            with(|raw| raw.get_mut("features.conv0.weight").unwrap().1 = vec![8, 147]),
            "tensor 'features.conv0.weight' has shape [8, 147], expected [out, in, k, k]",
        ),
        (
            with(|raw| raw.get_mut("classifier.bias").unwrap().0 = Dtype::I32),
            "tensor 'classifier.bias' holds I32; F32, F16, BF16 or F64 is expected",
        ),
        (
            with(|raw| raw.get_mut("features.norm0.bias").unwrap().2[..4].copy_from_slice(&f32::NAN.to_le_bytes())),
            "tensor 'features.norm0.bias' holds NaN at element 0",
        ),
        (
            with(|raw| {
                raw.get_mut("features.norm5.running_var").unwrap().2[4..8].copy_from_slice(&(-2f32).to_le_bytes());
            }),
            "tensor 'features.norm5.running_var' holds -2 at element 1: a variance is never negative",
        ),
        (metadata("densenet.architecture", "{}"), "metadata densenet.architecture: architecture: not a description"),
        (metadata("densenet.architecture", &stated), "has shape [4, 16, 3, 3], expected [8, 16, 3, 3]"),
        (
            metadata("densenet.architecture", &tiny().to_json().replace("2,\n    2", "4096,\n    4096")),
            "tensors are too few for layers [4096, 4096]",
        ),
        (metadata("densenet.labels", "a,b"), "metadata densenet.labels: a JSON array of strings is expected"),
        (metadata("densenet.labels", "[\"a\"]"), "metadata densenet.labels: 1 labels for 5 classes"),
        (metadata("densenet.channel_order", "old"), "metadata densenet.channel_order: 'old' is no channel order"),
    ] {
        let error = read(&bytes).unwrap_err().to_string();
        assert!(error.contains(message), "'{error}' does not say '{message}'");
        assert!(error.starts_with("x.safetensors: ") && !error.contains('\n'), "{error}");
    }
}

#[test]
fn paths_that_hold_no_weights_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(open(folder.path().join("nothing.safetensors")), Err(Error::Io { .. })));
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("not a file"), "{error}");
    let path = folder.path().join("empty.safetensors");
    std::fs::write(&path, b"").unwrap();
    let error = open(&path).unwrap_err().to_string();
    assert!(
        error.ends_with(
            "empty.safetensors: the file is empty: a weight file is expected (.safetensors, .pth, .pt, .bin, .h5 or .keras)"
        ),
        "{error}"
    );
}

#[test]
fn the_embedded_model_opens() {
    let weights = embedded().unwrap();
    assert_eq!(weights.architecture().classes, Some(10));
    assert_eq!(weights.architecture().input_channels, 1);
    assert_eq!(weights.labels().unwrap()[9], "9");
    assert_eq!(weights.preprocessing_value(), Some(&serde_json::json!("mnist")));
    assert_eq!(weights.origin().format, "safetensors (embedded)");
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mnist.safetensors").metadata().unwrap().len() < 300_000);
}

proptest! {
    #[test]
    fn damaged_bytes_give_an_error_of_one_line_or_weights(
        damage in prop::collection::vec((0usize..12_000, any::<u8>()), 1..8),
        length in 0usize..20_000,
    ) {
        let (_, raw) = small();
        let mut bytes = file(&raw, &[("densenet.architecture", &tiny().to_json())]);
        for (at, byte) in damage {
            let end = bytes.len() - 1;
            bytes[at.min(end)] = byte;
        }
        bytes.truncate(bytes.len().max(20_000) - length / 4 * 3);
        if let Err(error) = read(&bytes) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}
