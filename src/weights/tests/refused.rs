//! What is refused, and with which words.

use ::safetensors::Dtype;
use proptest::prelude::*;

use super::super::open;
use super::files::{Raw, file, read, small};
use super::tiny;
use crate::error::Error;

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
        (vec![1, 2, 3], "not a weight file of a known kind: it begins with bytes 01 02 03; .saf"),
        (good[..good.len() - 1].to_vec(), "truncated or damaged: its tensors do not fill its"),
        (good[..100].to_vec(), "a truncated safetensors file: it announces a header of"),
        (
            b"This is a text, not weights.\n".to_vec(),
            "plain text, not a weight file: it begins with 'This is a text, not weights. '; .saf",
        ),
        (b"ok\n".to_vec(), "plain text, not a weight file: it begins with 'ok '; .saf"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0".to_vec(), "run `git lfs pull`"),
        (b"<!DOCTYPE html>\n<html>".to_vec(), "a web page or other markup, not a weight file: download the weights"),
        (huge, "a damaged safetensors file, or another kind of file: the length of its header is out of range"),
        (long, "a truncated safetensors file: it announces a header of 90000000 bytes"),
        ([&8u64.to_le_bytes()[..], b"{otjson!"].concat(), "its header of 8 bytes cannot be read"),
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
            "a head that is not understood: behind 16 channels, 'classifier.0' linear 16 to 5, 'classifier.3' linear 16 to 5 do not \
             follow each other; --part features reads the DenseNet alone",
        ),
        (
            with(|raw| drop(raw.insert("features.conv1.weight".into(), raw["features.conv0.weight"].clone()))),
            "a stem of several convolutions ('features.conv0', 'features.conv1'), as timm's densenetblur121d",
        ),
        (
            with(|raw| drop(raw.insert("gate.weight".into(), raw["classifier.bias"].clone()))),
            "a head that is not understood: 'gate.weight' [5] is part of an attention or the like, where linear layers",
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
            "empty.safetensors: the file is empty: a weight file is expected (.safetensors, .pth, .pt, .bin, .h5, .keras or .onnx)"
        ),
        "{error}"
    );
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
