//! Files made to exhaust memory, time or the stack of their reader: each gives one line of error, or weights, quickly and in
//! little memory.

#![cfg(all(feature = "safetensors", feature = "pytorch", feature = "keras"))]

mod bounded;
mod heap;

use std::io::{Cursor, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use bounded::{MEBIBYTE, read, refused, turn};
use densenet_wgpu::Precision;
use densenet_wgpu::architecture::{Recipe, Stem};
use densenet_wgpu::weights::{self, Weights};
use densenet_wgpu::{Architecture, Preprocessing};
use heap::peak;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

fn safetensors(header: &str, data: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + data, 0);
    file
}

fn archive(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A PyTorch archive around a pickle.
fn pickled(pickle: &[u8]) -> Vec<u8> {
    archive(&[("a/data.pkl", pickle), ("a/data/0", &[0; 64])], CompressionMethod::Stored)
}

fn text(length: usize) -> Vec<u8> {
    let mut text = vec![b'X'];
    text.extend((length as u32).to_le_bytes());
    text.resize(text.len() + length, b'k');
    text
}

/// A tensor of four numbers in storage 0, as a pickle builds it.
const TENSOR: &[u8] = b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x10tQK\x00K\x04\x85K\x01\x85\x89NtR";

#[test]
fn safetensors_headers_announce_what_they_like() {
    let _turn = turn();
    let tensor = |dtype: &str, shape: &str, offsets: &str| {
        format!(r#"{{"features.conv0.weight":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#)
    };
    for length in [2u64 << 30, (1 << 32) - 1, 1 << 32, 1 << 62, u64::MAX] {
        let file = [&length.to_le_bytes()[..], b"{}      "].concat();
        refused("a long header", &file, 1, "x: ");
    }
    for (what, header, data) in [
        ("offsets past the end", tensor("F32", "[4]", "[0,16]"), 8),
        ("offsets that end before they begin", tensor("F32", "[4]", "[16,0]"), 16),
        ("offsets that overflow", tensor("F32", "[4]", "[18446744073709551600,18446744073709551615]"), 16),
        ("offsets beyond numbers", tensor("F32", "[4]", "[0,18446744073709551616]"), 16),
        ("offsets below zero", tensor("F32", "[4]", "[-16,0]"), 16),
        ("a product that overflows", tensor("F32", "[4294967296,4294967296]", "[0,0]"), 0),
        ("bytes that overflow", tensor("F64", "[2305843009213693952]", "[0,0]"), 0),
        ("nothing by very much", tensor("F32", "[0,18446744073709551615,7,7]", "[0,0]"), 0),
        ("more than the file has", tensor("F32", "[2147483647,3,7,7]", "[0,16]"), 16),
        ("a hole", r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#.into(), 8),
        (
            "an overlap",
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#.into(),
            12,
        ),
        ("deep nesting", "[".repeat(100_000), 0),
        ("deep objects", r#"{"a":"#.repeat(100_000), 0),
        ("deep metadata", format!(r#"{{"__metadata__":{{"densenet.architecture":"{}"}}}}"#, "[".repeat(100_000)), 0),
        ("a long name", tensor("F32", "[0]", "[0,0]").replace("features", &"n".repeat(MEBIBYTE)), 0),
        ("a name that rings", tensor("F32", "[0]", "[0,0]").replace("features", r"\u0007\u001b[2J\n\u202e"), 0),
    ] {
        refused(what, &safetensors(&header, data), 8, "x: ");
    }
}

#[test]
fn safetensors_headers_may_be_large_only_so_far() {
    let _turn = turn();
    // As many tensors as fit, with or without data.
    let many: Vec<String> =
        (0..100_000).map(|i| format!(r#""t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#)).collect();
    refused("many tensors", &safetensors(&format!("{{{}}}", many.join(",")), 0), 128, "100000 tensors");
    let long = format!(r#"{{"__metadata__":{{"a":"{}"}}}}"#, "x".repeat(70 * MEBIBYTE));
    refused("a header of 70 MiB", &safetensors(&long, 0), 1, "its header has 734");
    // Values of 2 bytes that take 32, and objects of 7 that take 700.
    for (what, key, value) in [
        ("a preset of numbers", "densenet.preset", format!(r#"{{\"a\":[{}1]}}"#, "1,".repeat(3 * MEBIBYTE))),
        ("a preset of objects", "densenet.preset", format!(r#"{{\"a\":[{}1]}}"#, r#"{\"\":0},"#.repeat(700_000))),
        ("labels", "densenet.labels", format!("[{}1]", r#"\"\","#.repeat(1_000_000))),
    ] {
        refused(what, &safetensors(&format!(r#"{{"__metadata__":{{"{key}":"{value}"}}}}"#), 0), 128, "x: ");
    }
}

#[test]
fn pickles_do_not_grow() {
    let _turn = turn();
    let header = b"\x80\x02".to_vec();
    let copies = |object: Vec<u8>, copy: &[u8], times: usize| {
        pickled(&[header.clone(), b"]".to_vec(), object, copy.repeat(times), b"e.".to_vec()].concat())
    };
    refused(
        "a key again and again",
        &copies([b"(}".to_vec(), text(MEBIBYTE), b"Nsq\x00".to_vec()].concat(), b"h\x00", 100_000),
        300,
        "x: ",
    );
    let class = [b"(c".to_vec(), vec![b'm'; MEBIBYTE], b"\nn\n".to_vec()].concat();
    refused("a class again and again", &copies(class, b"2", 100_000), 300, "x: ");
    let storage =
        [b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\n".to_vec(), text(MEBIBYTE), b"NK\x10tQ".to_vec()].concat();
    refused("a storage again and again", &copies(storage, b"2", 100_000), 300, "x: ");
    let mut shape = b"(ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x10tQK\x00".to_vec();
    for _ in 0..2 {
        shape.push(b'(');
        shape.extend(b"K\x01".repeat(100_000));
        shape.push(b't');
    }
    shape.extend(b"\x89NtR");
    refused("a shape again and again", &copies(shape, b"2", 100_000), 300, "x: ");
    // A long key before many tensors is part of every name.
    let mut names =
        [header.clone(), b"}".to_vec(), text(MEBIBYTE), b"](".to_vec(), TENSOR.to_vec(), b"q\x00".to_vec()].concat();
    names.extend(b"h\x00".repeat(100_000));
    names.extend(b"es.");
    refused("names of a megabyte", &pickled(&names), 300, "x: ");
    let mut deep = [
        header.clone(),
        [b"}".to_vec(), text(250)].concat().repeat(900),
        b"](".to_vec(),
        TENSOR.to_vec(),
        b"q\x00".to_vec(),
    ]
    .concat();
    deep.extend(b"h\x00".repeat(100_000));
    deep.extend(b"e".iter().chain(b"s".repeat(900).iter()).chain(b"."));
    refused("long names of many keys", &pickled(&deep), 300, "x: ");
    // Objects of a byte.
    for (what, objects) in [("many things", b"N"), ("many tables", b"}"), ("many marks", b"(")] {
        let many = [header.clone(), b"(".to_vec(), objects.repeat(7 * MEBIBYTE), b"l.".to_vec()].concat();
        refused(what, &pickled(&many), 300, "x: ");
        refused(what, &many, 300, "x: ");
    }
    let tables = [header.clone(), b"(".to_vec(), b"}U\x00Ns".repeat(MEBIBYTE), b"l.".to_vec()].concat();
    refused("many tables of one thing", &pickled(&tables), 300, "x: ");
    refused("many tables of one thing", &tables, 300, "x: ");
    // Lengths that are not there, a frame of everything, numbers without end.
    for (what, pickle) in [
        ("a long text", &b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f"[..]),
        ("a long number", b"\x80\x02\x8b\xff\xff\xff\x7f\x01."),
        ("a huge frame", b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff}."),
        ("a far memo", b"\x80\x02}r\xff\xff\xff\xffj\xff\xff\xff\xff."),
        ("an empty stack", b"\x80\x02R."),
        ("a call of a system's", b"\x80\x02cos\nsystem\nX\x07\x00\x00\x00rm -rf /\x85R."),
    ] {
        refused(what, &pickled(pickle), 4, "x: ");
        refused(what, pickle, 4, "x: ");
    }
    // As deep as the library reads, in each kind of container, and copied from the memo.
    for (what, open, close) in [("lists", &b"]"[..], &b"a"[..]), ("tables", b"}U\x00", b"s"), ("pairs", b"N", b"\x86")]
    {
        for depth in [990, 100_000] {
            let nested =
                [b"\x80\x02}U\x00", &open.repeat(depth)[..], b"N", &close.repeat(depth), b"q\x00h\x000s."].concat();
            refused(what, &pickled(&nested), 64, "x: ");
            refused(what, &nested, 64, "x: ");
        }
    }
    let digits = [b"\x80\x02L".to_vec(), vec![b'9'; 4 * MEBIBYTE], b"L\n.".to_vec()].concat();
    refused("a number of millions of digits", &pickled(&digits), 64, "x: ");
}

#[test]
fn zips_do_not_grow() {
    let _turn = turn();
    let pickle = [b"\x80\x02}(".as_slice(), &text(1), TENSOR, b"u."].concat();
    let zeros = vec![0; 64 * MEBIBYTE];
    let bomb = archive(&[("a/data.pkl", &pickle), ("a/data/0", &zeros)], CompressionMethod::Deflated);
    refused("a bomb", &bomb, 4, "that unpacks to 67108");
    let bomb = archive(&[("config.json", &zeros), ("model.weights.h5", b"")], CompressionMethod::Deflated);
    refused("a bomb for Keras", &bomb, 4, "announces 67108864 unpacked");
    let bomb = archive(&[("config.json", b"{}"), ("model.weights.h5", &zeros)], CompressionMethod::Deflated);
    refused("another", &bomb, 4, "announces 67108864 unpacked");
    // Every tensor lies at the end of a compressed storage.
    let mut many = b"\x80\x02}(".to_vec();
    for i in 0..19_000 {
        let name = format!("t{i}");
        many.extend([&[b'U', name.len() as u8][..], name.as_bytes()].concat());
        many.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuJ\x00\x00\x20\x00tQJ\xf0\xff\x1f\x00K\x04\x85K\x01\x85\x89NtR");
    }
    many.extend(b"u.");
    // A quarter of it cannot be compressed.
    let noise = std::iter::successors(Some(1u32), |x| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223)));
    let mut storage: Vec<u8> = noise.map(|x| (x >> 24) as u8).take(5 * MEBIBYTE / 2).collect();
    storage.resize(8 * MEBIBYTE, 0);
    let file = archive(&[("a/data.pkl", &many), ("a/data/0", &storage)], CompressionMethod::Deflated);
    refused("the end of a storage again and again", &file, 128, "x: ");
    // Members that are not there, and the same one under many names.
    let mut file = archive(&[("a/data.pkl", &pickle), ("a/data/0", &[0; 64])], CompressionMethod::Stored);
    let end = file.len() - 22;
    file[end + 8..end + 12].copy_from_slice(&[0xff; 4]);
    refused("more members than there are", &file, 64, "x: ");
    let names: Vec<String> = (0..60_000).map(|i| format!("{i}")).collect();
    let mut members: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &[][..])).collect();
    members.push(("a/data.pkl", b"\x80\x02}."));
    refused("many members", &archive(&members, CompressionMethod::Stored), 96, "without tensors");
    refused("a large directory", &announced_members(32 * MEBIBYTE), 512, "x: ");
    let directory = one_member_many_times(&pickle, 30_000);
    refused("overlapping members", &directory, 64, "that unpacks to");
    let two = [("a/data.pkl", &pickle[..]), ("bb/data.pkl", b"\x80\x02}."), ("a/data/0", &[0; 64])];
    refused(
        "two checkpoints",
        &archive(&two, CompressionMethod::Stored),
        4,
        "a zip of two checkpoints, 'a/data.pkl' and",
    );
    // A tar whose storages are a hole of 8 EiB.
    let mut tar = vec![0; 1024];
    tar[..8].copy_from_slice(b"storages");
    tar[156] = b'S';
    tar[257..265].copy_from_slice(b"ustar  \0");
    refused("a sparse tar", &tar, 4, "a tar archive, not a weight file: unpack it");
    tar[0] = 0x80;
    tar[1] = 2;
    refused("a sparse tar that begins as a pickle", &tar, 4, "a tar archive, not a weight file: unpack it");
}

/// A zip64 whose directory announces as many members as it has room for, and has none.
fn announced_members(length: usize) -> Vec<u8> {
    let mut file = b"PK\x03\x04".to_vec();
    file.resize(length, 0);
    let (start, size) = ((length / 2) as u64, (length - length / 2) as u64);
    let end = file.len() as u64;
    file.extend(b"PK\x06\x06");
    file.extend(44u64.to_le_bytes());
    file.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [size / 46, size / 46, size, start] {
        file.extend(number.to_le_bytes());
    }
    file.extend(b"PK\x06\x07\0\0\0\0");
    file.extend(end.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([0xff; 12]);
    file.extend([0, 0]);
    file
}

/// A zip with one member under many names.
fn one_member_many_times(pickle: &[u8], times: usize) -> Vec<u8> {
    let content = vec![7; 4096];
    let one = archive(&[("a/data.pkl", pickle), ("a/data/0", &content)], CompressionMethod::Stored);
    let start = one.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let second = start + 46 + "a/data.pkl".len();
    let entry = &one[second..second + 46 + "a/data/0".len()];
    let mut file = one[..second].to_vec();
    for i in 0..times {
        let mut entry = entry[..46].to_vec();
        let name = format!("a/data/{i}");
        entry[28..30].copy_from_slice(&(name.len() as u16).to_le_bytes());
        file.extend(entry);
        file.extend(name.as_bytes());
    }
    let count = (times + 1) as u16;
    let size = (file.len() - start) as u32;
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend([size.to_le_bytes(), (start as u32).to_le_bytes()].concat());
    file.extend([0, 0]);
    file
}

/// A layer of a Keras model that reads others.
fn layer(class: &str, name: &str, reads: &[&str]) -> Value {
    let reads: Vec<Value> = reads.iter().map(|read| json!([read, 0, 0, {}])).collect();
    let nodes = if reads.is_empty() { json!([]) } else { json!([reads]) };
    json!({ "class_name": class, "name": name, "config": { "name": name, "padding": 1 }, "inbound_nodes": nodes })
}

/// A model with the weights of another.
fn keras(configuration: &str) -> Vec<u8> {
    let member = |bytes: &[u8], name: &str| {
        let mut content = Vec::new();
        let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
        archive.by_name(name).unwrap().read_to_end(&mut content).unwrap();
        content
    };
    let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/keras-files.zip");
    let weights = member(&member(&std::fs::read(files).unwrap(), "applications.keras"), "model.weights.h5");
    archive(&[("config.json", configuration.as_bytes()), ("model.weights.h5", &weights)], CompressionMethod::Deflated)
}

#[test]
fn configurations_of_keras_do_not_grow() {
    let _turn = turn();
    let sequential = |name: &str, layers: Vec<Value>| json!({ "class_name": "Sequential", "name": name, "config": { "name": name, "layers": layers } });
    let dropouts = || vec![json!({ "class_name": "Dropout", "config": {} }); 9_000];
    let named = sequential("x", vec![sequential(&"n".repeat(6 * MEBIBYTE), dropouts())]);
    refused("a model of a long name", &keras(&named.to_string()), 128, "is longer than 400 bytes");
    let class = json!([{ "class_name": "C".repeat(8 * MEBIBYTE), "config": {} }]);
    refused("a class of a long name", &keras(&json!({ "config": class }).to_string()), 128, "is longer than 400 bytes");
    let nested = (0..40).fold(dropouts(), |inner, depth| vec![sequential(&format!("{depth}").repeat(200), inner)]);
    refused("models in models", &keras(&json!({ "config": nested }).to_string()), 128, "x: ");
    refused("deep nesting", &keras(&"[".repeat(MEBIBYTE)), 64, "x: ");
    for (what, item) in [("numbers", "1,"), ("lists", "[],"), ("tables", r#"{"":0},"#)] {
        let many = format!("[{}1]", item.repeat(14 * MEBIBYTE / item.len()));
        refused(what, &keras(&many), 128, "far more parts than a model");
    }
    // Zeros around zeros around zeros.
    let mut layers = vec![layer("InputLayer", "l0", &[])];
    layers.extend((1..9_999).map(|i| layer("ZeroPadding2D", &format!("l{i}"), &[&format!("l{}", i - 1)])));
    refused(
        "padding of padding",
        &keras(&json!({ "config": { "layers": layers } }).to_string()),
        64,
        "zeros are padded twice",
    );
    // Each concatenates all before it, twice.
    let mut layers = vec![layer("InputLayer", "l0", &[])];
    layers.extend((1..200).map(|i| {
        let reads: Vec<String> = (0..i).map(|j| format!("l{j}")).collect();
        layer("Concatenate", &format!("l{i}"), &reads.iter().map(String::as_str).collect::<Vec<_>>())
    }));
    refused("concatenations", &keras(&json!({ "config": { "layers": layers } }).to_string()), 128, "x: ");
}

/// A file of such tensors, all zeros.
fn of_shapes(shapes: Vec<(String, Vec<usize>)>) -> Vec<u8> {
    let (mut header, mut length) = (serde_json::Map::new(), 0);
    for (name, shape) in shapes {
        let end = length + 4 * shape.iter().product::<usize>();
        header.insert(name, json!({ "dtype": "F32", "shape": shape, "data_offsets": [length, end] }));
        length = end;
    }
    safetensors(&Value::Object(header).to_string(), length)
}

#[test]
fn recognition_by_structure_has_an_end() {
    let _turn = turn();
    // Names that tell nothing, and shapes that fit together in more ways than could be tried, but never to the end.
    let letters = |i: usize| format!("{i:05}").bytes().map(|b| char::from(b - b'0' + b'a')).collect::<String>();
    let norm = |name: String, channels: usize| {
        ["weight", "bias", "running_mean", "running_var"].map(|part| (format!("{name}.{part}"), vec![channels]))
    };
    let conv = |name: String, shape: [usize; 4]| [(format!("{name}.weight"), shape.to_vec())];
    let mut alone = Vec::from(norm("odd".into(), 7));
    for i in 0..4_000 {
        let name = letters(i);
        match i % 5 {
            0 => alone.extend(norm(name, 2)),
            1 => alone.extend(norm(name, 4)),
            2 => alone.extend(conv(name, [2, 2, 1, 1])),
            3 => alone.extend(conv(name, [2, 2, 3, 3])),
            _ => alone.extend(conv(name, [2, 4, 1, 1])),
        }
    }
    refused("too many ways", &of_shapes(alone), 128, "too many ways");
    // Layers and transitions that stand together, in any order; the classifier fits none.
    let mut together = Vec::from(conv("a.stem".into(), [2, 3, 3, 3]));
    together.extend(norm("a.stemnorm".into(), 2));
    together.push(("head.weight".into(), vec![2, 7]));
    for i in 0..660 {
        let name = letters(i);
        together.extend(norm(format!("d.{name}.a"), 2));
        together.extend(conv(format!("d.{name}.b"), [3, 2, 1, 1]));
        together.extend(norm(format!("d.{name}.c"), 3));
        together.extend(conv(format!("d.{name}.d"), [2, 3, 3, 3]));
        together.extend(norm(format!("t.{name}.a"), 4));
        together.extend(conv(format!("t.{name}.b"), [2, 4, 1, 1]));
    }
    refused("too many ways of many layers", &of_shapes(together), 128, "x: ");
}

fn tiny() -> Weights {
    let recipe = Recipe { stem: Stem::cifar(4), classes: Some(2), ..Recipe::imagenet(2, &[1, 1]) };
    Weights::random(&recipe.build("tiny"), 0).unwrap()
}

/// The safetensors file with another preprocessing in its metadata.
fn with_preset(file: &[u8], preset: &str) -> Vec<u8> {
    let (length, rest) = file.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let mut header: Value = serde_json::from_slice(header).unwrap();
    header["__metadata__"]["densenet.preset"] = preset.into();
    [safetensors(&header.to_string(), 0), data.to_vec()].concat()
}

#[test]
fn what_a_file_says_is_fit_for_a_terminal() {
    let _turn = turn();
    let ringing = "a\u{7}\u{1b}[2J\nb\u{202e}c\u{2028}";
    let architecture = Architecture { name: ringing.into(), ..tiny().architecture().clone() };
    let weights = Weights::new(architecture, tiny().tensors().clone()).unwrap();
    let weights = weights.with_labels(vec![ringing.into(); 2]).unwrap();
    let file = with_preset(&weights::to_safetensors(&weights, Precision::F32).unwrap(), ringing);
    let weights = read("a network", &file, 1).unwrap();
    let quiet = "a  [2J b c ";
    assert_eq!(
        (weights.architecture().name.as_str(), weights.labels().unwrap()),
        (quiet, &[quiet, quiet].map(String::from)[..])
    );
    assert!(weights.origin().facts.iter().any(|fact| fact.what == "preset" && fact.value == quiet));
    let hidden = |text: &str| text.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}'));
    for error in [
        weights.preprocessing().unwrap_err(),
        Preprocessing::parse(ringing).unwrap_err(),
        Preprocessing::parse(&"x".repeat(MEBIBYTE)).unwrap_err(),
        Architecture::from_json(&format!("{{\"{}\":1}}", "\\n\\u202e".repeat(1000))).unwrap_err(),
    ] {
        let error = error.to_string();
        assert!(!hidden(&error) && error.len() < 2500, "{error:?}");
    }
}

#[test]
fn a_description_beside_a_file_takes_little() {
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("model.safetensors");
    std::fs::write(&file, weights::to_safetensors(&tiny(), Precision::F32).unwrap()).unwrap();
    let head = r#"{"architecture":"densenet121","label_names":"#;
    for (what, text) in [
        ("100 MB", format!(r#"{head}["{}","b"]}}"#, "a".repeat(100_000_000))),
        ("deep nesting", format!("{head}{}", "[".repeat(4_000_000))),
        ("labels", format!("{head}[{}]}}", vec![r#""""#; 1_300_000].join(","))),
        ("other things", format!(r#"{{"x":[{}1],"architecture":"densenet121"}}"#, r#"{"":0},"#.repeat(590_000))),
        ("no text", "\u{0}".repeat(1000)),
    ] {
        std::fs::write(folder.path().join("config.json"), &text).unwrap();
        let start = Instant::now();
        let (result, heap) = peak(|| weights::open(&file));
        assert!(result.unwrap().labels().is_none(), "{what}");
        assert!(start.elapsed() < Duration::from_secs(5), "{what}: {:?}", start.elapsed());
        assert!(heap < 96 * MEBIBYTE, "{what}: {heap} bytes of heap");
    }
}

/// Files that once did harm, found by the fuzz targets: tests/hostile/README.md.
#[test]
fn what_did_harm_once_does_none() {
    let _turn = turn();
    let mut count = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "md" || ending == "py") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_string_lossy();
        if let Ok(weights) = read(&name, &bytes, 128) {
            let _ = weights.preprocessing();
        }
        if let Ok(text) = std::str::from_utf8(&bytes) {
            let errors = [Architecture::from_json(text).err(), Preprocessing::parse(text).err()];
            for error in errors.into_iter().flatten().map(|e| e.to_string()) {
                assert!(!error.chars().any(char::is_control), "{name}: {error:?}");
            }
        }
        count += 1;
    }
    assert!(count > 0);
}
