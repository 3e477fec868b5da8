//! Graphs of ONNX models: those of small networks, changed in a few places.
#![no_main]

use std::io::{Cursor, Read};
use std::sync::LazyLock;

use arbitrary::{Arbitrary, Result, Unstructured};
use rten_onnx::onnx::{GraphProto, ModelProto, NodeProto};

/// Models of several exporters and heads, as they lie beside their logits.
static MODELS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/golden/");
    let mut models = Vec::new();
    for name in ["onnx-heads.zip", "tf2onnx-heads.zip"] {
        let mut archive = zip::ZipArchive::new(Cursor::new(std::fs::read(format!("{golden}{name}")).unwrap())).unwrap();
        for at in 0..archive.len() {
            let mut member = archive.by_index(at).unwrap();
            if member.name().ends_with(".onnx") {
                let mut bytes = Vec::new();
                member.read_to_end(&mut bytes).unwrap();
                models.push(bytes);
            }
        }
    }
    models
});

const OPERATIONS: [&str; 40] = [
    "Add", "AveragePool", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "ConstantOfShape", "Conv", "Div", "Erf",
    "Expand", "Flatten", "Gather", "Gelu", "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Identity", "LeakyRelu", "LogSoftmax",
    "MatMul", "Max", "MaxPool", "Mul", "Pad", "Pow", "ReduceMax", "ReduceMean", "Relu", "Reshape", "Shape", "Sigmoid", "Slice",
    "Softmax", "Squeeze", "Sub", "Tanh", "Tile", "Transpose",
];

/// The name of a value that there is, or may be.
fn value(graph: &GraphProto, u: &mut Unstructured) -> Result<String> {
    let names = graph.node.iter().flat_map(|node| &node.output);
    let names = names.chain(graph.initializer.iter().filter_map(|tensor| tensor.name.as_ref()));
    let names: Vec<&String> = names.chain(graph.input.iter().filter_map(|input| input.name.as_ref())).collect();
    Ok(if names.is_empty() { "x".into() } else { (*u.choose(&names)?).clone() })
}

fn change(graph: &mut GraphProto, u: &mut Unstructured) -> Result<()> {
    if graph.node.is_empty() {
        return Ok(());
    }
    let at = u.choose_index(graph.node.len())?;
    let other = value(graph, u)?;
    match u.int_in_range(0..=9)? {
        0 => graph.node[at].op_type = Some((*u.choose(&OPERATIONS)?).into()),
        1 if !graph.node[at].input.is_empty() => {
            let input = u.choose_index(graph.node[at].input.len())?;
            graph.node[at].input[input] = other;
        }
        2 => graph.node[at].input.push(other),
        3 => drop(graph.node[at].input.pop()),
        4 => drop(graph.node.remove(at)),
        5 => {
            let to = u.choose_index(graph.node.len())?;
            graph.node.swap(at, to);
        }
        6 => {
            // A node between one and what reads it.
            let output = graph.node[at].output.first().cloned().unwrap_or_default();
            let name = format!("new{}", graph.node.len());
            for node in &mut graph.node[at + 1..] {
                node.input.iter_mut().filter(|input| **input == output).for_each(|input| input.clone_from(&name));
            }
            let input = if u.arbitrary()? { vec![output, other] } else { vec![output] };
            let node = NodeProto {
                op_type: Some((*u.choose(&OPERATIONS)?).into()),
                input,
                output: vec![name],
                ..NodeProto::default()
            };
            graph.node.insert(at + 1, node);
        }
        7 => {
            for attribute in &mut graph.node[at].attribute {
                let small = i64::from(i8::arbitrary(u)?);
                match u.int_in_range(0..=3)? {
                    0 => attribute.i = Some(small),
                    1 => attribute.f = Some(f32::arbitrary(u)?),
                    2 => attribute.ints.iter_mut().for_each(|n| *n = small),
                    _ => drop(attribute.ints.pop()),
                }
            }
        }
        8 if !graph.initializer.is_empty() => {
            let tensor = u.choose_index(graph.initializer.len())?;
            let dims = &mut graph.initializer[tensor].dims;
            match u.arbitrary()? {
                true => dims.reverse(),
                false => dims.push(i64::from(i8::arbitrary(u)?)),
            }
        }
        _ => graph.node[at].output.push(other),
    }
    Ok(())
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut u = Unstructured::new(bytes);
    let Ok(model) = u.choose_index(MODELS.len()) else { return };
    let mut model = ModelProto::parse_buf(&MODELS[model]).unwrap();
    let mut graph = model.graph.take().unwrap();
    let changes = u.int_in_range(1..=6).unwrap_or(1);
    for _ in 0..changes {
        if change(&mut graph, &mut u).is_err() {
            break;
        }
    }
    model.graph = Some(graph);
    densenet_fuzz::check(&model.write_buf().unwrap());
});
