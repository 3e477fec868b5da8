//! Graphs that compute the same give the same network; what is no DenseNet is refused by its node.

use super::super::assemble::assemble;
use super::super::names::{Names, Scheme};
use super::super::options::OpenOptions;
use super::super::origin::Place;
use super::super::pictures::Resizing;
use super::super::source::{Entry, Number, Source};
use super::*;
use crate::architecture::InputSize;
use crate::pause::{Pause, at_once};
use crate::reference::forward_keeping;
use crate::weights::Weights;

/// A network under construction.
struct Net {
    graph: Graph<'static>,
    seed: u32,
}

const WINDOW: Window = Window {
    kernel: [1, 1],
    stride: [1, 1],
    dilation: [1, 1],
    padding: WindowPadding::Explicit([0; 4]),
    ceil: false,
    channel_axis: 1,
};
const EPS: f64 = 1e-3;
/// Of the images.
const SIDE: usize = 8;
/// Channels at the end.
const WIDTH: usize = 5;

impl Net {
    fn new(axes: [Axis; 4], sides: [Option<usize>; 4]) -> Self {
        let words = Words { place: "graph".into(), node: "node", scores_are_stated: false };
        let graph = Graph { nodes: Vec::new(), tensors: Vec::new(), outputs: Vec::new(), words };
        let mut net = Net { graph, seed: 7 };
        net.add("input", Operation::Input { axes, sides }, &[]);
        net
    }

    fn images() -> Self {
        Net::new(Axis::NCHW, [None, Some(3), Some(SIDE), Some(SIDE)])
    }

    fn add(&mut self, kind: &str, operation: Operation, inputs: &[NodeId]) -> NodeId {
        let name = format!("{kind}{}", self.graph.nodes.len());
        self.graph.nodes.push(Node { name, kind: kind.into(), operation, inputs: inputs.to_vec() });
        self.graph.nodes.len() - 1
    }

    fn tensor(&mut self, shape: &[usize], numbers: &[f64]) -> TensorId {
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
        let name = format!("t{}", self.graph.tensors.len());
        self.graph.tensors.push(Entry { name, shape: shape.to_vec(), number: Number::F32, bytes: bytes.into() });
        self.graph.tensors.len() - 1
    }

    /// Numbers of -1 to 1.
    fn numbers(&mut self, count: usize) -> Vec<f64> {
        (0..count)
            .map(|_| {
                self.seed = self.seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f64::from((f64::from(self.seed >> 8) / f64::from(1 << 23) - 1.0) as f32)
            })
            .collect()
    }

    fn convolution(&mut self, read: NodeId, shape: [usize; 4], numbers: &[f64], bias: Option<&[f64]>) -> NodeId {
        let weight = self.tensor(&shape, numbers);
        let bias = bias.map(|bias| self.tensor(&[shape[0]], bias));
        let pad = shape[2] / 2;
        let padding = WindowPadding::Explicit([pad; 4]);
        let window = Window { kernel: [shape[2]; 2], padding, ..WINDOW };
        self.add("Conv", Operation::Convolution(Convolution { weight, bias, window, groups: 1 }), &[read])
    }

    fn relu(&mut self, read: NodeId) -> NodeId {
        self.add("Relu", Operation::Function(Function::Relu), &[read])
    }

    fn arithmetic(&mut self, operator: Operator, shape: &[usize], numbers: &[f64], read: NodeId) -> NodeId {
        let constant = self.tensor(shape, numbers);
        self.add("Arithmetic", Operation::Arithmetic { operator, constant, first: false }, &[read])
    }

    /// A linear layer with weights `[out, in]`.
    fn linear(&mut self, read: NodeId, outputs: usize, inputs: usize) -> NodeId {
        let (weight, bias) = (self.numbers(outputs * inputs), self.numbers(outputs));
        let (weight, bias) = (self.tensor(&[outputs, inputs], &weight), self.tensor(&[outputs], &bias));
        self.add("Gemm", Operation::Linear { weight, transposed: false, bias: Some(bias) }, &[read])
    }

    fn mean(&mut self, read: NodeId) -> NodeId {
        self.add("Mean", Operation::Reduce { mean: true, axes: vec![2, 3], keep: false }, &[read])
    }

    fn read(mut self, outputs: &[NodeId]) -> Result<Reading<'static>, String> {
        self.graph.outputs = outputs.iter().enumerate().map(|(at, node)| (format!("out{at}"), *node)).collect();
        self.graph.read()
    }

    fn weights(self, outputs: &[NodeId]) -> Weights {
        let reading = self.read(outputs).unwrap_or_else(|e| panic!("{e}"));
        let source = Source {
            names: Some(Names::new(Scheme::Structure, reading.canonical)),
            stated: reading.stated,
            ..Source::new("graph", reading.entries)
        };
        at_once(assemble(source, Place::Memory, &OpenOptions::default(), &Pause::default()))
            .unwrap_or_else(|e| panic!("{e}"))
    }
}

/// How a batch norm is written: of a value with so many channels, behind a convolution or not.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Written {
    Norm,
    /// `(x - mean) / deviation * weight + bias`.
    Steps,
    /// `x * scale + shift`.
    Scaled,
    /// As scaled, and as part of the convolution before it where there is one.
    Folded,
}

impl Net {
    /// A convolution, and a norm and ReLU behind it if `normed`.
    fn layer(&mut self, read: NodeId, shape: [usize; 4], written: Written) -> NodeId {
        let mut weight = self.numbers(shape.iter().product());
        let numbers = self.norm_numbers(shape[0]);
        if written != Written::Folded {
            let made = self.convolution(read, shape, &weight, None);
            let normed = self.norm(made, &numbers, written);
            return self.relu(normed);
        }
        let [scale, shift] = affine(&numbers);
        let inner = weight.len() / shape[0];
        weight.iter_mut().enumerate().for_each(|(at, w)| *w *= scale[at / inner]);
        let made = self.convolution(read, shape, &weight, Some(&shift));
        self.relu(made)
    }

    /// Weight, bias, mean and variance.
    fn norm_numbers(&mut self, channels: usize) -> [Vec<f64>; 4] {
        let mut numbers = [(); 4].map(|()| self.numbers(channels));
        numbers[3].iter_mut().for_each(|x| *x = f64::from((x.abs() + 0.1) as f32));
        numbers
    }

    fn norm(&mut self, read: NodeId, numbers: &[Vec<f64>; 4], written: Written) -> NodeId {
        let channels = numbers[0].len();
        let [weight, bias, mean, variance] = numbers;
        let shape = [1, channels, 1, 1];
        match written {
            Written::Norm => {
                let [weight, bias, mean, variance] =
                    [weight, bias, mean, variance].map(|x| self.tensor(&[channels], x));
                let norm = BatchNorm { weight: Some(weight), bias: Some(bias), mean, variance, eps: EPS, axis: 1 };
                self.add("Norm", Operation::BatchNorm(norm), &[read])
            }
            Written::Steps => {
                let deviation: Vec<f64> = variance.iter().map(|x| (x + EPS).sqrt()).collect();
                let read = self.arithmetic(Operator::Subtract, &shape, mean, read);
                let read = self.arithmetic(Operator::Divide, &shape, &deviation, read);
                let read = self.arithmetic(Operator::Multiply, &shape[1..], weight, read);
                self.arithmetic(Operator::Add, &shape, bias, read)
            }
            Written::Scaled | Written::Folded => {
                let [scale, shift] = affine(numbers);
                let read = self.arithmetic(Operator::Multiply, &shape, &scale, read);
                self.arithmetic(Operator::Add, &shape, &shift, read)
            }
        }
    }

    fn normed(&mut self, read: NodeId, channels: usize, written: Written) -> NodeId {
        let numbers = self.norm_numbers(channels);
        let normed = self.norm(read, &numbers, written);
        self.relu(normed)
    }

    fn join(&mut self, parts: &[NodeId]) -> NodeId {
        self.add("Concat", Operation::Concatenate { axis: 1 }, parts)
    }

    /// A dense layer of a growth rate of 2.
    fn dense(&mut self, read: NodeId, channels: usize, written: Written) -> NodeId {
        let active = self.normed(read, channels, written);
        let narrow = self.layer(active, [6, channels, 1, 1], written);
        let weight = self.numbers(2 * 6 * 9);
        let new = self.convolution(narrow, [2, 6, 3, 3], &weight, None);
        self.join(&[read, new])
    }

    /// Blocks of two layers and of one, up to the last ReLU.
    fn trunk(&mut self, read: NodeId, written: Written) -> NodeId {
        let weight = self.numbers(4 * 3 * 9);
        let stem = self.convolution(read, [4, 3, 3, 3], &weight, None);
        let first = self.dense(stem, 4, written);
        let block = self.dense(first, 6, written);
        let active = self.normed(block, 8, written);
        let weight = self.numbers(3 * 8);
        let narrow = self.convolution(active, [3, 8, 1, 1], &weight, None);
        let window = Window { kernel: [2, 2], stride: [2, 2], ..WINDOW };
        let pooled = self.add("Pool", Operation::Pool { mean: true, window }, &[narrow]);
        let block = self.dense(pooled, 3, written);
        self.normed(block, WIDTH, written)
    }
}

fn affine([weight, bias, mean, variance]: &[Vec<f64>; 4]) -> [Vec<f64>; 2] {
    let scale: Vec<f64> = weight.iter().zip(variance).map(|(w, v)| w / (v + EPS).sqrt()).collect();
    let shift = (0..scale.len()).map(|i| bias[i] - mean[i] * scale[i]).collect();
    [scale, shift]
}

fn run(weights: &Weights) -> Vec<f32> {
    let input = crate::weights::random::input(3, weights.architecture().input_channels * SIDE * SIDE);
    forward_keeping(weights, &input, 1, InputSize::square(SIDE), |_| false).unwrap().logits().to_vec()
}

#[track_caller]
fn assert_same(what: &str, a: &[f32], b: &[f32]) {
    let span = a.iter().fold(0f32, |most, x| most.max(x.abs()));
    assert_eq!(a.len(), b.len(), "{what}");
    let error = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
    assert!(error <= 2e-6 * span, "{what}: {a:?} and {b:?}");
}

fn plain(written: Written) -> (Net, NodeId) {
    let mut net = Net::images();
    let active = net.trunk(0, written);
    (net, active)
}

#[test]
fn norms_may_be_whole_or_written_out_or_part_of_a_convolution() {
    let logits = |written| {
        let (mut net, active) = plain(written);
        let pooled = net.mean(active);
        let end = net.linear(pooled, 3, WIDTH);
        let weights = net.weights(&[end]);
        assert_eq!(weights.architecture().head.to_string(), "relu, avg, linear 3");
        run(&weights)
    };
    let whole = logits(Written::Norm);
    for written in [Written::Steps, Written::Scaled, Written::Folded] {
        assert_same(&format!("{written:?}"), &whole, &logits(written));
    }
}

#[test]
fn what_commutes_with_a_mean_may_stand_before_it() {
    let late = |before: bool, what: fn(&mut Net, NodeId) -> NodeId| {
        let (mut net, active) = plain(Written::Norm);
        let mean = |net: &mut Net, read| {
            net.add("Mean", Operation::Reduce { mean: true, axes: vec![2, 3], keep: true }, &[read])
        };
        let end = if before {
            let read = what(&mut net, active);
            mean(&mut net, read)
        } else {
            let read = mean(&mut net, active);
            what(&mut net, read)
        };
        let flat = net.add("Squeeze", Operation::Squeeze(Some(vec![2, 3])), &[end]);
        run(&net.weights(&[flat]))
    };
    let convolution = |net: &mut Net, read| {
        let (weight, bias) = (net.numbers(3 * WIDTH), net.numbers(3));
        net.convolution(read, [3, WIDTH, 1, 1], &weight, Some(&bias))
    };
    assert_same("a convolution", &late(true, convolution), &late(false, convolution));
    let whole: fn(&mut Net, NodeId) -> NodeId = |net, read| {
        let numbers = net.norm_numbers(WIDTH);
        net.norm(read, &numbers, Written::Norm)
    };
    let scaled: fn(&mut Net, NodeId) -> NodeId = |net, read| {
        let numbers = net.norm_numbers(WIDTH);
        net.norm(read, &numbers, Written::Scaled)
    };
    assert_same("a norm", &late(true, whole), &late(false, whole));
    assert_same("a scaled norm", &late(true, scaled), &late(false, scaled));
    assert_same("both", &late(true, whole), &late(true, scaled));
}

#[test]
fn flattened_maps_may_have_their_channels_last() {
    let pixels = (SIDE / 2) * (SIDE / 2);
    let logits = |last: bool| {
        let (mut net, active) = plain(Written::Norm);
        let numbers = net.numbers(3 * WIDTH * pixels);
        // The same weight for the same value, wherever it stands.
        let place = |i: usize| if last { (i % WIDTH) * pixels + i / WIDTH } else { i };
        let weight: Vec<f64> = (0..numbers.len())
            .map(|at| numbers[at / (WIDTH * pixels) * WIDTH * pixels + place(at % (WIDTH * pixels))])
            .collect();
        let read = if last { net.add("Transpose", Operation::Transpose(vec![0, 2, 3, 1]), &[active]) } else { active };
        let flat = net.add("Reshape", Operation::Reshape(vec![Side::Of(read, 0), Side::Rest]), &[read]);
        let numbers: Vec<f64> = (0..WIDTH * pixels).map(|at| 1.0 + place(at) as f64 / 100.0).collect();
        let scaled = net.arithmetic(Operator::Multiply, &[WIDTH * pixels], &numbers, flat);
        let weight = net.tensor(&[3, WIDTH * pixels], &weight);
        let end = net.add("Gemm", Operation::Linear { weight, transposed: false, bias: None }, &[scaled]);
        let weights = net.weights(&[end]);
        assert!(weights.architecture().head.to_string().starts_with("relu, flatten 4x4, batch_norm"));
        run(&weights)
    };
    assert_same("flattened", &logits(false), &logits(true));
    // As an output it would be in another order than the model's.
    let (mut net, active) = plain(Written::Norm);
    let read = net.add("Transpose", Operation::Transpose(vec![0, 2, 3, 1]), &[active]);
    let flat = net.add("Reshape", Operation::Reshape(vec![Side::Rest, Side::Known(WIDTH * pixels)]), &[read]);
    assert!(net.read(&[flat]).err().unwrap().contains("with its channels last: a linear layer behind it is expected"));
}

#[test]
fn outputs_share_the_layers_that_they_have_in_common() {
    let (mut net, active) = plain(Written::Norm);
    let pooled = net.mean(active);
    let hidden = net.linear(pooled, 6, WIDTH);
    let relu = net.relu(hidden);
    let (age, sex) = (net.linear(relu, 1, 6), net.linear(relu, 2, 6));
    let scores = net.add("Softmax", Operation::Softmax { axis: -1, log: false }, &[sex]);
    let weights = net.weights(&[age, scores]);
    let network = weights.architecture();
    assert_eq!(network.head.to_string(), "relu, avg, linear 6, relu; out0: linear 1; out1: linear 2");
    let activations: Vec<_> = network.outputs().iter().map(|(.., activation)| *activation).collect();
    assert_eq!(activations, [crate::Activation::None, crate::Activation::Softmax]);

    // The pooled features beside logits are a layer that changes nothing.
    let (mut net, active) = plain(Written::Norm);
    let pooled = net.mean(active);
    let end = net.linear(pooled, 2, WIDTH);
    let both = net.weights(&[end, pooled]);
    let (net, active) = plain(Written::Norm);
    let alone = {
        let mut net = net;
        let pooled = net.mean(active);
        run(&net.weights(&[pooled]))
    };
    assert_eq!(run(&both)[2..], alone);

    let (mut net, active) = plain(Written::Norm);
    let mean = net.mean(active);
    let most = net.add("Max", Operation::Reduce { mean: false, axes: vec![2, 3], keep: false }, &[active]);
    let (a, b) = (net.linear(mean, 2, WIDTH), net.linear(most, 2, WIDTH));
    assert!(net.read(&[a, b]).err().unwrap().contains("its outputs stand on different poolings"));
}

#[test]
fn what_is_done_to_pixels_is_one_map_of_their_channels() {
    // (x / 255 - mean) / deviation of reversed channels, from images with their channels last.
    let mut net = Net::new(Axis::NHWC, [None, Some(SIDE), Some(SIDE), Some(3)]);
    let read = net.add("Flip", Operation::Select { axis: -1, which: Which::Reversed, keep: true }, &[0]);
    let read = net.arithmetic(Operator::Divide, &[], &[255.0], read);
    let read = net.arithmetic(Operator::Subtract, &[3], &[0.5, 0.25, 0.0], read);
    let read = net.arithmetic(Operator::Divide, &[1, 1, 1, 3], &[0.5, 0.25, 1.0], read);
    let read = net.add("Transpose", Operation::Transpose(vec![0, 3, 1, 2]), &[read]);
    let active = net.trunk(read, Written::Norm);
    let end = net.mean(active);
    let reading = net.read(&[end]).unwrap();
    let input = reading.stated.input.unwrap().unwrap();
    let shown = "0.0078431 * x2 - 1.0000000; 0.0156863 * x1 - 1.0000000; 0.0039216 * x0";
    assert_eq!(input.to_string(), shown);
    let usual = crate::Preprocessing::named("torchvision").unwrap();
    let (own, warning) = reading.pictures.stated(&usual).unwrap();
    assert_eq!((own.scale, own.mean.as_slice(), own.size()), (1.0, &[0.0][..], Some(InputSize::square(SIDE))));
    assert_eq!(warning, None);

    // A size of its own is done to pictures, and refused of tensors of another size.
    let mut net = Net::new(Axis::NCHW, [None, Some(3), None, None]);
    let size = InputSize { height: 8, width: 6 };
    let resizing = Resizing { size, filter: "nearest".into(), antialias: false, keeps: None };
    let read = net.add("Resize", Operation::Resize(resizing), &[0]);
    let active = net.trunk(read, Written::Norm);
    let end = net.mean(active);
    let reading = net.read(&[end]).unwrap();
    assert_eq!(reading.stated.input.as_ref().unwrap().as_ref().unwrap().size, Some(size));
    let (own, warning) = reading.pictures.stated(&usual).unwrap();
    assert_eq!((own.size(), warning, own.mean.len()), (Some(size), None, 3));
}

/// The reason why a network is refused whose end is made by a closure.
fn refused(make: impl Fn(&mut Net) -> Vec<NodeId>) -> String {
    let mut net = Net::images();
    let outputs = make(&mut net);
    net.read(&outputs).err().unwrap_or_else(|| panic!("not refused"))
}

#[test]
fn each_operation_has_its_place() {
    let end = |what: fn(&mut Net, NodeId) -> NodeId| {
        refused(|net| {
            let active = net.trunk(0, Written::Norm);
            let read = what(net, active);
            vec![read]
        })
    };
    for (error, reason) in [
        (
            end(|net, read| net.add("Pad", Operation::Pad { sides: [1; 4], value: 0.0, axes: [2, 3] }, &[read])),
            "graph ends with node 'Pad",
        ),
        (
            end(|net, read| net.add("Pad", Operation::Pad { sides: [1; 4], value: 1.0, axes: [2, 3] }, &[read])),
            "it pads with 1, expected zeros",
        ),
        (
            end(|net, read| net.add("Pad", Operation::Pad { sides: [1; 4], value: 0.0, axes: [1, 2] }, &[read])),
            "other axes than rows and columns",
        ),
        (
            end(|net, read| net.add("Mean", Operation::Reduce { mean: true, axes: vec![2], keep: false }, &[read])),
            "expected all rows and columns",
        ),
        (
            end(|net, read| {
                net.add("Mean", Operation::Reduce { mean: true, axes: vec![0, 2, 3], keep: false }, &[read])
            }),
            "expected all rows and columns",
        ),
        (
            end(|net, read| net.add("Softmax", Operation::Softmax { axis: 1, log: false }, &[read])),
            "softmax belongs behind the pooling",
        ),
        (end(|net, read| net.linear(read, 2, WIDTH)), "a linear layer belongs behind the pooling"),
        (end(|net, read| net.add("Sigmoid", Operation::Function(Function::Sigmoid), &[read])), "graph ends with node"),
        (end(|net, read| net.add("Add", Operation::Combine(Operator::Add), &[read, 0])), "a DenseNet concatenates"),
        (
            end(|net, read| net.add("Concat", Operation::Concatenate { axis: 2 }, &[read, read])),
            "along axis 2, expected the channels",
        ),
        (
            end(|net, read| net.add("Concat", Operation::Concatenate { axis: 1 }, &[read, 0])),
            "it joins feature maps with the image",
        ),
        (end(|net, read| net.add("X", Operation::Unknown(None), &[read])), "node 'X"),
        (
            end(|net, read| net.add("X", Operation::Unknown(Some("because".into())), &[read])),
            "(X) of its graph: because",
        ),
        (
            end(|net, read| net.add("Crop", Operation::Crop(InputSize::square(2)), &[read])),
            "what a DenseNet keeps whole",
        ),
        (
            end(|net, read| {
                let pooled = net.mean(read);
                net.linear(pooled, 2, WIDTH + 1)
            }),
            "its weight reads 6 values of 5",
        ),
        (
            end(|net, read| {
                let pooled = net.mean(read);
                net.add("Tanh", Operation::Function(Function::Softplus), &[pooled])
            }),
            "'softplus' is none of the activations",
        ),
        (
            end(|net, read| {
                let pooled = net.mean(read);
                let other = net.linear(pooled, WIDTH, WIDTH);
                net.add("Add", Operation::Combine(Operator::Add), &[pooled, other])
            }),
            "adds or multiplies two vectors",
        ),
    ] {
        assert!(error.contains(reason), "'{error}' does not say '{reason}'");
    }
    for (error, reason) in [
        (
            refused(|net| {
                let padded = net.add("Pad", Operation::Pad { sides: [1; 4], value: 0.0, axes: [2, 3] }, &[0]);
                vec![net.arithmetic(Operator::Add, &[], &[1.0], padded)]
            }),
            "would no longer be zeros",
        ),
        (refused(|net| vec![net.arithmetic(Operator::Power, &[], &[2.0], 0)]), "a way that is not linear"),
        (
            refused(|net| vec![net.arithmetic(Operator::Add, &[SIDE, SIDE], &[1.0; SIDE * SIDE], 0)]),
            "one number, or one for each channel of 3, is expected",
        ),
        (refused(|net| vec![net.arithmetic(Operator::Divide, &[], &[0.0], 0)]), "is not finite"),
        (
            refused(|net| {
                let weight = net.numbers(4 * 2 * 9);
                vec![net.convolution(0, [4, 2, 3, 3], &weight, None)]
            }),
            "its kernel reads 2 channels of 3",
        ),
        (
            refused(|net| {
                let more = net.add("input", Operation::Input { axes: Axis::NCHW, sides: [None; 4] }, &[]);
                vec![net.add("Add", Operation::Combine(Operator::Add), &[0, more])]
            }),
            "a second input",
        ),
        (refused(|_| Vec::new()), "its graph has no outputs"),
        (refused(|_| vec![0]), "its graph ends with node 'input0'"),
    ] {
        assert!(error.contains(reason), "'{error}' does not say '{reason}'");
    }
}

#[test]
fn hostile_graphs_end_soon() {
    let start = std::time::Instant::now();
    // One tensor for many layers: they would take a thousand times the memory of the file.
    let error = refused(|net| {
        let weight = net.numbers(3 * 1000 * 9);
        let weight = net.tensor(&[1000, 3, 3, 3], &weight);
        let window = Window { kernel: [3, 3], padding: WindowPadding::Explicit([1; 4]), ..WINDOW };
        let conv =
            |weight| Operation::Convolution(Convolution { weight, bias: None, window: window.clone(), groups: 1 });
        let mut read = net.add("Conv", conv(weight), &[0]);
        let zeros = net.tensor(&[1], &[0.0]);
        for _ in 0..20_000 {
            read = net.add(
                "Mul",
                Operation::Arithmetic { operator: Operator::Multiply, constant: zeros, first: false },
                &[read],
            );
        }
        vec![read]
    });
    assert!(error.contains("it scales more channels than any DenseNet has"), "{error}");
    // Paddings of paddings, images of images, lists of lists.
    let error = refused(|net| {
        let pad = || Operation::Pad { sides: [1; 4], value: 0.0, axes: [2, 3] };
        let mut read = 0;
        (0..20_000).for_each(|_| read = net.add("Pad", pad(), &[read]));
        vec![read]
    });
    assert!(error.contains("zeros are padded twice"), "{error}");
    let error = refused(|net| {
        let mut read = 0;
        (0..60).for_each(|_| read = net.join(&[read, read]));
        vec![read]
    });
    assert!(error.contains("it makes more than 256 channels"), "{error}");
    let error = refused(|net| {
        let weight = net.numbers(4 * 3 * 9);
        let mut read = net.convolution(0, [4, 3, 3, 3], &weight, None);
        (0..60).for_each(|_| read = net.join(&[read, read]));
        vec![read]
    });
    assert!(error.contains("it has the same channels twice"), "{error}");
    // Functions of functions.
    let (mut net, active) = plain(Written::Norm);
    let mut read = net.mean(active);
    (0..20_000).for_each(|_| read = net.add("Tanh", Operation::Function(Function::Tanh), &[read]));
    assert!(net.read(&[read]).err().unwrap().contains("is none of the activations"));
    assert!(start.elapsed().as_secs() < 20, "{:?}", start.elapsed());
}
