//! ONNX models made to exhaust memory, time or the stack of their reader, or to lead it out of their folder: each gives one line
//! of error, or weights, quickly and in little memory.

#![cfg(feature = "onnx")]

mod bounded;
mod heap;

use std::io::Read;
use std::path::Path;

use bounded::{read, refused, turn};

fn varint(mut n: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while n > 127 {
        bytes.push((n & 127) as u8 | 128);
        n >>= 7;
    }
    bytes.push(n as u8);
    bytes
}

/// A field of bytes, a text or a message.
fn bytes(number: u64, content: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn int(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

fn ints(name: &str, values: &[i64]) -> Vec<u8> {
    let values = values.iter().flat_map(|&value| int(8, value as u64)).collect::<Vec<u8>>();
    bytes(5, &[bytes(1, name.as_bytes()), values].concat())
}

fn one(name: &str, value: i64) -> Vec<u8> {
    bytes(5, &[bytes(1, name.as_bytes()), int(3, value as u64)].concat())
}

/// A node, as a field of a graph.
fn node(operation: &str, reads: &[&str], yields: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let reads = reads.iter().flat_map(|name| bytes(1, name.as_bytes())).collect::<Vec<u8>>();
    bytes(1, &[reads, bytes(2, yields.as_bytes()), bytes(4, operation.as_bytes()), attributes.concat()].concat())
}

/// A tensor of a type, as a field of a graph.
fn tensor(name: &str, kind: u64, dims: &[i64], raw: &[u8]) -> Vec<u8> {
    let dims = dims.iter().flat_map(|&side| int(1, side as u64)).collect::<Vec<u8>>();
    bytes(5, &[dims, int(2, kind), bytes(8, name.as_bytes()), bytes(9, raw)].concat())
}

fn floats(name: &str, dims: &[i64]) -> Vec<u8> {
    tensor(name, 1, dims, &vec![0; 4 * dims.iter().product::<i64>() as usize])
}

fn longs(name: &str, values: &[i64]) -> Vec<u8> {
    tensor(name, 7, &[values.len() as i64], &values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>())
}

/// A model of a graph that reads `x`, images of 3 channels, and yields `y`.
fn model(graph: &[Vec<u8>]) -> Vec<u8> {
    let sides: Vec<u8> = [1, 3, 64, 64].iter().flat_map(|&side| bytes(1, &int(1, side))).collect();
    let kind = bytes(1, &[int(1, 1), bytes(2, &sides)].concat());
    let input = bytes(11, &[bytes(1, b"x"), bytes(2, &kind)].concat());
    let output = bytes(12, &bytes(1, b"y"));
    let graph = [graph.concat(), input, output].concat();
    [int(1, 8), bytes(7, &graph), bytes(8, &int(2, 17))].concat()
}

#[test]
fn models_announce_what_they_like() {
    let _turn = turn();
    for length in [(1u64 << 31) - 1, 1 << 31, 1 << 40, 1 << 62, u64::MAX] {
        let graph = [int(1, 8), varint(7 << 3 | 2), varint(length), vec![0; 16]].concat();
        refused("a long graph", &graph, 1, "damaged or truncated");
        let raw = [int(2, 1), varint(9 << 3 | 2), varint(length), vec![0; 16]].concat();
        refused("a long tensor", &model(&[bytes(5, &raw)]), 1, "damaged or truncated");
        let name = [varint(8 << 3 | 2), varint(length)].concat();
        refused("a long name", &model(&[bytes(5, &name)]), 1, "damaged or truncated");
        let dims = [varint(1 << 3 | 2), varint(length)].concat();
        refused("a long shape", &model(&[bytes(5, &dims)]), 1, "damaged or truncated");
    }
    for dims in [&[1i64 << 62, 1 << 62, 3, 3][..], &[1 << 32, 1 << 32, 1, 1], &[i64::MIN, 1, 1, 1], &[-1, 3, 3, 3]] {
        refused("a shape that overflows", &model(&[tensor("w", 1, dims, &[0; 64])]), 1, "the impossible shape");
    }
    for dims in [&[1i64 << 61][..], &[1 << 31, 4], &[17], &[0]] {
        refused("a shape that does not fit", &model(&[tensor("w", 1, dims, &[0; 64])]), 1, "tensor 'w'");
    }
    let many: Vec<u8> = int(1, 1).repeat(100_000);
    refused("many axes", &model(&[bytes(5, &many)]), 4, "tensors with 100000 axes");
    for wire in [0x3a, 0x08, 0x0a] {
        let endless = [vec![0x08, 0x08, wire], vec![0xff; 64]].concat();
        refused("a number without an end", &endless, 1, "x: ");
    }
    refused("no text", &model(&[bytes(1, &bytes(4, &[0xff, 0xfe]))]), 1, "invalid UTF-8");
    let ringing = "a\u{7}\u{1b}[2J\nb\u{202e}c\u{2028}";
    refused("a name that rings", &model(&[node(ringing, &["x"], "y", &[])]), 1, "x: ");
}

#[test]
fn graphs_are_as_large_as_networks_are() {
    let _turn = turn();
    let chain = |count: usize, operation: &str| -> Vec<Vec<u8>> {
        let name = |i: usize| if i == 0 { "x".to_string() } else { format!("t{i}") };
        let mut nodes: Vec<Vec<u8>> = (0..count).map(|i| node(operation, &[&name(i)], &name(i + 1), &[])).collect();
        nodes.push(node("Identity", &[&name(count)], "y", &[]));
        nodes
    };
    refused("a million nodes", &model(&chain(1_000_000, "Relu")), 64, "more than 50000 nodes");
    refused("a long chain", &model(&chain(49_000, "Identity")), 160, "ends with node");
    refused("empty nodes", &model(&vec![bytes(1, b""); 1_000_000]), 96, "more than 50000 nodes");
    let empty = bytes(1, &bytes(5, b"").repeat(24));
    refused("empty attributes", &model(&vec![empty; 49_000]), 400, "x: ");
    refused("many attributes", &model(&[bytes(1, &bytes(5, b"").repeat(25))]), 1, "attributes of a node");
    refused("empty tensors", &model(&vec![bytes(5, b""); 1_000_000]), 96, "more than 50000 tensors");
    let wide: Vec<&str> = vec!["x"; 100_000];
    refused("a node that reads much", &model(&[node("Concat", &wide, "y", &[one("axis", 1)])]), 8, "inputs of a node");
    // Graphs inside of graphs.
    let mut inner = Vec::new();
    for _ in 0..20_000 {
        inner = bytes(1, &[bytes(4, b"If"), bytes(5, &bytes(6, &inner))].concat());
    }
    refused("nested graphs", &model(&[inner]), 8, "x: ");
}

#[test]
fn graphs_do_not_grow() {
    let _turn = turn();
    // Circles, and nodes before what they read.
    refused("a circle", &model(&[node("Relu", &["y"], "y", &[])]), 1, "it reads 'y', which no node before it yields");
    let two = [node("Relu", &["b"], "a", &[]), node("Relu", &["a"], "b", &[]), node("Relu", &["b"], "y", &[])];
    refused("a circle of two", &model(&two), 1, "it reads 'b', which no node before it yields");
    let twice = [node("Relu", &["x"], "y", &[]), node("Relu", &["x"], "y", &[])];
    refused("a name twice", &model(&twice), 1, "which is yielded already");
    // Sixty nodes of two to the sixty paths.
    let doubled = |operation: &str| -> Vec<Vec<u8>> {
        let name = |i: usize| match i {
            0 => "x".to_string(),
            60 => "y".to_string(),
            i => format!("t{i}"),
        };
        (0..60).map(|i| node(operation, &[&name(i), &name(i)], &name(i + 1), &[one("axis", 1)])).collect()
    };
    refused("sums of sums", &model(&doubled("Add")), 1, "a DenseNet concatenates");
    refused("images of images", &model(&doubled("Concat")), 1, "it makes more than 256 channels");
    // Constants that are computed.
    let shape = longs("s", &[100_000, 100_000, 100, 100]);
    for (operation, reads) in [("Expand", &["w", "s"][..]), ("ConstantOfShape", &["s"]), ("Tile", &["w", "s"])] {
        let graph = [
            shape.clone(),
            floats("w", &[1]),
            node(operation, reads, "big", &[]),
            node("Add", &["x", "big"], "y", &[]),
        ];
        refused(operation, &model(&graph), 1, "x: ");
    }
    let mut growing = vec![floats("w0", &[1000])];
    growing.extend((0..200).map(|i| node("Add", &[&format!("w{i}"), "w0"], &format!("w{}", i + 1), &[])));
    growing
        .extend((0..200).map(|i| node("Concat", &[format!("w{i}").as_str(); 64], &format!("v{i}"), &[one("axis", 0)])));
    growing.push(node("Add", &["x", "v199"], "y", &[]));
    refused("constants of constants", &model(&growing), 192, "x: ");
    let range = [
        tensor("a", 1, &[], &0f32.to_le_bytes()),
        tensor("b", 1, &[], &1e30f32.to_le_bytes()),
        tensor("c", 1, &[], &1e-30f32.to_le_bytes()),
        node("Range", &["a", "b", "c"], "r", &[]),
        node("Add", &["x", "r"], "y", &[]),
    ];
    refused("a long range", &model(&range), 1, "more numbers than a shape has");
    // One large tensor in many places.
    let mut shared = vec![floats("w", &[64, 64, 3, 3]), floats("stem", &[64, 3, 3, 3]), floats("n", &[64])];
    let pads = ints("pads", &[1, 1, 1, 1]);
    shared.push(node("Conv", &["x", "stem"], "t0", std::slice::from_ref(&pads)));
    for i in 0..2_000 {
        let (read, norm, relu) = (format!("t{i}"), format!("n{i}"), format!("r{i}"));
        shared.push(node("BatchNormalization", &[&read, "n", "n", "n", "n"], &norm, &[]));
        shared.push(node("Relu", &[&norm], &relu, &[]));
        shared.push(node("Conv", &[&relu, "w"], &format!("t{}", i + 1), std::slice::from_ref(&pads)));
    }
    shared.push(node("GlobalAveragePool", &["r1999"], "y", &[]));
    refused("one tensor for all layers", &model(&shared), 128, "x: ");
    // Settings beyond reason.
    for (what, attributes) in [
        ("strides of 0", vec![ints("strides", &[0, 0])]),
        ("strides of millions", vec![ints("strides", &[1 << 40, 1 << 40])]),
        ("pads below 0", vec![ints("pads", &[-1, -1, -1, -1])]),
        ("pads of millions", vec![ints("pads", &[1 << 19; 4])]),
        ("many pads", vec![ints("pads", &[1; 1000])]),
        ("groups of 0", vec![one("group", 0)]),
        ("groups below 0", vec![one("group", -1)]),
        ("wide gaps", vec![ints("dilations", &[1 << 19; 2])]),
    ] {
        let graph = [floats("w", &[4, 3, 3, 3]), node("Conv", &["x", "w"], "y", &attributes)];
        refused(what, &model(&graph), 1, "x: ");
    }
    for reads in [&[][..], &["w"], &["x"], &["x", "x"], &["w", "w"], &["x", "w", "x"]] {
        for operation in [
            "Conv",
            "Gemm",
            "MatMul",
            "BatchNormalization",
            "Concat",
            "Reshape",
            "Slice",
            "Pad",
            "Gather",
            "Clip",
            "Split",
        ] {
            let graph = [floats("w", &[4, 3, 3, 3]), node(operation, reads, "y", &[])];
            refused(operation, &model(&graph), 1, "x: ");
        }
    }
}

/// A small model that PyTorch wrote.
fn small() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx-heads.zip");
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
    let mut bytes = Vec::new();
    archive.by_name("two.onnx").unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn every_truncation_and_any_damage_is_an_error_or_a_network() {
    let _turn = turn();
    let whole = small();
    assert!(read("whole", &whole, 8).is_ok());
    for end in (1..whole.len()).step_by(97).chain(1..300) {
        assert!(read("cut off", &whole[..end], 8).is_err(), "{end}");
    }
    // The first bytes tell the format.
    for at in (2..whole.len()).step_by(61) {
        for byte in [0, 0x7f, 0xff, whole[at] ^ 1] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            let _ = read("damaged", &damaged, 64);
        }
    }
}
