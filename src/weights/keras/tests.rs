//! Configurations: what is read from them, and what is refused.

use serde_json::{Value, json};

use super::graph::{Graph, Node, snake_case};
use super::neutral::{self, Tensors};
use crate::architecture::{Activation, Padding, StemPool};
use crate::pause::{Pause, at_once};
use crate::weights::graph::Reading;
use crate::weights::order::ChannelOrder;
use crate::weights::source::{Entry, Number, Source};

fn read_now(bytes: &[u8]) -> Result<Source<'static>, String> {
    at_once(super::read(bytes, &Pause::default()))
}

/// A model's layers, in the words of Keras 2.
#[derive(Default)]
struct Model(Vec<Value>);

impl Model {
    fn layer(&mut self, name: &str, class: &str, mut config: Value, reads: &[&str]) {
        config["name"] = json!(name);
        let reads: Vec<Value> = reads.iter().map(|read| json!([read, 0, 0, {}])).collect();
        let nodes = if reads.is_empty() { json!([]) } else { json!([reads]) };
        self.0.push(json!({ "class_name": class, "name": name, "config": config, "inbound_nodes": nodes }));
    }

    fn norm_relu(&mut self, name: &str, read: &str) -> String {
        self.layer(&format!("{name}_bn"), "BatchNormalization", json!({ "axis": [3], "epsilon": 2e-5 }), &[read]);
        let relu = format!("{name}_relu");
        self.layer(&relu, "Activation", json!({ "activation": "relu" }), &[&format!("{name}_bn")]);
        relu
    }

    fn convolution(&mut self, name: &str, kernel: usize, read: &str) {
        let config = json!({ "kernel_size": [kernel, kernel], "strides": [1, 1], "padding": "same" });
        self.layer(name, "Conv2D", config, &[read]);
    }

    fn get(&mut self, name: &str) -> &mut Value {
        self.0.iter_mut().find(|layer| layer["name"] == name).unwrap()
    }

    fn read(&self) -> Result<Reading<'static>, String> {
        let text = json!({ "class_name": "Model", "config": { "layers": self.0 } }).to_string();
        read(&Graph::parse(&text)?.unwrap(), "model_config")
    }
}

/// Reads a model with weights made up: the stem has 4 channels, 1x1 convolutions 6, 3x3 convolutions 2.
fn read(graph: &Graph, place: &str) -> Result<Reading<'static>, String> {
    let (mut entries, mut tensors) = (Vec::new(), Tensors::new());
    let mut channels: Vec<usize> = Vec::new();
    for (at, node) in graph.nodes.iter().enumerate() {
        let reads: Vec<usize> = node.inputs.iter().map(|&input| channels[input]).collect();
        let (parts, made) = parameters(node, reads.first().copied().unwrap_or(3));
        channels.push(if node.class.starts_with("Concat") || node.class == "Merge" {
            reads.iter().sum()
        } else {
            made
        });
        for (part, shape) in parts {
            let elements = shape.iter().product::<usize>();
            let bytes = (0..elements).flat_map(|i| (1.0 + i as f32).to_le_bytes()).collect();
            tensors.entry(at).or_default().insert(part.into(), entries.len());
            entries.push(Entry { name: format!("{}.{part}", node.name), shape, number: Number::F32, bytes });
        }
    }
    neutral::graph(graph, entries, &tensors, place)?.read()
}

/// The parameters of a layer that reads so many channels, and how many it makes.
fn parameters(node: &Node, reads: usize) -> (Vec<(&'static str, Vec<usize>)>, usize) {
    let side = super::settings::kernel(&node.config).map_or(1, |[side, _]| side);
    match node.class.as_str() {
        "Conv2D" | "Convolution2D" => {
            let makes = match side {
                1 => 6,
                3 if node.name != "stem" => 2,
                _ => 4,
            };
            (vec![("weight", vec![makes, reads, side, side])], makes)
        }
        "Dense" => (vec![("weight", vec![5, reads]), ("bias", vec![5])], 5),
        "BatchNormalization" => {
            (["weight", "bias", "running_mean", "running_var"].map(|part| (part, vec![reads])).into(), reads)
        }
        _ => (Vec::new(), reads),
    }
}

/// The canonical module of a layer.
fn module(reading: &Reading, layer: &str) -> Option<String> {
    let at = reading
        .entries
        .iter()
        .position(|entry| entry.name.strip_prefix(layer).is_some_and(|rest| rest.starts_with('.')))?;
    Some(reading.canonical[at].as_ref()?.rsplit_once('.')?.0.to_string())
}

/// Two blocks of two layers and one; `order` gives what a concatenation reads, from what was there and what is new.
fn densenet(order: impl Fn(String, String) -> [String; 2]) -> Model {
    let mut model = Model::default();
    model.layer("image", "InputLayer", json!({}), &[]);
    model.layer("zeros", "ZeroPadding2D", json!({ "padding": [[3, 3], [3, 3]] }), &["image"]);
    model.layer("stem", "Conv2D", json!({ "kernel_size": 7, "strides": 2, "padding": "valid" }), &["zeros"]);
    let relu = model.norm_relu("stem", "stem");
    model.layer("zeros2", "ZeroPadding2D", json!({ "padding": 1 }), &[&relu]);
    model.layer("pool", "MaxPooling2D", json!({ "pool_size": [3, 3], "strides": [2, 2] }), &["zeros2"]);
    let mut all = "pool".to_string();
    for (block, layers) in [("a", 2), ("b", 1)] {
        for layer in 0..layers {
            let name = format!("{block}{layer}");
            let relu = model.norm_relu(&format!("{name}_1"), &all);
            model.convolution(&format!("{name}_c1"), 1, &relu);
            let relu = model.norm_relu(&format!("{name}_2"), &format!("{name}_c1"));
            model.convolution(&format!("{name}_c2"), 3, &relu);
            let reads = order(all, format!("{name}_c2"));
            all = format!("{name}_all");
            model.layer(&all, "Concatenate", json!({ "axis": 3 }), &reads.each_ref().map(String::as_str));
        }
        let relu = model.norm_relu(&format!("{block}_end"), &all);
        if block == "a" {
            model.convolution("a_c", 1, &relu);
            model.layer("a_pool", "AveragePooling2D", json!({ "pool_size": [2, 2], "strides": null }), &["a_c"]);
            all = "a_pool".into();
        } else {
            model.layer("global", "GlobalAveragePooling2D", json!({}), &[&relu]);
        }
    }
    model.layer("drop", "Dropout", json!({ "rate": 0.5 }), &["global"]);
    model.layer("head", "Dense", json!({ "activation": "sigmoid" }), &["drop"]);
    model
}

fn new_last(old: String, new: String) -> [String; 2] {
    [old, new]
}

#[test]
fn a_configuration_names_every_layer_and_states_the_stem() {
    let model = densenet(new_last);
    let network = model.read().unwrap();
    for (layer, module) in [
        ("stem", "features.conv0"),
        ("stem_bn", "features.norm0"),
        ("a0_1_bn", "features.denseblock1.denselayer1.norm1"),
        ("a1_c1", "features.denseblock1.denselayer2.conv1"),
        ("a1_2_bn", "features.denseblock1.denselayer2.norm2"),
        ("a1_c2", "features.denseblock1.denselayer2.conv2"),
        ("a_end_bn", "features.transition1.norm"),
        ("a_c", "features.transition1.conv"),
        ("b0_c2", "features.denseblock2.denselayer1.conv2"),
        ("b_end_bn", "features.norm5"),
        ("head", "classifier"),
    ] {
        assert_eq!(self::module(&network, layer).as_deref(), Some(module), "{layer}");
    }
    // Three dense layers have 2 norms and 2 convolutions each; stem, transition, end and classifier 3 and 2 others.
    assert_eq!(network.canonical.len(), 3 * (2 * 4 + 2) + 3 * 4 + 2 + 2);
    assert_eq!(network.stated.channel_order, Some(ChannelOrder::NewLast));
    let stated = network.stated;
    assert_eq!((stated.eps, stated.activation), (Some(2e-5), Some(Activation::Sigmoid)));
    assert_eq!((stated.stem_stride, stated.stem_padding), (Some(2), Some(Padding::all(3))));
    assert_eq!(stated.stem_pool, Some(Some(StemPool { kernel: 3, stride: 2, padding: Padding::all(1) })));
    assert_eq!(stated.from, "model_config");
}

#[test]
fn new_channels_may_stand_first() {
    let network = densenet(|old, new| [new, old]).read().unwrap();
    assert_eq!(network.stated.channel_order, Some(ChannelOrder::NewFirst));
}

#[test]
fn padding_may_be_the_same_and_norms_may_be_absent_from_the_stem() {
    let mut model = densenet(new_last);
    model.get("stem")["inbound_nodes"][0][0][0] = json!("image");
    model.get("stem")["config"]["padding"] = json!("same");
    model.get("pool")["inbound_nodes"][0][0][0] = json!("stem");
    model.get("pool")["config"]["padding"] = json!("same");
    let network = model.read().unwrap();
    assert_eq!(network.stated.stem_padding, Some(Padding::Same));
    assert_eq!(network.stated.stem_pool.unwrap().unwrap().padding, Padding::Same);
    assert!(!network.canonical.iter().flatten().any(|name| name.starts_with("features.norm0")));
    // A bare stem of CIFAR: stride 1, where "same" is the same on both sides, and no pool.
    model.get("stem")["config"]["kernel_size"] = json!([3, 3]);
    model.get("stem")["config"]["strides"] = json!([1, 1]);
    for layer in ["a0_1_bn", "a0_all"] {
        model.get(layer)["inbound_nodes"][0][0][0] = json!("stem");
    }
    let network = model.read().unwrap();
    assert_eq!(network.stated.stem_padding, Some(Padding::all(1)));
}

#[test]
fn the_words_of_keras_1_are_understood() {
    let mut model = densenet(new_last);
    for layer in &mut model.0 {
        let class = layer["class_name"].as_str().unwrap().to_string();
        let config = layer["config"].as_object_mut().unwrap();
        if class == "Conv2D" {
            let kernel = config.remove("kernel_size").unwrap();
            let side = kernel[0].as_u64().or(kernel.as_u64()).unwrap();
            config.extend([("nb_row".to_string(), json!(side)), ("nb_col".to_string(), json!(side))]);
            let stride = config.remove("strides").unwrap();
            let stride = stride[0].as_u64().or(stride.as_u64()).unwrap();
            config.insert("subsample".into(), json!([stride, stride]));
            let padding = config.remove("padding").unwrap();
            config.insert("border_mode".into(), padding);
            layer["class_name"] = json!("Convolution2D");
        } else if class == "Concatenate" {
            config.extend([("mode".to_string(), json!("concat")), ("concat_axis".to_string(), json!(-1))]);
            config.remove("axis");
            layer["class_name"] = json!("Merge");
        } else if class == "BatchNormalization" {
            config.extend([("mode".to_string(), json!(0)), ("axis".to_string(), json!(3))]);
        } else if class == "ZeroPadding2D" && config["name"] == "zeros" {
            config.insert("padding".into(), json!([3, 3]));
        }
    }
    let (old, new) = (model.read().unwrap(), densenet(new_last).read().unwrap());
    assert_eq!(old.canonical, new.canonical);
    assert_eq!(old.stated.stem_padding, new.stated.stem_padding);
    model.get("a0_all")["config"]["mode"] = json!("sum");
    assert!(model.read().err().unwrap().contains("it merges by 'sum'; a DenseNet concatenates"));
}

#[test]
fn what_is_computed_otherwise_is_refused_by_the_layers_name() {
    type Change = fn(&mut Model);
    let cases: [(Change, &str); 24] = [
        (|m| m.get("a1_1_bn")["config"]["epsilon"] = json!(1e-3), "its epsilon is 1e-3, others have 2e-5"),
        (|m| drop(m.get("a1_1_bn")["config"].as_object_mut().unwrap().remove("epsilon")), "its epsilon is 1e-3"),
        (
            |m| m.get("a1_1_bn")["config"]["axis"] = json!(2),
            "'a1_1_bn' (BatchNormalization) of its model_config: it does not",
        ),
        (
            |m| m.get("a1_1_relu")["config"]["activation"] = json!("elu"),
            "'elu' of feature maps, expected relu after a batch norm",
        ),
        (
            |m| m.get("a1_1_relu")["config"]["activation"] = json!("selu"),
            "the activation 'selu', which no DenseNet here has",
        ),
        (
            |m| m.get("a1_1_relu")["class_name"] = json!("LeakyReLU"),
            "'a1_1_relu' (LeakyReLU) of its model_config: 'leaky_relu' of feature maps",
        ),
        (|m| m.get("a1_c2")["class_name"] = json!("SeparableConv2D"), "a DenseNet has no such layer"),
        (|m| m.get("a1_c2")["config"]["strides"] = json!([2, 2]), "a 3x3 convolution of stride 2"),
        (|m| m.get("a1_c2")["config"]["kernel_size"] = json!([5, 3]), "its configuration says [5, 3]"),
        (|m| m.get("a1_c2")["config"]["padding"] = json!("valid"), "padded 3x3 convolutions"),
        (|m| m.get("a1_c2")["config"]["dilation_rate"] = json!([2, 2]), "its dilation is 2x2, not 1"),
        (|m| m.get("a1_c2")["config"]["groups"] = json!(4), "its groups is not 1"),
        (|m| m.get("a1_c2")["config"]["activation"] = json!("relu"), "no feature map of a dense block"),
        (|m| m.get("a_pool")["class_name"] = json!("MaxPooling2D"), "no feature map of a dense block"),
        (|m| m.get("a_pool")["config"]["padding"] = json!("same"), "with stride 2 and padding; a transition"),
        (
            |m| {
                m.get("global")["class_name"] = json!("AveragePooling2D");
                m.get("global")["config"]["pool_size"] = json!(2);
            },
            "at the end of the network it must be global",
        ),
        (|m| m.get("global")["class_name"] = json!("Flatten"), "whose size is not stated"),
        (
            |m| m.get("global")["class_name"] = json!("Dropout"),
            "'head' (Dense) of its model_config: a linear layer belongs",
        ),
        (
            |m| m.get("head")["config"]["activation"] = json!("softplus"),
            "'softplus' is none of the activations that a head",
        ),
        (|m| m.get("drop")["class_name"] = json!("LayerNormalization"), "a DenseNet has no such layer"),
        (|m| m.get("zeros")["class_name"] = json!("Lambda"), "it holds a program: put layers of Keras in its place"),
        (|m| m.get("a1_all")["inbound_nodes"][0][0][0] = json!("a0_c2"), "layer 'a_end_bn' does not read all layers"),
        (|m| m.get("a1_1_bn")["inbound_nodes"] = json!([[["a0_all", 0, 0]], [["pool", 0, 0]]]), "is applied 2 times"),
        (|m| m.get("a1_1_bn")["inbound_nodes"][0][0][0] = json!("later"), "reads 'later', which is no layer before it"),
    ];
    for (change, message) in cases {
        let mut model = densenet(new_last);
        change(&mut model);
        let error = model.read().err().unwrap_or_else(|| panic!("not refused: {message}"));
        assert!(error.contains(message), "'{error}' does not say '{message}'");
    }
    // One concatenation with new channels first among others with them last.
    let mut model = densenet(new_last);
    model.get("a1_all")["inbound_nodes"][0].as_array_mut().unwrap().reverse();
    assert!(model.read().err().unwrap().contains("'a_end_bn' does not read all layers of its dense block"));
    let mut model = densenet(new_last);
    model.get("b0_all")["inbound_nodes"][0].as_array_mut().unwrap().reverse();
    assert!(model.read().err().unwrap().contains("'b_end_bn' reads new channels first where others read them last"));
    let mut model = densenet(new_last);
    model.0.truncate(6);
    assert!(model.read().err().unwrap().contains("its model_config ends with layer 'zeros2'"));
    model.0.truncate(5);
    assert!(model.read().err().unwrap().contains("its model_config has no dense layer in block 1"));
}

#[test]
fn models_inside_of_models_are_one_graph() {
    let mut inner = densenet(new_last);
    inner.0.truncate(inner.0.len() - 2);
    let inner = json!({ "class_name": "Functional", "config": { "name": "base", "layers": inner.0 } });
    let head = json!({ "class_name": "Dense", "config": { "name": "out", "activation": "softmax" } });
    let image = json!({ "class_name": "InputLayer", "config": { "name": "picture" } });
    for layers in [vec![image.clone(), inner.clone(), head.clone()], vec![inner, head]] {
        let text = json!({ "class_name": "Sequential", "config": { "layers": layers } }).to_string();
        let graph = Graph::parse(&text).unwrap().unwrap();
        let network = read(&graph, "config.json").unwrap();
        assert_eq!(module(&network, "out").as_deref(), Some("classifier"));
        let stem = graph.nodes.iter().find(|node| node.name == "stem").unwrap();
        assert_eq!(*stem.models, ["base"]);
        assert_eq!(stem.place, [("Functional".into(), 0), ("Conv2D".into(), 0)]);
    }
    // A subclass of Model lists no layers: its weights are read without.
    assert!(Graph::parse(r#"{"class_name": "MyNet", "config": {"depth": 121}}"#).unwrap().is_none());
    assert!(Graph::parse("{").err().unwrap().starts_with("its model configuration is no JSON"));
}

#[test]
fn classes_are_counted_under_keras_names_for_them() {
    for (class, name) in [
        ("Conv2D", "conv2d"),
        ("BatchNormalization", "batch_normalization"),
        ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ("ReLU", "re_lu"),
        ("Scale", "scale"),
        ("MyDenseBlock", "my_dense_block"),
    ] {
        assert_eq!(snake_case(class), name);
    }
}

/// A file in the layout of Keras 3: each layer's group and the shapes of its variables.
fn keras3(layers: &[(&str, &[&[u64]])]) -> Vec<u8> {
    let mut file = hdf5_pure::FileBuilder::new();
    let mut root = file.create_group("layers");
    for (name, shapes) in layers {
        let mut layer = root.create_group(name);
        let mut variables = layer.create_group("vars");
        for (i, shape) in shapes.iter().enumerate() {
            let data: Vec<f32> = (0..shape.iter().product::<u64>()).map(|n| n as f32 + 1.0).collect();
            variables.create_dataset(&i.to_string()).with_f32_data(&data).with_shape(shape);
        }
        layer.add_group(variables.finish());
        root.add_group(layer.finish());
    }
    file.add_group(root.finish());
    file.finish().unwrap()
}

const CONVOLUTIONS: [(&str, &[&[u64]]); 3] =
    [("conv2d", &[&[7, 7, 3, 6]]), ("conv2d_1", &[&[1, 1, 6, 12]]), ("conv2d_2", &[&[3, 3, 12, 3]])];
const NORM: &[&[u64]] = &[&[6], &[6], &[6], &[6]];
const DENSE: &[&[u64]] = &[&[9, 4], &[4]];

#[test]
fn layers_counted_by_class_are_put_in_the_order_of_a_densenet() {
    let norms = ["batch_normalization", "batch_normalization_2", "batch_normalization_4", "batch_normalization_10"];
    for stem_norm in [true, false] {
        let mut layers: Vec<(&str, &[&[u64]])> = vec![("dense", DENSE)];
        layers.extend(norms.iter().skip(usize::from(!stem_norm)).map(|name| (*name, NORM)));
        layers.extend(CONVOLUTIONS.iter().rev());
        let source = read_now(&keras3(&layers)).unwrap();
        let modules: Vec<&str> = source.entries.iter().map(|entry| entry.name.rsplit_once('.').unwrap().0).collect();
        let mut order: Vec<&str> = modules.clone();
        order.dedup();
        let stem = if stem_norm { vec!["conv2d", norms[0]] } else { vec!["conv2d"] };
        let rest = [norms[1], "conv2d_1", norms[2], "conv2d_2", norms[3], "dense"];
        assert_eq!(order, [stem, rest.to_vec()].concat());
        assert!(source.ordered);
        assert_eq!(source.defaults.eps, Some(1e-3));
        assert!(source.defaults.from.contains("--eps"), "{}", source.defaults.from);
        let dense = source.entries.iter().find(|entry| entry.name == "dense.weight").unwrap();
        assert_eq!(dense.shape, [4, 9]);
    }
    // Too few norms for a DenseNet: no order is claimed.
    let layers = [&CONVOLUTIONS[..], &[("batch_normalization", NORM)]].concat();
    assert!(!read_now(&keras3(&layers)).unwrap().ordered);
}

#[test]
fn variables_without_names_are_told_by_number_and_class() {
    let read = |shapes| read_now(&keras3(&[("batch_normalization", shapes)]));
    let names = |shapes| -> Vec<String> { read(shapes).unwrap().entries.iter().map(|e| e.name.clone()).collect() };
    assert_eq!(names(NORM)[3], "batch_normalization.running_var");
    let bare = read(&[&[6], &[6]]).unwrap();
    assert_eq!(bare.entries[0].decode().unwrap(), [1.0; 6]);
    let error = read(&[&[6], &[6], &[6]]).err().unwrap();
    assert!(error.contains("does not say whether gamma or beta is missing: save the whole model"), "{error}");
    let error = read(&[&[6], &[6], &[6], &[6], &[6]]).err().unwrap();
    assert!(error.contains("has 5 variables, which no layer of a DenseNet has"), "{error}");
    // A Scale layer for each norm, in their order.
    let scaled = read_now(&keras3(&[("batch_normalization", NORM), ("scale", &[&[6], &[6]])])).unwrap();
    assert_eq!(scaled.entries[0].decode().unwrap(), [1.0, 4.0, 9.0, 16.0, 25.0, 36.0]);
    let error =
        read_now(&keras3(&[("batch_normalization", NORM), ("scale", &[&[6], &[6]]), ("scale_1", &[&[6], &[6]])]));
    assert!(error.err().unwrap().contains("'scale' belongs to no batch norm"));
}
