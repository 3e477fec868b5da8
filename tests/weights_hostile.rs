//! Files that want all memory, time or stack of who reads them: one line of error, or weights, soon and in little.

#![cfg(all(feature = "safetensors", feature = "pytorch", feature = "keras"))]

mod heap;

use std::io::{Cursor, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use densenet_wgpu::weights::{self, OpenOptions, Weights};
use heap::peak;
use serde_json::json;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const MEBIBYTE: usize = 1 << 20;

/// Reads on a thread of little stack, in time, on a heap of so many MiB. An error is one line that a terminal can show.
fn read(what: &str, bytes: &[u8], most_mebibytes: usize) -> Result<Weights, String> {
    let start = Instant::now();
    let (result, heap) = peak(|| {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(256 << 10);
            let work = || weights::from_bytes(bytes, "x", &OpenOptions::default()).map_err(|e| e.to_string());
            thread.spawn_scoped(scope, work).unwrap().join().unwrap()
        })
    });
    if let Err(error) = &result {
        assert!(!error.chars().any(char::is_control) && error.len() < 2500, "{what}: {error:?}");
    }
    eprintln!("{what}: {} kB, {} ms, {} kB heap: {}", bytes.len() / 1024, start.elapsed().as_millis(), heap / 1024, result.as_ref().err().map_or("read", |e| e));
    assert!(start.elapsed() < Duration::from_secs(5), "{what}: {:?}", start.elapsed());
    assert!(heap <= most_mebibytes * MEBIBYTE, "{what}: {} MiB of heap", heap / MEBIBYTE);
    result
}

/// As [`read`], of a file that must be refused for a reason.
fn refused(what: &str, bytes: &[u8], most_mebibytes: usize, reason: &str) {
    let error = read(what, bytes, most_mebibytes).expect_err(what);
    assert!(error.contains(reason), "{what}: '{error}' does not say '{reason}'");
}

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
    // As many tensors as fit, with or without data.
    let many: Vec<String> = (0..100_000).map(|i| format!(r#""t{i}":{{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}"#)).collect();
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
    let header = b"\x80\x02".to_vec();
    let copies = |object: Vec<u8>, copy: &[u8], times: usize| {
        pickled(&[header.clone(), b"]".to_vec(), object, copy.repeat(times), b"e.".to_vec()].concat())
    };
    refused("a key again and again", &copies([b"(}".to_vec(), text(MEBIBYTE), b"Nsq\x00".to_vec()].concat(), b"h\x00", 100_000), 300, "x: ");
    let class = [b"(c".to_vec(), vec![b'm'; MEBIBYTE], b"\nn\n".to_vec()].concat();
    refused("a class again and again", &copies(class, b"2", 100_000), 300, "x: ");
    let storage = [b"((X\x07\x00\x00\x00storagectorch\nFloatStorage\n".to_vec(), text(MEBIBYTE), b"NK\x10tQ".to_vec()].concat();
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
    let mut names = [header.clone(), b"}".to_vec(), text(MEBIBYTE), b"](".to_vec(), TENSOR.to_vec(), b"q\x00".to_vec()].concat();
    names.extend(b"h\x00".repeat(100_000));
    names.extend(b"es.");
    refused("names of a megabyte", &pickled(&names), 300, "x: ");
    let mut deep = [header.clone(), [b"}".to_vec(), text(250)].concat().repeat(900), b"](".to_vec(), TENSOR.to_vec(), b"q\x00".to_vec()].concat();
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
    let digits = [b"\x80\x02L".to_vec(), vec![b'9'; 4 * MEBIBYTE], b"L\n.".to_vec()].concat();
    refused("a number of millions of digits", &pickled(&digits), 64, "x: ");
}
