//! A model's configuration as a graph of layers, with nested models resolved.

use std::rc::Rc;

use serde_json::Value;

/// No model has so many layers.
const MAX_LAYERS: usize = 10_000;

/// The length of the longest name or class, in bytes.
const MAX_NAME_BYTES: usize = 400;

/// What a parsed configuration may occupy, in bytes. DenseNet-264's takes 10 MB.
const MAX_PARSED_BYTES: usize = 128 << 20;

/// A class, and how many layers of that class come before this one in the same model.
pub(super) type Place = (Rc<str>, usize);

/// One layer of the model.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    /// The names of the nested models around it, from the outermost.
    pub(super) models: Rc<[String]>,
    /// Keras' class, such as `Conv2D`.
    pub(super) class: String,
    pub(super) config: Value,
    /// How an operation that is no layer is called, with its constants.
    pub(super) call: Value,
    /// Indices of the layers it reads, in the order of its arguments.
    pub(super) inputs: Vec<usize>,
    /// The places of the nested models around it, from the outermost, and its own.
    pub(super) place: Vec<Place>,
}

/// A model's layers, each after the ones it reads.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// What the model yields: the names of its outputs, and the layers.
    pub(super) outputs: Vec<(String, usize)>,
}

impl Graph {
    /// Reads a configuration. None where it does not list the model's layers, as for a subclass of Keras' `Model`.
    pub(super) fn parse(text: &str) -> Result<Option<Graph>, String> {
        if parsed_bytes(text) > MAX_PARSED_BYTES {
            return Err("its model configuration has far more parts than a model of thousands of layers".into());
        }
        let model: Value =
            serde_json::from_str(text).map_err(|e| format!("its model configuration is no JSON: {e}"))?;
        if layers(&model).is_none() {
            return Ok(None);
        }
        let mut nodes = Vec::new();
        let mut outputs = flatten(&model, None, &mut Vec::new(), &mut Vec::new(), &mut nodes)?;
        if model["config"]["output_layers"].is_object() {
            // As written; a parsed table is in the order of the alphabet.
            let end = text.rfind("\"output_layers\"").map_or("", |at| &text[at..]);
            outputs.sort_by_key(|(name, _)| end.find(&format!("\"{name}\":")));
        }
        Ok(Some(Graph { nodes, outputs }))
    }
}

/// At least what serde_json makes of it: five bytes of text ask for a map of one key, whose node has room for eleven.
fn parsed_bytes(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'{' => 700,
            b'[' | b',' => 100,
            _ => 1,
        })
        .sum()
}

/// The layers of a model, if it is one whose configuration lists them. Keras 1 has a bare list in a `Sequential`.
fn layers(model: &Value) -> Option<&[Value]> {
    let config = &model["config"];
    config["layers"].as_array().or_else(|| config.as_array()).map(Vec::as_slice)
}

fn class(layer: &Value) -> &str {
    let class = layer["class_name"].as_str().unwrap_or("");
    // `Custom>Scale`: a class registered under a package.
    class.rsplit('>').next().unwrap_or(class)
}

fn name_of(layer: &Value) -> &str {
    layer["config"]["name"].as_str().or_else(|| layer["name"].as_str()).unwrap_or("")
}

/// Appends a model's layers and returns its outputs. `input` is what the model reads; the outermost reads nothing.
fn flatten(
    model: &Value,
    input: Option<usize>,
    models: &mut Vec<String>,
    place: &mut Vec<Place>,
    nodes: &mut Vec<Node>,
) -> Result<Vec<(String, usize)>, String> {
    let layers = layers(model).unwrap_or_default();
    let sequential = class(model) == "Sequential";
    let mut counts: std::collections::HashMap<&str, usize> = Default::default();
    let mut outputs: std::collections::HashMap<&str, usize> = Default::default();
    let mut last = input;
    // Shared by all layers of this model.
    let outer: Rc<[String]> = models.as_slice().into();
    for layer in layers {
        if nodes.len() >= MAX_LAYERS {
            return Err(format!("its model has more than {MAX_LAYERS} layers"));
        }
        let (name, class) = (name_of(layer), class(layer));
        if name.len().max(class.len()) > MAX_NAME_BYTES {
            let beginning: String = name.chars().chain(class.chars()).take(40).collect();
            return Err(format!("a layer's name in its model is longer than {MAX_NAME_BYTES} bytes ('{beginning}..')"));
        }
        let count = counts.entry(class).or_default();
        let here = (Rc::from(class), *count);
        *count += 1;
        let inputs = if class == "InputLayer" {
            if let Some(input) = input {
                outputs.insert(name, input);
                last = Some(input);
                continue;
            }
            Vec::new()
        } else if sequential {
            // Before Keras 3 the first layer could state the shape of the input itself.
            let previous = last.unwrap_or_else(|| {
                nodes.push(input_node(layer["config"]["batch_input_shape"].clone()));
                nodes.len() - 1
            });
            vec![previous]
        } else {
            let mut names = Vec::new();
            match layer["inbound_nodes"].as_array().map(Vec::as_slice) {
                Some([node]) => inbound(node, &mut names),
                Some([]) | None => return Err(format!("layer '{name}' of its model reads nothing")),
                Some(nodes) => {
                    let times = nodes.len();
                    return Err(format!(
                        "layer '{name}' is applied {times} times; in a DenseNet each has its own weights"
                    ));
                }
            }
            let known = |read: &&str| {
                outputs
                    .get(read)
                    .copied()
                    .ok_or_else(|| format!("layer '{name}' of its model reads '{read}', which is no layer before it"))
            };
            names.iter().map(known).collect::<Result<Vec<_>, _>>()?
        };
        let output = if self::layers(layer).is_some() {
            let &[input] = inputs.as_slice() else {
                return Err(format!("the nested model '{name}' reads {} inputs, expected 1", inputs.len()));
            };
            models.push(name.to_string());
            place.push(here);
            let inner = flatten(layer, Some(input), models, place, nodes)?;
            models.pop();
            place.pop();
            match inner.as_slice() {
                [(_, output)] => *output,
                inner => return Err(format!("the nested model '{name}' has {} outputs, expected 1", inner.len())),
            }
        } else {
            nodes.push(Node {
                name: name.to_string(),
                models: Rc::clone(&outer),
                class: class.to_string(),
                config: layer["config"].clone(),
                call: if is_operation(layer) { layer["inbound_nodes"][0].clone() } else { Value::Null },
                inputs,
                place: place.iter().cloned().chain([here]).collect(),
            });
            nodes.len() - 1
        };
        outputs.insert(name, output);
        last = Some(output);
    }
    let ends = outputs_of(&model["config"]["output_layers"]);
    if ends.is_empty() {
        let last = last.ok_or("its model has no layers")?;
        return Ok(vec![(nodes.get(last).map_or_else(String::new, |node| node.name.clone()), last)]);
    }
    ends.into_iter()
        .map(|(name, end)| match outputs.get(end) {
            Some(output) => Ok((name.to_string(), *output)),
            None => Err(format!("its model ends with '{end}', which it does not have")),
        })
        .collect()
}

/// The names of a model's outputs, and their layers: of one, of a list, or of a table.
fn outputs_of(value: &Value) -> Vec<(&str, &str)> {
    if let Some(table) = value.as_object() {
        return table.iter().filter_map(|(name, value)| Some((name.as_str(), value[0].as_str()?))).collect();
    }
    let mut names = Vec::new();
    inbound(value, &mut names);
    names.into_iter().map(|name| (name, name)).collect()
}

/// Whether a layer is an operation of which Keras made one, with constants among its arguments.
fn is_operation(layer: &Value) -> bool {
    const OPERATIONS: [&str; 27] = [
        "Add",
        "Subtract",
        "Multiply",
        "Divide",
        "TrueDivide",
        "Power",
        "Maximum",
        "Minimum",
        "GetItem",
        "Cast",
        "Flip",
        "Repeat",
        "Tile",
        "Stack",
        "Concatenate",
        "Mean",
        "Max",
        "Amax",
        "Gelu",
        "LogSoftmax",
        "Transpose",
        "ExpandDims",
        "Squeeze",
        "Reshape",
        "TFOpLambda",
        "SlicingOpLambda",
        "LeakyRelu",
    ];
    OPERATIONS.contains(&class(layer))
}

fn input_node(shape: Value) -> Node {
    Node {
        name: "input".into(),
        models: Rc::new([]),
        class: "InputLayer".into(),
        config: serde_json::json!({ "batch_shape": shape }),
        call: Value::Null,
        inputs: Vec::new(),
        place: Vec::new(),
    }
}

/// The layers named in a description of arguments, in its order: `["name", 0, 0]` or, in Keras 3, somewhere inside
/// `{"keras_history": ["name", 0, 0]}`.
fn inbound<'a>(value: &'a Value, names: &mut Vec<&'a str>) {
    match value {
        Value::Array(items) => match items.as_slice() {
            [Value::String(name), Value::Number(_), ..] => names.push(name),
            items => items.iter().for_each(|item| inbound(item, names)),
        },
        Value::Object(fields) => fields.values().for_each(|field| inbound(field, names)),
        _ => {}
    }
}

/// Keras' `to_snake_case`: the name of a class where layers are counted, such as `conv2d` or `batch_normalization`.
pub(super) fn snake_case(class: &str) -> String {
    let characters: Vec<char> = class.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect();
    let mut snake = String::new();
    for (i, &c) in characters.iter().enumerate() {
        let before = i.checked_sub(1).map(|i| characters[i]);
        let starts_word = c.is_ascii_uppercase()
            && before
                .is_some_and(|b| b.is_ascii_lowercase() || characters.get(i + 1).is_some_and(char::is_ascii_lowercase));
        if starts_word {
            snake.push('_');
        }
        snake.extend(c.to_lowercase());
    }
    snake
}
