use super::*;

#[test]
fn published_parameter_counts() {
    for (name, count) in [
        ("densenet121", 7_978_856),
        ("densenet161", 28_681_000),
        ("densenet169", 14_149_480),
        ("densenet201", 20_013_928),
    ] {
        assert_eq!(Architecture::preset(name).unwrap().parameter_count().unwrap(), count, "{name}");
    }
    // The paper's table 2, in millions: 1.0, 7.0, 27.2 (plain), 0.8, 15.3, 25.6 (BC).
    for (name, millions) in [
        ("densenet-40-12", 1.0),
        ("densenet-100-12", 7.0),
        ("densenet-100-24", 27.2),
        ("densenet-bc-100-12", 0.8),
        ("densenet-bc-250-24", 15.3),
        ("densenet-bc-190-40", 25.6),
    ] {
        let count = Architecture::preset(name).unwrap().parameter_count().unwrap() as f64 / 1e6;
        assert!((count - millions).abs() < 0.06, "{name}: {count} M parameters, published {millions} M");
    }
}

#[test]
fn multiply_accumulates_of_densenet121() {
    let walk = Architecture::preset("densenet121").unwrap().walk(InputSize::square(224)).unwrap();
    let macs: u64 = walk.iter().map(|layer| layer.macs).sum();
    // 2.83 G is what the literature counts, with the transition's 1x1 before its pooling.
    assert_eq!(macs, 2_834_161_664);
}

#[test]
fn every_preset_is_known_valid_and_survives_json() {
    for name in PRESETS {
        let preset = Architecture::preset(name).unwrap();
        preset.validate().unwrap();
        assert_eq!(Architecture::from_json(&preset.to_json()).unwrap(), preset);
    }
    assert!(Architecture::preset("densenet122").is_none());
    let error = Architecture::from_name_or_file("DenseNet122").unwrap_err().to_string();
    assert!(error.contains("did you mean 'densenet121'?") && error.contains("densenet-bc-190-40"), "{error}");
    let error = Architecture::from_name_or_file("resnet").unwrap_err().to_string();
    assert!(!error.contains("did you mean") && error.contains("densenet121"), "{error}");
}

#[test]
fn presets_are_found_in_other_spellings() {
    for (spelling, name) in [
        ("DenseNet121", "densenet121"),
        ("densenet_121", "densenet121"),
        ("DENSENET-201", "densenet201"),
        ("DenseNet264_k48", "densenet264-k48"),
        ("DenseNet-BC-100-12", "densenet-bc-100-12"),
        ("densenet_bc_250_24", "densenet-bc-250-24"),
        ("DenseNetBC-190-40", "densenet-bc-190-40"),
        ("densenet40_12", "densenet-40-12"),
    ] {
        assert_eq!(Architecture::preset(spelling).unwrap(), Architecture::preset(name).unwrap());
        assert_eq!(Architecture::from_name_or_file(spelling).unwrap().name, name);
    }
    for other in ["densenet-1-21", "densenet-10012", "densenet-bc-10-012", "dense net121", ""] {
        assert!(Architecture::preset(other).is_none(), "{other}");
    }
}

#[test]
fn parts_follow_each_other_channel_by_channel() {
    for name in PRESETS {
        let architecture = Architecture::preset(name).unwrap();
        let (mut channels, mut readers) = (architecture.input_channels, 0);
        for part in architecture.parts() {
            readers += usize::from(part.block_reader().is_some());
            channels = match part {
                Part::Stem(stem) => {
                    assert_eq!(stem.input_channels, channels);
                    stem.output_channels
                }
                Part::DenseLayer(layer) => {
                    assert_eq!(layer.input_channels, channels);
                    assert_eq!(layer.block_input_channels + layer.layer * layer.new_channels, channels);
                    channels + layer.new_channels
                }
                Part::BlockEnd(end) => {
                    assert_eq!(end.output_channels, channels);
                    channels
                }
                Part::Transition(transition) => {
                    assert_eq!(transition.input_channels, channels);
                    transition.output_channels
                }
                Part::Head(head) => {
                    assert_eq!(head.input_channels, channels);
                    head.layers.last().unwrap().outputs
                }
            };
        }
        assert_eq!(channels, architecture.output_channels());
        let blocks = architecture.layers.len();
        assert_eq!(readers, architecture.layers.iter().sum::<usize>() + blocks - 1);
    }
}

#[test]
fn bc_blocks_start_at_odd_widths() {
    assert_eq!(Architecture::preset("densenet-bc-100-12").unwrap().block_input_channels(2), 150);
    assert_eq!(Architecture::preset("densenet-bc-250-24").unwrap().block_input_channels(2), 750);
    assert_eq!(Architecture::preset("densenet-bc-190-40").unwrap().block_input_channels(2), 950);
}

#[test]
fn grow_nb_filters_changes_the_transitions_only() {
    let mut recipe = Recipe::imagenet(32, &[6, 12, 24, 16]);
    assert_eq!(recipe.build("").transition_channels, [128, 256, 512]);
    recipe.grow_nb_filters = false;
    assert_eq!(recipe.build("").transition_channels, [32, 16, 8]);
}

#[test]
fn same_padding_depends_on_the_size() {
    assert_eq!(Padding::Same.resolve(7, 2, 224, 225), [[2, 3], [3, 3]]);
    assert_eq!(Padding::Same.resolve(3, 2, 112, 113), [[0, 1], [1, 1]]);
    assert_eq!(Padding::Same.resolve(1, 2, 8, 7), [[0, 0], [0, 0]]);
}

#[test]
fn the_least_size_is_least() {
    for name in PRESETS {
        let preset = Architecture::preset(name).unwrap();
        let least = preset.least_size().unwrap();
        preset.walk(least).unwrap();
        let below = InputSize::square(least.height - 1);
        assert!(least.height == 1 || preset.walk(below).is_err(), "{name}: {below} also works");
    }
}

#[test]
fn impossible_networks_are_refused_with_the_reason() {
    type Mutation = fn(&mut Architecture);
    let cases: &[(Mutation, &str)] = &[
        (|a| a.growth_rate = 0, "growth_rate"),
        (|a| a.layers.clear(), "blocks"),
        (|a| a.layers[1] = 0, "block 2"),
        (|a| a.transition_channels.truncate(1), "transitions"),
        (|a| a.transition_channels[0] = 0, "transition_channels[0]"),
        (|a| a.eps = 0.0, "eps"),
        (|a| a.eps = f64::NAN, "eps"),
        (|a| a.dropout = 1.0, "dropout"),
        (|a| a.stem.kernel = 0, "kernel 0"),
        (|a| a.stem.padding = Padding::all(7), "padding"),
        (|a| a.head = Head::linear(0), "classes"),
        (|a| a.head.layers.push(HeadLayer::BatchNorm { eps: 0.0 }), "eps of a batch norm of the head"),
        (|a| a.head.layers.push(HeadLayer::LeakyRelu { slope: -1.0 }), "slope"),
        (|a| a.head.pooling = Pooling::Flatten { height: 0, width: 7 }, "flattens maps of 0x7"),
        (|a| a.head.pooling = Pooling::Flatten { height: 65_536, width: 65_536 }, "the head reads"),
        (|a| a.head.branches = vec![branch("a.b")], "'a.b'"),
        (|a| a.head.branches = vec![branch("a"), branch("a")], "two outputs"),
        (|a| a.head.branches = vec![Branch { layers: vec![HeadLayer::Relu], ..branch("a") }], "no linear layer"),
        (|a| a.head.layers = vec![HeadLayer::Relu; 1000], "1000 layers"),
        (|a| a.input = Some(InputTransform::identity(2)), "a row of 3 and a shift"),
        (
            |a| a.input = Some(InputTransform { weights: vec![vec![1.0; 3]], shift: vec![f64::NAN], size: None }),
            "not finite",
        ),
        (|a| a.growth_rate = usize::MAX / 2, "growth_rate"),
    ];
    for (mutate, word) in cases {
        let mut architecture = Architecture::preset("densenet121").unwrap();
        mutate(&mut architecture);
        let error = architecture.validate().unwrap_err().to_string();
        assert!(error.contains(word), "'{error}' does not speak of '{word}'");
    }
    assert!(Architecture::from_json("{}").is_err());
    assert!(Architecture::from_json("[").is_err());
}

#[test]
fn sizes_are_read() {
    assert_eq!("224".parse::<InputSize>().unwrap(), InputSize::square(224));
    assert_eq!("97x131".parse::<InputSize>().unwrap(), InputSize { height: 97, width: 131 });
    for bad in ["", "0", "x", "3x", "-1", "1x2x3", "99999999999999999999"] {
        assert!(bad.parse::<InputSize>().is_err(), "{bad}");
    }
}

#[test]
fn scores() {
    let softmax = Activation::Softmax.scores(&[1000.0, 1000.0, -1000.0]);
    assert_eq!(softmax, [0.5, 0.5, 0.0]);
    assert_eq!(Activation::Sigmoid.scores(&[0.0, -1000.0]), [0.5, 0.0]);
    assert_eq!(Activation::None.scores(&[3.0]), [3.0]);
}

fn branch(name: &str) -> Branch {
    Branch { name: name.into(), layers: vec![HeadLayer::Linear { outputs: 2 }], activation: Activation::None }
}

/// A network whose head has everything.
fn with_head(pooling: Pooling) -> Architecture {
    let layers = vec![HeadLayer::BatchNorm { eps: 1e-3 }, HeadLayer::Linear { outputs: 6 }, HeadLayer::Gelu];
    let branches = vec![Branch { activation: Activation::Sigmoid, ..branch("age") }, branch("sex")];
    let head = Head { relu: false, pooling, layers, branches };
    Architecture { head, ..Recipe { layers: vec![1, 2], ..Recipe::imagenet(4, &[]) }.build("headed") }
}

#[test]
fn heads_have_names_widths_and_parameters() {
    // Channels: 8 + 4 = 12, half of it, and 2 * 4 more.
    let network = with_head(Pooling::MaximumAverage);
    assert_eq!((network.last_channels(), network.feature_channels(), network.output_channels()), (14, 28, 4));
    let own: Vec<(String, Vec<usize>)> = (network.parameters().unwrap().into_iter())
        .filter(|parameter| parameter.name.starts_with("classifier."))
        .map(|parameter| (parameter.name, parameter.shape))
        .collect();
    let names: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names[..6],
        [
            "classifier.0.weight",
            "classifier.0.bias",
            "classifier.0.running_mean",
            "classifier.0.running_var",
            "classifier.1.weight",
            "classifier.1.bias"
        ]
    );
    assert_eq!(
        names[6..],
        ["classifier.age.0.weight", "classifier.age.0.bias", "classifier.sex.0.weight", "classifier.sex.0.bias"]
    );
    assert_eq!((&own[0].1, &own[4].1, &own[6].1), (&vec![28], &vec![6, 28], &vec![2, 6]));
    assert_eq!(network.norm_eps("classifier.0"), 1e-3);
    assert_eq!(network.norm_eps("features.norm5"), 1e-5);
    assert_eq!(network.outputs(), [("age", 2, Activation::Sigmoid), ("sex", 2, Activation::None)]);
    assert_eq!(network.scores(&[0.0, 0.0, 3.0, 4.0]), [0.5, 0.5, 3.0, 4.0]);
    let walk = network.walk(InputSize::square(64)).unwrap();
    assert_eq!(walk.last().unwrap().name, "classifier");
    assert!(walk.iter().all(|layer| layer.name != "features.relu5"));
}

#[test]
fn heads_survive_json_and_plain_ones_are_written_as_classes() {
    let network = with_head(Pooling::Flatten { height: 2, width: 3 });
    assert_eq!(Architecture::from_json(&network.to_json()).unwrap(), network);
    let plain = Architecture::preset("densenet121").unwrap();
    assert!(plain.to_json().contains("\"classes\": 1000") && !plain.to_json().contains("head"));
    let bare = Architecture { head: Head::linear(None), ..plain.clone() };
    assert!(bare.to_json().contains("\"classes\": null"));
    assert_eq!(Architecture::from_json(&bare.to_json()).unwrap(), bare);
    let both = plain.to_json().replace("\"classes\"", "\"head\": {}, \"classes\"");
    assert!(Architecture::from_json(&both).unwrap_err().to_string().contains("both `classes` and `head`"));
    let neither = plain.to_json().replace("\"classes\": 1000,", "");
    assert!(Architecture::from_json(&neither).unwrap_err().to_string().contains("missing field `classes`"));
}

#[test]
fn a_head_that_reads_feature_maps_whole_fixes_the_size() {
    let network = with_head(Pooling::Flatten { height: 4, width: 4 });
    // Strides of 2, 2 and 2.
    assert_eq!(network.fixed_size(), Some(InputSize::square(32)));
    network.walk(InputSize::square(32)).unwrap();
    network.walk(network.least_size().unwrap()).unwrap();
    let error = network.walk(InputSize::square(64)).unwrap_err().to_string();
    assert!(error.contains("4x4 pixels whole, as from an input of 32x32; this input gives 8x8"), "{error}");
    let flat = with_head(Pooling::Flatten { height: 2, width: 5 });
    assert_eq!(flat.fixed_size(), Some(InputSize { height: 16, width: 40 }));
    flat.walk(flat.fixed_size().unwrap()).unwrap();
    flat.walk(flat.least_size().unwrap()).unwrap();
    assert_eq!(with_head(Pooling::Maximum).fixed_size(), None);
}

#[test]
fn input_transforms_follow_each_other() {
    let grey = InputTransform { weights: vec![vec![1.0]; 3], shift: vec![0.0; 3], size: None };
    let scaled = InputTransform {
        weights: (0..3).map(|c| (0..3).map(|i| if i == c { 2.0 } else { 0.0 }).collect()).collect(),
        shift: vec![1.0, 2.0, 3.0],
        size: None,
    };
    let both = grey.then(&scaled);
    assert_eq!((both.inputs(), both.outputs()), (1, 3));
    assert_eq!(both.apply(&[5.0, 6.0], 2), [11.0, 13.0, 12.0, 14.0, 13.0, 15.0]);
    assert_eq!(both.apply(&[5.0, 6.0], 2), scaled.apply(&grey.apply(&[5.0, 6.0], 2), 2));
    assert!(InputTransform::identity(3).is_identity() && !both.is_identity());
}

#[test]
fn a_network_that_resizes_its_input_itself_takes_one_size() {
    let size = Some(InputSize { height: 40, width: 48 });
    let own = InputTransform { size, ..InputTransform::identity(3) };
    let network = Architecture { input: Some(own), ..with_head(Pooling::Average) };
    assert_eq!((network.fixed_size(), network.least_size().ok()), (size, size));
    network.parameters().unwrap();
    network.walk(InputSize { height: 40, width: 48 }).unwrap();
    let error = network.walk(InputSize::square(64)).unwrap_err().to_string();
    assert!(error.contains("resizes its input to 40x48 itself; this one has 64x64"), "{error}");
    let written = serde_json::to_string(&network).unwrap();
    assert_eq!(Architecture::from_json(&written).unwrap(), network);
    let none = InputTransform { size: Some(InputSize { height: 0, width: 1 }), ..InputTransform::identity(3) };
    let network = Architecture { input: Some(none), ..network };
    assert!(network.validate().unwrap_err().to_string().contains("resized to 0x1"));
}

#[test]
fn the_least_size_of_a_flattening_head_gives_its_maps_with_any_padding() {
    use super::{Head, Padding, Pooling, Recipe, Stem, StemPool};
    let padding = Padding::Explicit { top: 1, left: 0, bottom: 1, right: 0 };
    let pool = Some(StemPool { kernel: 2, stride: 1, padding });
    let stem = Stem { channels: 1, kernel: 2, stride: 3, padding: Padding::Same, norm: false, pool };
    let mut architecture = Recipe { stem, ..Recipe::imagenet(2, &[1, 2]) }.build("asymmetric");
    architecture.head = Head { pooling: Pooling::Flatten { height: 2, width: 2 }, ..Head::linear(3) };
    let size = architecture.least_size().unwrap();
    assert_eq!((size.height, size.width), (7, 13));
    assert!(architecture.walk(size).is_ok());
    assert!(architecture.parameter_count().is_ok());
}
