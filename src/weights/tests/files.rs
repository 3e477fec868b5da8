//! What is written and read: names, numbers, channel orders, and whose statement counts.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ::safetensors::{Dtype, serialize, tensor::TensorView};
use half::{bf16, f16};

use super::super::{
    OpenOptions, Tensor, Weights, embedded, embedded_with, from_bytes, infer, names, open, save_safetensors,
    to_safetensors,
};
use super::tiny;
use crate::architecture::{Activation, Architecture, Head, PRESETS, Padding, Recipe, Stem};
use crate::error::{Error, Result};
use crate::picture::Preprocessing;
use crate::precision::Precision;

pub(super) type Raw = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

pub(super) fn raw(weights: &Weights) -> Raw {
    let bytes = |t: &Tensor| t.data.iter().flat_map(|x| x.to_le_bytes()).collect();
    weights.tensors().iter().map(|(n, t)| (n.clone(), (Dtype::F32, t.shape.clone(), bytes(t)))).collect()
}

/// A file as other programs write it, without metadata of ours unless given.
pub(super) fn file(raw: &Raw, metadata: &[(&str, &str)]) -> Vec<u8> {
    let views = raw.iter().map(|(n, (d, s, b))| (n, TensorView::new(*d, s.clone(), b).unwrap()));
    let metadata: HashMap<String, String> = metadata.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    serialize(views, (!metadata.is_empty()).then_some(metadata)).unwrap()
}

pub(super) fn read(bytes: &[u8]) -> Result<Weights> {
    from_bytes(bytes, "x.safetensors", &OpenOptions::default())
}

/// Weights and their tensors of an architecture that the defaults describe.
pub(super) fn small() -> (Weights, Raw) {
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
    for preset in ["mnist", "resize=40,crop=28x28,scale=1,mean=0.1,std=0.25,filter=bicubic,colour=rgb"] {
        let weights = Weights::random(&architecture, 9).unwrap().with_labels(labels.clone()).unwrap();
        let preprocessing = Preprocessing::parse(preset).unwrap();
        // The second time over the first.
        save_safetensors(&weights.with_preprocessing(preprocessing.clone()), &path).unwrap();
        let opened = open(&path).unwrap();
        assert_eq!(opened.architecture(), &architecture);
        assert_eq!(opened.tensors(), Weights::random(&architecture, 9).unwrap().tensors());
        assert_eq!(opened.labels(), Some(labels.as_slice()));
        assert_eq!(opened.preprocessing().unwrap(), preprocessing);
        assert_eq!(from(&opened, "preset"), (preset, "metadata"));
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
            let preset = Architecture { head: Head::linear(classes), input_channels: 1, ..preset.clone() };
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
        OpenOptions::default().architecture(architecture)
    };
    let completed = with(given(|a| (a.stem.stride, a.stem.pool, a.eps) = (1, None, 1e-3)), &bytes).unwrap();
    assert_eq!(completed.architecture().stem.stride, 1);
    assert_eq!(from(&completed, "stem pool"), ("none", "the architecture given"));
    assert_eq!(from(&completed, "eps"), ("1e-3", "the architecture given"));
    assert_eq!(from(&completed, "layers per block"), ("[2, 2]", "tensor shapes"));
    let options = given(|_| ()).eps(2e-5).activation(Activation::None);
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
        (given(|a| a.head = Head::linear(None)), &bytes, "classes: the file has 5, the architecture given has none"),
        (given(|a| a.layers = vec![2, 3]), &stated, "the file has [2, 2], the architecture given has [2, 3]"),
        (given(|a| a.stem.stride = 1), &stated, "stem stride: the file has 2, the architecture given has 1"),
        (given(|a| a.eps = 1e-3), &stated, "eps: the file has 1e-5, the architecture given has 1e-3"),
        (OpenOptions::default().eps(-1.0), &bytes, "eps is -1"),
    ] {
        let error = with(options, bytes).unwrap_err().to_string();
        assert!(error.contains(message), "'{error}' does not say '{message}'");
    }
}

#[test]
fn options_state_preprocessing_and_labels() {
    let (_, raw) = small();
    let labels: Vec<String> = ["a", "b", "c", "d", "e"].map(String::from).to_vec();
    let bytes = file(&raw, &[("densenet.preset", "mnist"), ("densenet.labels", r#"["v","w","x","y","z"]"#)]);
    let with = |options: &OpenOptions| from_bytes(&bytes, "x.safetensors", options);
    let timm = Preprocessing::named("timm").unwrap();
    let opened = with(&OpenOptions::default().preprocessing(timm.clone()).labels(labels.clone())).unwrap();
    assert_eq!((opened.preprocessing().unwrap(), from(&opened, "preset")), (timm, ("timm", "option")));
    assert_eq!(opened.labels(), Some(labels.as_slice()));
    let error = with(&OpenOptions::default().labels(labels[..2].to_vec())).unwrap_err().to_string();
    assert_eq!(error, "x.safetensors: the labels given: 2 labels for 5 classes: one for each is expected");
}

#[test]
fn an_unusable_preprocessing_is_kept_until_it_is_asked_for() {
    let (_, raw) = small();
    for stated in [r#"{"resize": 256}"#, "squint"] {
        let bytes = file(&raw, &[("densenet.preset", stated)]);
        let opened = read(&bytes).unwrap();
        assert_eq!(from(&opened, "preset"), (stated, "metadata"));
        let error = opened.preprocessing().unwrap_err().to_string();
        assert!(error.contains("its preprocessing cannot be used, name another"), "{error}");
        let again = read(&to_safetensors(&opened, Precision::F32).unwrap()).unwrap();
        assert_eq!(from(&again, "preset"), (stated, "metadata"));
        let options = OpenOptions::default().preprocessing(Preprocessing::named("mnist"));
        assert_eq!(from_bytes(&bytes, "x", &options).unwrap().preprocessing().unwrap().name, "mnist");
    }
    // A name in JSON's quotes is that name.
    let opened = read(&file(&raw, &[("densenet.preset", r#""mnist""#)])).unwrap();
    assert_eq!(opened.preprocessing().unwrap().name, "mnist");
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
    let opened = read(&file(&raw, &[("pretrained_cfg", "[]")])).unwrap();
    assert!(opened.origin().facts.iter().all(|fact| fact.what != "preset"));
}

#[test]
fn the_embedded_model_opens() {
    let weights = embedded().unwrap();
    assert_eq!(weights.architecture().classes(), Some(10));
    assert_eq!(weights.architecture().input_channels, 1);
    assert_eq!(weights.labels().unwrap()[9], "9");
    assert_eq!(from(&weights, "preset"), ("mnist", "metadata"));
    assert_eq!(weights.origin().format, "safetensors (embedded)");
    let changed = embedded_with(&OpenOptions::default().eps(2e-5)).unwrap();
    assert_eq!((changed.architecture().eps, from(&changed, "eps")), (2e-5, ("2e-5", "option")));
    assert_eq!((changed.labels(), from(&changed, "preset")), (weights.labels(), ("mnist", "metadata")));
    assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join("models/mnist.safetensors").metadata().unwrap().len() < 300_000);
}
