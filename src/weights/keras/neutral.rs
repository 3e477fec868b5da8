//! A Keras model in the words of no framework: each layer as the operations that it stands for.

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::Value;

use super::super::graph::{
    Axis, BatchNorm, Convolution, Function, Graph, Node, NodeId, Operation, Operator, Side, TensorId, Which, Window,
    Words,
};
use super::super::pictures::Resizing;
use super::super::source::{Entry, Number};
use super::arguments::{self, Constant, argument};
use super::graph as model;
use super::settings::{self, Activated, axes, axis, channels_first, number, pair, zero_padding};
use crate::architecture::InputSize;

/// The tensors of each layer by their parts: `weight`, `running_mean`.
pub(super) type Tensors = HashMap<usize, HashMap<String, TensorId>>;

/// Builds the graph.
pub(super) struct Builder<'m> {
    model: &'m model::Graph,
    tensors: &'m Tensors,
    pub(super) graph: Graph<'static>,
    /// The node that yields each layer's result, and how many axes that has.
    yields: Vec<(NodeId, usize)>,
    channels_first: bool,
}

/// `entries` are the layers' tensors, which `tensors` names by number.
pub(super) fn graph(
    model: &model::Graph,
    entries: Vec<Entry<'static>>,
    tensors: &Tensors,
    place: &str,
) -> Result<Graph<'static>, String> {
    let words = Words { place: place.into(), node: "layer", scores_are_stated: true };
    let channels_first = model.nodes.iter().find_map(|node| channels_first(&node.config)).unwrap_or(false);
    let graph = Graph { nodes: Vec::new(), tensors: entries, outputs: Vec::new(), words };
    let mut builder = Builder { model, tensors, graph, yields: Vec::new(), channels_first };
    for at in 0..model.nodes.len() {
        let before = builder.graph.nodes.len();
        if let Err(reason) = builder.layer(at) {
            // Refused only where the model's result depends on it.
            builder.graph.nodes.truncate(before);
            builder.push(at, Operation::Unknown(Some(reason)), builder.inputs(at));
        }
        let last = builder.graph.nodes.len() - 1;
        let rank = builder.rank(at, last);
        builder.yields.push((last, rank));
    }
    let yields = &builder.yields;
    builder.graph.outputs = model.outputs.iter().map(|(name, at)| (name.clone(), yields[*at].0)).collect();
    Ok(builder.graph)
}

impl Builder<'_> {
    fn inputs(&self, at: usize) -> Vec<NodeId> {
        self.model.nodes[at].inputs.iter().map(|&input| self.yields[input].0).collect()
    }

    fn push(&mut self, at: usize, operation: Operation, inputs: Vec<NodeId>) -> NodeId {
        let model::Node { name, class, .. } = &self.model.nodes[at];
        self.graph.nodes.push(Node { name: name.clone(), kind: class.clone(), operation, inputs });
        self.graph.nodes.len() - 1
    }

    /// An operation on what the one before yields.
    fn then(&mut self, at: usize, operation: Operation) {
        let before = self.graph.nodes.len() - 1;
        self.push(at, operation, vec![before]);
    }

    fn constant(&mut self, at: usize, constant: Constant) -> TensorId {
        let bytes = constant.numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let name = self.model.nodes[at].name.clone();
        let entry = Entry { name, shape: constant.shape, number: Number::F64, bytes: Cow::Owned(bytes) };
        self.graph.tensors.push(entry);
        self.graph.tensors.len() - 1
    }

    /// How many axes the result of a layer has.
    fn rank(&self, at: usize, node: NodeId) -> usize {
        let before = self.model.nodes[at].inputs.first().map_or(4, |&input| self.yields[input].1);
        match &self.graph.nodes[node].operation {
            Operation::Reduce { axes, keep: false, .. } => before.saturating_sub(axes.len()),
            Operation::Reshape(sides) => sides.len(),
            Operation::Unsqueeze(axes) => before + axes.len(),
            Operation::Squeeze(Some(axes)) => before.saturating_sub(axes.len()),
            Operation::Select { keep: false, .. } => before.saturating_sub(1),
            _ => before,
        }
    }

    /// The axes of rows and columns.
    fn spatial(&self, config: &Value) -> [isize; 2] {
        if channels_first(config).unwrap_or(self.channels_first) { [2, 3] } else { [1, 2] }
    }

    fn tensor(&self, at: usize, part: &str) -> Result<TensorId, String> {
        let found = self.tensors.get(&at).and_then(|parts| parts.get(part));
        found.copied().ok_or_else(|| format!("its weights lack a tensor '{part}'"))
    }

    /// A constant with a number for each channel, or one for all.
    fn of_channels(&self, constant: Constant) -> Constant {
        match constant.shape.as_slice() {
            &[channels] if self.channels_first && channels > 1 => Constant { shape: vec![channels, 1, 1], ..constant },
            _ => constant,
        }
    }

    /// Adds the operations of a layer.
    fn layer(&mut self, at: usize) -> Result<(), String> {
        let model = self.model;
        let model::Node { class, config, call, .. } = &model.nodes[at];
        let inputs = self.inputs(at);
        if self.is_arithmetic(at)? {
            return Ok(());
        }
        let spatial = self.spatial(config);
        let one = |operation| Ok(operation);
        let operation: Result<Operation, String> = match class.as_str() {
            "InputLayer" => one(self.input(config)),
            "Dropout"
            | "SpatialDropout2D"
            | "AlphaDropout"
            | "GaussianDropout"
            | "GaussianNoise"
            | "Identity"
            | "ActivityRegularization" => one(Operation::Identity),
            // Random changes, in training alone.
            name if name.starts_with("Random") && !name.contains("Crop") => one(Operation::Identity),
            "RandAugment" | "AugMix" | "MixUp" | "CutMix" => one(Operation::Identity),
            "Cast" => cast(argument(config, call, "dtype", 1)),
            "ZeroPadding2D" => Ok(Operation::Pad { sides: zero_padding(config)?, value: 0.0, axes: spatial }),
            "Conv2D" | "Convolution2D" => return self.convolution(at, inputs),
            "Dense" => return self.dense(at, inputs),
            "BatchNormalization" => self.norm(at),
            "Scale" => return self.scale(at, inputs),
            "Activation" => return self.activated(at, settings::activation_of(config), inputs),
            "ReLU" => relu(config),
            "Relu" => one(Operation::Function(Function::Relu)),
            "LeakyReLU" | "LeakyRelu" => {
                let slope = config["negative_slope"].as_f64().or_else(|| config["alpha"].as_f64());
                one(Operation::Function(Function::LeakyRelu(slope.unwrap_or(if class == "LeakyReLU" {
                    0.3
                } else {
                    0.2
                }))))
            }
            "ELU" | "Elu" => one(Operation::Function(Function::Elu(config["alpha"].as_f64().unwrap_or(1.0)))),
            "Gelu" => {
                let exact = argument(config, call, "approximate", 1).as_bool() == Some(false);
                one(Operation::Function(if exact { Function::Gelu } else { Function::GeluTanh }))
            }
            "Silu" | "Swish" => one(Operation::Function(Function::Silu)),
            "Tanh" => one(Operation::Function(Function::Tanh)),
            "Sigmoid" => one(Operation::Function(Function::Sigmoid)),
            "Softmax" | "LogSoftmax" => {
                one(Operation::Softmax { axis: axis(&config["axis"]).unwrap_or(-1), log: class == "LogSoftmax" })
            }
            "MaxPooling2D" | "AveragePooling2D" => self.pool(class == "AveragePooling2D", config),
            "GlobalAveragePooling2D" | "GlobalMaxPooling2D" => one(Operation::Reduce {
                mean: class == "GlobalAveragePooling2D",
                axes: spatial.to_vec(),
                keep: config["keepdims"].as_bool().unwrap_or(false),
            }),
            "Mean" | "Max" | "Amax" => Ok(Operation::Reduce {
                mean: class == "Mean",
                axes: axes(argument(config, call, "axis", 1)).ok_or("its axes cannot be read")?,
                keep: argument(config, call, "keepdims", 2).as_bool().unwrap_or(false),
            }),
            "Flatten" => return self.flatten(at, config, inputs),
            "Reshape" => self.reshape(at, config, call),
            "Permute" => {
                let order = config["dims"].as_array().ok_or("its order of axes cannot be read")?;
                let order =
                    order.iter().map(number).collect::<Option<Vec<_>>>().ok_or("its order of axes cannot be read")?;
                one(Operation::Transpose(std::iter::once(0).chain(order).collect()))
            }
            "Transpose" => {
                let order = argument(config, call, "axes", 1).as_array();
                let order = order.and_then(|order| order.iter().map(number).collect::<Option<Vec<_>>>());
                one(Operation::Transpose(order.ok_or("its order of axes cannot be read")?))
            }
            "ExpandDims" => {
                one(Operation::Unsqueeze(axes(argument(config, call, "axis", 1)).ok_or("its axis cannot be read")?))
            }
            "Squeeze" => one(Operation::Squeeze(axes(argument(config, call, "axis", 1)))),
            "Concatenate" | "Merge" => self.concatenate(at),
            "Stack" => return self.stack(at, inputs),
            "Add" | "Subtract" | "Multiply" | "Maximum" | "Minimum" if inputs.len() == 2 => {
                let operator = operator(class).ok_or("it cannot be read")?;
                one(Operation::Combine(operator))
            }
            "GetItem" => {
                let (axis, which, keep) =
                    arguments::item(call).ok_or("it takes a part of what it reads: only channels may be picked")?;
                one(Operation::Select { axis, which, keep })
            }
            "Flip" => {
                let axis = axis(argument(config, call, "axis", 1)).ok_or("its axis cannot be read")?;
                one(Operation::Select { axis, which: Which::Reversed, keep: true })
            }
            "Repeat" => self.repeat(config, call),
            "Tile" => self.tile(config, call),
            "Rescaling" => return self.rescaling(at, inputs),
            "Normalization" => return self.normalization(at, inputs),
            "Resizing" => self.resizing(config),
            "CenterCrop" => {
                let side = |key: &str| number(&config[key]).filter(|side| (1..=1 << 16).contains(side));
                let (height, width) = side("height").zip(side("width")).ok_or("its size cannot be read")?;
                one(Operation::Crop(InputSize { height, width }))
            }
            "Lambda" => Err("it holds a program: put layers of Keras in its place".into()),
            _ => one(Operation::Unknown(None)),
        };
        self.push(at, operation?, inputs);
        Ok(())
    }

    fn input(&self, config: &Value) -> Operation {
        let shape = &config[if config["batch_shape"].is_null() { "batch_input_shape" } else { "batch_shape" }];
        let side = |at: usize| number(&shape[at]).filter(|side| (1..=1 << 20).contains(side));
        let axes = match self.channels_first {
            true => Axis::NCHW,
            false => Axis::NHWC,
        };
        Operation::Input { axes, sides: [0, 1, 2, 3].map(side) }
    }

    /// An operation with a constant, such as `x / 255.0`.
    fn is_arithmetic(&mut self, at: usize) -> Result<bool, String> {
        let model::Node { class, config, call, .. } = &self.model.nodes[at];
        let name = match class.as_str() {
            "TFOpLambda" => config["function"].as_str().unwrap_or(""),
            name => name,
        };
        let Some(operator) = operator(name) else { return Ok(false) };
        let Some((constant, first)) = arguments::constant(call) else { return Ok(false) };
        // A bias is one for each channel, wherever these stand.
        let constant = if name == "nn.bias_add" { self.of_channels(constant) } else { constant };
        let constant = self.constant(at, constant);
        let inputs = self.inputs(at);
        self.push(at, Operation::Arithmetic { operator, constant, first }, inputs);
        Ok(true)
    }

    fn activated(&mut self, at: usize, name: &str, inputs: Vec<NodeId>) -> Result<(), String> {
        let activated =
            settings::activation(name).ok_or_else(|| format!("the activation '{name}', which no DenseNet here has"))?;
        let operation = match activated {
            Activated::Nothing => Operation::Identity,
            Activated::Function(function) => Operation::Function(function),
            Activated::Softmax { log } => Operation::Softmax { axis: -1, log },
        };
        self.push(at, operation, inputs);
        Ok(())
    }

    /// The activation of a convolution or a dense layer behind it.
    fn own_activation(&mut self, at: usize) -> Result<(), String> {
        let before = self.graph.nodes.len() - 1;
        match settings::activation_of(&self.model.nodes[at].config) {
            "linear" => Ok(()),
            name => self.activated(at, name, vec![before]),
        }
    }

    fn convolution(&mut self, at: usize, inputs: Vec<NodeId>) -> Result<(), String> {
        let config = &self.model.nodes[at].config;
        let weight = self.tensor(at, "weight")?;
        let window = settings::window(config, settings::kernel(config), [1, 1], self.channels_first)?;
        let shape = &self.graph.tensors[weight].shape;
        if shape.get(2..) != Some(&window.kernel) {
            return Err(format!("its kernel has shape {shape:?}, its configuration says {:?}", window.kernel));
        }
        let groups = number(&config["groups"]).unwrap_or(1);
        let bias = self.tensor(at, "bias").ok();
        self.push(at, Operation::Convolution(Convolution { weight, bias, window, groups }), inputs);
        self.own_activation(at)
    }

    fn dense(&mut self, at: usize, inputs: Vec<NodeId>) -> Result<(), String> {
        let weight = self.tensor(at, "weight")?;
        let bias = self.tensor(at, "bias").ok();
        self.push(at, Operation::Linear { weight, transposed: false, bias }, inputs);
        self.own_activation(at)
    }

    fn norm(&mut self, at: usize) -> Result<Operation, String> {
        let config = &self.model.nodes[at].config;
        let first = if config["mode"].as_i64() == Some(1) { None } else { Some(axis(&config["axis"]).unwrap_or(-1)) };
        Ok(Operation::BatchNorm(BatchNorm {
            weight: self.tensor(at, "weight").ok(),
            bias: self.tensor(at, "bias").ok(),
            mean: self.tensor(at, "running_mean")?,
            variance: self.tensor(at, "running_var")?,
            // Keras' default, where none is written.
            eps: config["epsilon"].as_f64().unwrap_or(1e-3),
            axis: first.ok_or("it does not normalise channels")?,
        }))
    }

    /// The layer of the Caffe model's ports.
    fn scale(&mut self, at: usize, inputs: Vec<NodeId>) -> Result<(), String> {
        let (weight, bias) = (self.tensor(at, "weight")?, self.tensor(at, "bias")?);
        for tensor in [weight, bias] {
            let shape = &mut self.graph.tensors[tensor].shape;
            if let &[channels] = shape.as_slice()
                && self.channels_first
            {
                *shape = vec![channels, 1, 1];
            }
        }
        self.push(at, Operation::Arithmetic { operator: Operator::Multiply, constant: weight, first: false }, inputs);
        self.then(at, Operation::Arithmetic { operator: Operator::Add, constant: bias, first: false });
        Ok(())
    }

    fn pool(&self, mean: bool, config: &Value) -> Result<Operation, String> {
        let size = pair(&config["pool_size"]);
        let window = settings::window(config, size, size.unwrap_or([2, 2]), self.channels_first)?;
        Ok(Operation::Pool { mean, window: Window { dilation: [1, 1], ..window } })
    }

    /// Channels last, whatever their order was.
    fn flatten(&mut self, at: usize, config: &Value, inputs: Vec<NodeId>) -> Result<(), String> {
        let rank = self.model.nodes[at].inputs.first().map_or(0, |&input| self.yields[input].1);
        let mut read = *inputs.first().ok_or("it reads nothing")?;
        if rank == 4 && channels_first(config) == Some(true) {
            read = self.push(at, Operation::Transpose(vec![0, 2, 3, 1]), inputs);
        }
        self.push(at, Operation::Reshape(vec![Side::Of(read, 0), Side::Rest]), vec![read]);
        Ok(())
    }

    fn reshape(&self, at: usize, config: &Value, call: &Value) -> Result<Operation, String> {
        let side = |value: &Value| match value.as_i64() {
            Some(-1) => Some(Side::Rest),
            _ => number(value).map(Side::Known),
        };
        let target = [&config["target_shape"], argument(config, call, "newshape", 1)];
        let target = target.into_iter().find_map(Value::as_array).ok_or("its new shape cannot be read")?;
        let mut sides = target.iter().map(side).collect::<Option<Vec<_>>>().ok_or("its new shape cannot be read")?;
        // A layer's does not count the images.
        if config["target_shape"].is_array() {
            let read = self.inputs(at).first().copied().ok_or("it reads nothing")?;
            sides.insert(0, Side::Of(read, 0));
        }
        Ok(Operation::Reshape(sides))
    }

    fn concatenate(&self, at: usize) -> Result<Operation, String> {
        let model::Node { config, call, .. } = &self.model.nodes[at];
        let mode = config["mode"].as_str().unwrap_or("concat");
        if mode != "concat" {
            return Err(format!("it merges by '{mode}'; a DenseNet concatenates"));
        }
        let axis = ["axis", "concat_axis"]
            .iter()
            .find_map(|key| axis(&config[*key]))
            .or_else(|| axis(argument(config, call, "axis", 1)));
        Ok(Operation::Concatenate { axis: axis.unwrap_or(-1) })
    }

    /// A new axis, along which values stand one behind the other.
    fn stack(&mut self, at: usize, inputs: Vec<NodeId>) -> Result<(), String> {
        let model::Node { config, call, .. } = &self.model.nodes[at];
        let axis = axis(argument(config, call, "axis", 1)).unwrap_or(0);
        let parts =
            inputs.into_iter().map(|input| self.push(at, Operation::Unsqueeze(vec![axis]), vec![input])).collect();
        self.push(at, Operation::Concatenate { axis }, parts);
        Ok(())
    }

    /// Each channel beside itself: of a grey image the same as the whole behind itself.
    fn repeat(&self, config: &Value, call: &Value) -> Result<Operation, String> {
        let times = number(argument(config, call, "repeats", 1)).ok_or("its number of repetitions cannot be read")?;
        let axis = axis(argument(config, call, "axis", 2)).ok_or("its axis cannot be read")?;
        Ok(Operation::Repeat { axis, times, each: true })
    }

    fn tile(&self, config: &Value, call: &Value) -> Result<Operation, String> {
        let times = argument(config, call, "repeats", 1).as_array().ok_or("its repetitions cannot be read")?;
        let times = times.iter().map(number).collect::<Option<Vec<_>>>().ok_or("its repetitions cannot be read")?;
        let many: Vec<usize> = (0..times.len()).filter(|&at| times[at] != 1).collect();
        match many.as_slice() {
            [] => Ok(Operation::Identity),
            &[at] => Ok(Operation::Repeat { axis: at as isize - times.len() as isize, times: times[at], each: false }),
            _ => Err("it repeats along several axes, expected the channels".into()),
        }
    }

    fn rescaling(&mut self, at: usize, inputs: Vec<NodeId>) -> Result<(), String> {
        let config = &self.model.nodes[at].config;
        let read = |key: &str, default: f64| match &config[key] {
            Value::Null => Some(Constant::number(default)),
            value => Constant::read(value),
        };
        let (scale, offset) = read("scale", 1.0).zip(read("offset", 0.0)).ok_or("its scale cannot be read")?;
        let (scale, offset) = (self.of_channels(scale), self.of_channels(offset));
        let (scale, offset) = (self.constant(at, scale), self.constant(at, offset));
        self.push(at, Operation::Arithmetic { operator: Operator::Multiply, constant: scale, first: false }, inputs);
        self.then(at, Operation::Arithmetic { operator: Operator::Add, constant: offset, first: false });
        Ok(())
    }

    /// `(x - mean) / max(sqrt(variance), 1e-7)`.
    fn normalization(&mut self, at: usize, inputs: Vec<NodeId>) -> Result<(), String> {
        let config = &self.model.nodes[at].config;
        let [mean, variance] = match (Constant::read(&config["mean"]), Constant::read(&config["variance"])) {
            (Some(mean), Some(variance)) => [mean, variance],
            _ => [self.stored(at, "running_mean")?, self.stored(at, "running_var")?],
        };
        let deviation = Constant { numbers: variance.numbers.iter().map(|x| x.sqrt().max(1e-7)).collect(), ..variance };
        let own = axes(&config["axis"]).unwrap_or_default();
        let channel = if self.channels_first { [1, -3] } else { [3, -1] };
        if !(own.is_empty() || (own.len() == 1 && channel.contains(&own[0])) || mean.numbers.len() == 1) {
            return Err(format!("it normalises along axes {own:?}: the same for all pixels is expected"));
        }
        let plain = |this: &Self, constant: Constant| match constant.numbers.len() {
            1 => Constant::number(constant.numbers[0]),
            _ => this.of_channels(Constant::vector(constant.numbers)),
        };
        let (mean, deviation) = (plain(self, mean), plain(self, deviation));
        let (mean, deviation) = (self.constant(at, mean), self.constant(at, deviation));
        let steps = match config["invert"].as_bool().unwrap_or(false) {
            false => [(Operator::Subtract, mean), (Operator::Divide, deviation)],
            true => [(Operator::Multiply, deviation), (Operator::Add, mean)],
        };
        let [(first, constant), (second, last)] = steps;
        self.push(at, Operation::Arithmetic { operator: first, constant, first: false }, inputs);
        self.then(at, Operation::Arithmetic { operator: second, constant: last, first: false });
        Ok(())
    }

    /// A small tensor of a layer as a constant.
    fn stored(&self, at: usize, part: &str) -> Result<Constant, String> {
        let entry = &self.graph.tensors[self.tensor(at, part)?];
        if entry.shape.iter().product::<usize>() > 1 << 16 {
            return Err(format!("its tensor '{}' has shape {:?}", entry.name, entry.shape));
        }
        Ok(Constant { shape: entry.shape.clone(), numbers: entry.decode()?.into_iter().map(f64::from).collect() })
    }

    fn resizing(&self, config: &Value) -> Result<Operation, String> {
        let side = |key: &str| number(&config[key]).filter(|side| (1..=1 << 13).contains(side));
        let (height, width) = side("height").zip(side("width")).ok_or("its size cannot be read")?;
        let on = |key: &str| config[key].as_bool().unwrap_or(false);
        let keeps = if on("crop_to_aspect_ratio") {
            Some("crop")
        } else if on("pad_to_aspect_ratio") {
            Some("pad")
        } else {
            None
        };
        Ok(Operation::Resize(Resizing {
            size: InputSize { height, width },
            filter: config["interpolation"].as_str().unwrap_or("bilinear").chars().take(20).collect(),
            antialias: on("antialias"),
            keeps,
        }))
    }
}

fn operator(name: &str) -> Option<Operator> {
    Some(match name {
        "Add" | "math.add" | "__operators__.add" | "nn.bias_add" => Operator::Add,
        "Subtract" | "math.subtract" | "__operators__.sub" => Operator::Subtract,
        "Multiply" | "math.multiply" | "__operators__.mul" => Operator::Multiply,
        "Divide" | "TrueDivide" | "math.truediv" | "math.divide" | "__operators__.truediv" => Operator::Divide,
        "Power" | "math.pow" => Operator::Power,
        "Maximum" | "math.maximum" => Operator::Maximum,
        "Minimum" | "math.minimum" => Operator::Minimum,
        _ => return None,
    })
}

/// Between kinds of numbers with fractions, which changes nothing that matters.
fn cast(to: &Value) -> Result<Operation, String> {
    match to.as_str().unwrap_or("float32") {
        kind if kind.contains("float") => Ok(Operation::Identity),
        kind => Err(format!("it makes '{kind}' of its numbers")),
    }
}

/// Keras' layer, whose settings may make another function of it.
fn relu(config: &Value) -> Result<Operation, String> {
    let number = |key: &str| config[key].as_f64().unwrap_or(0.0);
    match (config["max_value"].as_f64(), number("negative_slope"), number("threshold")) {
        (None, 0.0, 0.0) => Ok(Operation::Function(Function::Relu)),
        (None, slope, 0.0) => Ok(Operation::Function(Function::LeakyRelu(slope))),
        (Some(most), 0.0, 0.0) => Ok(Operation::Function(Function::Clip(0.0, most))),
        _ => Err("a changed ReLU".into()),
    }
}
