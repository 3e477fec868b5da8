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
    /// Indices of the layers it reads, in the order of its arguments.
    pub(super) inputs: Vec<usize>,
    /// The places of the nested models around it, from the outermost, and its own.
    pub(super) place: Vec<Place>,
}

/// A model's layers, each after the ones it reads.
#[derive(Debug)]
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// The layer that yields the model's result.
    pub(super) output: usize,
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
        let output = flatten(&model, None, &mut Vec::new(), &mut Vec::new(), &mut nodes)?;
        Ok(Some(Graph { nodes, output }))
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

/// Appends a model's layers and returns its output. `input` is what the model reads; the outermost reads nothing.
fn flatten(
    model: &Value,
    input: Option<usize>,
    models: &mut Vec<String>,
    place: &mut Vec<Place>,
    nodes: &mut Vec<Node>,
) -> Result<usize, String> {
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
                nodes.push(input_node());
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
            let output = flatten(layer, Some(input), models, place, nodes)?;
            models.pop();
            place.pop();
            output
        } else {
            nodes.push(Node {
                name: name.to_string(),
                models: Rc::clone(&outer),
                class: class.to_string(),
                config: layer["config"].clone(),
                inputs,
                place: place.iter().cloned().chain([here]).collect(),
            });
            nodes.len() - 1
        };
        outputs.insert(name, output);
        last = Some(output);
    }
    let mut ends = Vec::new();
    inbound(&model["config"]["output_layers"], &mut ends);
    match ends.as_slice() {
        [] => last.ok_or_else(|| "its model has no layers".into()),
        [end] => {
            outputs.get(end).copied().ok_or_else(|| format!("its model ends with '{end}', which it does not have"))
        }
        ends => Err(format!("its model has {} outputs, expected 1", ends.len())),
    }
}

fn input_node() -> Node {
    Node {
        name: "input".into(),
        models: Rc::new([]),
        class: "InputLayer".into(),
        config: Value::Null,
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
