//! The messages of an ONNX file, as far as they say what a network computes. Field numbers are those of onnx.proto.

use super::wire::{Content, Fault, fields};

/// DenseNet-264 has some thousands, unoptimised and with a node for each constant.
const MAX_NODES: usize = 50_000;
const MAX_TENSORS: usize = 50_000;
/// Inputs of a node, and attributes: a concatenation reads a whole dense block.
const MAX_ITEMS: usize = 4_096;
const MAX_RANK: usize = 8;

#[derive(Default)]
pub(super) struct Model<'a> {
    pub(super) producer: &'a str,
    pub(super) graph: Option<Graph<'a>>,
    /// Domains and their versions.
    pub(super) opsets: Vec<(&'a str, i64)>,
    /// Operations that the file defines itself: domain and name.
    pub(super) functions: Vec<(&'a str, &'a str)>,
}

#[derive(Default)]
pub(super) struct Graph<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    pub(super) initializers: Vec<Tensor<'a>>,
    pub(super) inputs: Vec<Value<'a>>,
    pub(super) outputs: Vec<Value<'a>>,
}

#[derive(Default)]
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) operation: &'a str,
    pub(super) domain: &'a str,
    pub(super) inputs: Vec<&'a str>,
    pub(super) outputs: Vec<&'a str>,
    pub(super) attributes: Vec<Attribute<'a>>,
}

#[derive(Default)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) float: Option<f32>,
    pub(super) int: Option<i64>,
    pub(super) text: Option<&'a [u8]>,
    pub(super) tensor: Option<Box<Tensor<'a>>>,
    pub(super) floats: Vec<f32>,
    pub(super) ints: Vec<i64>,
}

#[derive(Clone, Default)]
pub(super) struct Tensor<'a> {
    pub(super) name: &'a str,
    pub(super) dims: Vec<i64>,
    pub(super) kind: i64,
    pub(super) raw: Option<&'a [u8]>,
    pub(super) floats: Vec<f32>,
    pub(super) doubles: Vec<f64>,
    /// Of 32 bits and fewer, and f16 by its bits.
    pub(super) ints: Vec<i64>,
    pub(super) longs: Vec<i64>,
    /// Where the numbers are, if in another file: `location`, `offset`, `length`.
    pub(super) external: Vec<(&'a str, &'a str)>,
    pub(super) is_external: bool,
}

/// An input or output.
#[derive(Default)]
pub(super) struct Value<'a> {
    pub(super) name: &'a str,
    /// The type of its elements, by ONNX's number.
    pub(super) kind: i64,
    /// Its sides, where it is a tensor with a shape; none where one may be of any length.
    pub(super) sides: Option<Vec<Option<i64>>>,
}

fn push<T>(list: &mut Vec<T>, most: usize, what: &str, item: T) -> Result<(), Fault> {
    if list.len() >= most {
        return Err(Fault::TooMuch(format!("more than {most} {what}")));
    }
    list.push(item);
    Ok(())
}

/// Reads a file.
pub(super) fn model(bytes: &[u8]) -> Result<Model<'_>, String> {
    Model::read(bytes).map_err(|fault| match fault {
        Fault::TooMuch(what) => format!("an ONNX model with {what}, which no DenseNet has"),
        Fault::Damaged(how) => format!("a damaged or truncated ONNX file ({how}): fetch it again"),
    })
}

/// The texts of a message at two numbers, and an integer at the second.
fn pair(bytes: &[u8], first: u64, second: u64) -> Result<(&str, &str, i64), Fault> {
    let (mut a, mut b, mut int) = ("", "", 0);
    fields(bytes, |number, content| {
        match content {
            Content::Bytes(_) if number == first => a = content.text()?,
            Content::Bytes(_) if number == second => b = content.text()?,
            Content::Int(_) if number == second => int = content.int()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok((a, b, int))
}

impl<'a> Model<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut model = Model::default();
        fields(bytes, |number, content| {
            match number {
                2 => model.producer = content.text()?,
                7 => model.graph = Some(Graph::read(content.bytes()?)?),
                8 => {
                    let (domain, _, version) = pair(content.bytes()?, 1, 2)?;
                    push(&mut model.opsets, MAX_ITEMS, "domains", (domain, version))?;
                }
                25 => {
                    let (name, domain, _) = pair(content.bytes()?, 1, 10)?;
                    push(&mut model.functions, MAX_ITEMS, "functions", (domain, name))?;
                }
                _ => {}
            }
            Ok(())
        })?;
        Ok(model)
    }
}

impl<'a> Graph<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut graph = Graph::default();
        fields(bytes, |number, content| match number {
            1 => push(&mut graph.nodes, MAX_NODES, "nodes", Node::read(content.bytes()?)?),
            5 => push(&mut graph.initializers, MAX_TENSORS, "tensors", Tensor::read(content.bytes()?)?),
            11 => push(&mut graph.inputs, MAX_TENSORS, "inputs", Value::read(content.bytes()?)?),
            12 => push(&mut graph.outputs, MAX_ITEMS, "outputs", Value::read(content.bytes()?)?),
            15 => Err(Fault::TooMuch("sparse tensors".into())),
            _ => Ok(()),
        })?;
        Ok(graph)
    }
}

impl<'a> Node<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut node = Node::default();
        fields(bytes, |number, content| {
            match number {
                1 => push(&mut node.inputs, MAX_ITEMS, "inputs of a node", content.text()?)?,
                2 => push(&mut node.outputs, MAX_ITEMS, "outputs of a node", content.text()?)?,
                3 => node.name = content.text()?,
                4 => node.operation = content.text()?,
                5 => push(&mut node.attributes, 24, "attributes of a node", Attribute::read(content.bytes()?)?)?,
                7 => node.domain = content.text()?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(node)
    }
}

impl<'a> Attribute<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut attribute = Attribute::default();
        fields(bytes, |number, content| {
            match (number, content) {
                (1, _) => attribute.name = content.text()?,
                (2, Content::Fixed32(bytes)) => attribute.float = Some(f32::from_le_bytes(bytes)),
                (3, _) => attribute.int = Some(content.int()?),
                (4, _) => attribute.text = Some(content.bytes()?),
                (5, _) => attribute.tensor = Some(Box::new(Tensor::read(content.bytes()?)?)),
                (7, _) => content.floats(&mut attribute.floats)?,
                (8, _) => content.ints(&mut attribute.ints)?,
                // Graphs inside of attributes among others.
                _ => {}
            }
            Ok(())
        })?;
        Ok(attribute)
    }
}

impl<'a> Tensor<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut tensor = Tensor::default();
        fields(bytes, |number, content| {
            match number {
                1 => content.ints(&mut tensor.dims)?,
                2 => tensor.kind = content.int()?,
                4 => content.floats(&mut tensor.floats)?,
                5 => content.ints(&mut tensor.ints)?,
                7 => content.ints(&mut tensor.longs)?,
                8 => tensor.name = content.text()?,
                9 => tensor.raw = Some(content.bytes()?),
                10 => content.doubles(&mut tensor.doubles)?,
                13 => {
                    let (key, value, _) = pair(content.bytes()?, 1, 2)?;
                    push(&mut tensor.external, 64, "words on one tensor in another file", (key, value))?;
                }
                14 => tensor.is_external = content.int()? == 1,
                _ => {}
            }
            Ok(())
        })?;
        if tensor.dims.len() > MAX_RANK {
            return Err(Fault::TooMuch(format!("tensors with {} axes", tensor.dims.len())));
        }
        Ok(tensor)
    }
}

impl<'a> Value<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, Fault> {
        let mut value = Value::default();
        fields(bytes, |number, content| {
            match number {
                1 => value.name = content.text()?,
                2 => value.typed(content.bytes()?)?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(value)
    }

    /// Its type: field 1 is a tensor's, of which field 1 is the type of elements and field 2 the shape, whose fields 1 are
    /// sides with a length (1) or a name (2).
    fn typed(&mut self, bytes: &'a [u8]) -> Result<(), Fault> {
        let inside = |bytes: &'a [u8], wanted: u64| -> Result<Vec<&'a [u8]>, Fault> {
            let mut found = Vec::new();
            fields(bytes, |number, content| match (number == wanted, content) {
                (true, Content::Bytes(bytes)) => push(&mut found, MAX_RANK, "axes of an input", bytes),
                _ => Ok(()),
            })?;
            Ok(found)
        };
        let Some(tensor) = inside(bytes, 1)?.pop() else { return Ok(()) };
        fields(tensor, |number, content| {
            if number == 1 {
                self.kind = content.int()?;
            }
            Ok(())
        })?;
        let Some(shape) = inside(tensor, 2)?.pop() else { return Ok(()) };
        let mut sides = Vec::new();
        for side in inside(shape, 1)? {
            let mut length = None;
            fields(side, |number, content| {
                if number == 1 {
                    length = Some(content.int()?);
                }
                Ok(())
            })?;
            sides.push(length.filter(|length| *length > 0));
        }
        self.sides = Some(sides);
        Ok(())
    }
}
