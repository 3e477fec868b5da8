//! From an architecture to tensors and steps.

use std::collections::HashMap;

use super::{Operation, Plan, PlanTensor, Slot, Step, Tap, TensorId, TensorKind, View, memory};
use crate::architecture::{Architecture, InputSize, Layer, Shape};
use crate::architecture::{dense_block_name, dense_layer_name, transition_name};
use crate::error::Result;
use crate::maps::CLASS_MAPS;

pub(super) fn build(architecture: &Architecture, size: InputSize, batch: usize, class_maps: bool) -> Result<Plan> {
    let walk = architecture.walk(size)?;
    let outputs = walk.iter().map(|layer: &Layer| (layer.name.clone(), layer.output)).collect();
    let mut builder =
        Builder { architecture, class_maps, outputs, tensors: Vec::new(), steps: Vec::new(), taps: Vec::new() };
    builder.network(size);
    let Builder { mut tensors, steps, taps, .. } = builder;
    for (index, step) in steps.iter().enumerate() {
        // Rule 1 of the GPU side: a dispatch reads one buffer and writes another.
        assert_ne!(step.input.tensor, step.output.tensor, "{} reads and writes one tensor", step.name);
        for id in [step.input.tensor, step.output.tensor] {
            let lifetime = &mut tensors[id.0].lifetime;
            lifetime.0 = lifetime.0.min(index);
            lifetime.1 = lifetime.1.max(index);
        }
    }
    memory::assign(&mut tensors);
    Ok(Plan { network: architecture.name.clone(), size, batch, tensors, steps, taps })
}

struct Builder<'a> {
    architecture: &'a Architecture,
    class_maps: bool,
    outputs: HashMap<String, Shape>,
    tensors: Vec<PlanTensor>,
    steps: Vec<Step>,
    taps: Vec<Tap>,
}

impl Builder<'_> {
    fn network(&mut self, size: InputSize) {
        let architecture = self.architecture;
        let channels = architecture.input_channels;
        let shape = Shape { channels, height: size.height, width: size.width };
        let input = self.tensor("input", TensorKind::Input, &[channels], shape);
        let mut entry = self.stem(input);
        for (block, &layers) in architecture.layers.iter().enumerate() {
            for layer in 0..layers {
                self.dense_layer(entry, layer, &dense_layer_name(block, layer));
            }
            let whole = View { tensor: entry, slots: 0..layers + 1 };
            self.tap(&dense_block_name(block), whole.clone());
            if block + 1 < architecture.layers.len() {
                entry = self.transition(whole, block);
            } else {
                self.end(whole);
            }
        }
    }

    /// The tensor of a dense block: its input's slot, then one slot a layer.
    fn block_tensor(&mut self, block: usize, height: usize, width: usize) -> TensorId {
        let architecture = self.architecture;
        let mut channels = vec![architecture.block_input_channels(block)];
        channels.resize(architecture.layers[block] + 1, architecture.growth_rate);
        let shape = Shape { channels: 0, height, width };
        self.tensor(&dense_block_name(block), TensorKind::Internal, &channels, shape)
    }

    fn stem(&mut self, input: TensorId) -> TensorId {
        let stem = self.architecture.stem;
        let convolved = self.outputs["features.conv0"];
        let entry = match stem.pool {
            Some(_) => self.outputs["features.pool0"],
            None => convolved,
        };
        let target = match stem.pool {
            Some(_) => self.tensor("stem", TensorKind::Internal, &[stem.channels], convolved),
            None => self.block_tensor(0, entry.height, entry.width),
        };
        let image = &self.tensors[input.0];
        let padding = stem.padding.resolve(stem.kernel, stem.stride, image.height, image.width);
        let operation = Operation::Stem {
            weight: "features.conv0.weight".into(),
            norm: stem.norm.then(|| "features.norm0".into()),
            kernel: stem.kernel,
            stride: stem.stride,
            padding: [padding[0][0], padding[1][0]],
        };
        let output = View { tensor: target, slots: 0..1 };
        self.step("features.conv0", operation, View { tensor: input, slots: 0..1 }, output.clone());
        self.tap(if stem.norm { "features.relu0" } else { "features.conv0" }, output.clone());
        let Some(pool) = stem.pool else {
            return target;
        };
        let block = self.block_tensor(0, entry.height, entry.width);
        let padding = pool.padding.resolve(pool.kernel, pool.stride, convolved.height, convolved.width);
        let operation =
            Operation::MaxPool { kernel: pool.kernel, stride: pool.stride, padding: [padding[0][0], padding[1][0]] };
        let pooled = View { tensor: block, slots: 0..1 };
        self.step("features.pool0", operation, output, pooled.clone());
        self.tap("features.pool0", pooled);
        block
    }

    fn dense_layer(&mut self, block: TensorId, layer: usize, name: &str) {
        let growth = self.architecture.growth_rate;
        let (height, width) = (self.tensors[block.0].height, self.tensors[block.0].width);
        let sofar = View { tensor: block, slots: 0..layer + 1 };
        let new = View { tensor: block, slots: layer + 1..layer + 2 };
        let norm1 = Some(format!("{name}.norm1"));
        match self.architecture.bottleneck {
            Some(channels) => {
                let scratch = Shape { channels, height, width };
                let bottleneck = self.tensor(&format!("{name}.relu2"), TensorKind::Internal, &[channels], scratch);
                let bottleneck = View { tensor: bottleneck, slots: 0..1 };
                let operation = Operation::Pointwise {
                    weight: format!("{name}.conv1.weight"),
                    norm: norm1,
                    folded: Some(format!("{name}.norm2")),
                };
                self.step(&format!("{name}.conv1"), operation, sofar, bottleneck.clone());
                self.tap(&format!("{name}.relu2"), bottleneck.clone());
                let operation = Operation::Convolution3x3 { weight: format!("{name}.conv2.weight"), norm: None };
                self.step(&format!("{name}.conv2"), operation, bottleneck, new.clone());
            }
            None => {
                let scratch = Shape { channels: growth, height, width };
                let scratch = self.tensor(&format!("{name}.conv1"), TensorKind::Internal, &[growth], scratch);
                let scratch = View { tensor: scratch, slots: 0..1 };
                let operation = Operation::Convolution3x3 { weight: format!("{name}.conv1.weight"), norm: norm1 };
                self.step(&format!("{name}.conv1"), operation, sofar, scratch.clone());
                self.step(&format!("{name}.concat"), Operation::Append, scratch, new.clone());
            }
        }
        self.tap(name, new);
    }

    fn transition(&mut self, whole: View, block: usize) -> TensorId {
        let name = transition_name(block);
        let shape = self.outputs[&format!("{name}.pool")];
        let slots: Vec<usize> = self.tensors[whole.tensor.0].slots.iter().map(|slot| slot.channels).collect();
        let pooled = self.tensor(&format!("{name}.pooled"), TensorKind::Internal, &slots, shape);
        let pooled = View { tensor: pooled, slots: whole.slots.clone() };
        let operation = Operation::NormReluAveragePool { norm: format!("{name}.norm") };
        self.step(&format!("{name}.pool"), operation, whole, pooled.clone());
        self.tap(&format!("{name}.pooled"), pooled.clone());
        let next = self.block_tensor(block + 1, shape.height, shape.width);
        let output = View { tensor: next, slots: 0..1 };
        let operation = Operation::Pointwise { weight: format!("{name}.conv.weight"), norm: None, folded: None };
        self.step(&format!("{name}.conv"), operation, pooled, output.clone());
        self.tap(&name, output);
        next
    }

    fn end(&mut self, whole: View) {
        let architecture = self.architecture;
        // The result's tensor is the last, and the maps' step: weights of the other steps keep their numbers.
        let maps = architecture.classes.filter(|_| self.class_maps).map(|classes| {
            let (height, width) = (self.tensors[whole.tensor.0].height, self.tensors[whole.tensor.0].width);
            let tensor =
                self.tensor(CLASS_MAPS, TensorKind::Internal, &[classes], Shape { channels: classes, height, width });
            (whole.clone(), View { tensor, slots: 0..1 })
        });
        // The slots stay apart in the pooled vector too: the host maps channels, the classifier's weights are packed so.
        let slots: Vec<usize> = self.tensors[whole.tensor.0].slots.iter().map(|slot| slot.channels).collect();
        let classes = architecture.classes;
        let kind = if classes.is_some() { TensorKind::Internal } else { TensorKind::Output };
        let features = self.vector("features.pool5", kind, &slots);
        let features = View { tensor: features, slots: whole.slots.clone() };
        let operation = Operation::NormReluGlobalPool { norm: "features.norm5".into() };
        self.step("features.pool5", operation, whole, features.clone());
        self.tap("features.pool5", features.clone());
        if let Some(classes) = classes {
            let logits = self.vector("classifier", TensorKind::Output, &[classes]);
            let logits = View { tensor: logits, slots: 0..1 };
            let (weight, bias) = ("classifier.weight".into(), "classifier.bias".into());
            self.step("classifier", Operation::Classifier { weight, bias }, features, logits.clone());
            self.tap("classifier", logits);
        }
        if let Some((whole, maps)) = maps {
            // The classifier without its bias at every pixel, where the network itself pools first.
            let (weight, norm) = ("classifier.weight".into(), Some("features.norm5".into()));
            self.step(CLASS_MAPS, Operation::Pointwise { weight, norm, folded: None }, whole, maps.clone());
            self.tap(CLASS_MAPS, maps);
        }
    }

    fn tensor(&mut self, name: &str, kind: TensorKind, channels: &[usize], shape: Shape) -> TensorId {
        let mut slots: Vec<Slot> = Vec::new();
        for &channels in channels {
            let start = slots.last().map_or(0, |slot| slot.start + slot.padded());
            slots.push(Slot { start, channels });
        }
        self.tensors.push(PlanTensor {
            name: name.into(),
            kind,
            slots,
            height: shape.height,
            width: shape.width,
            is_vector: false,
            lifetime: (usize::MAX, 0),
            memory: usize::MAX,
        });
        TensorId(self.tensors.len() - 1)
    }

    fn vector(&mut self, name: &str, kind: TensorKind, channels: &[usize]) -> TensorId {
        let id = self.tensor(name, kind, channels, Shape { channels: 0, height: 1, width: 1 });
        self.tensors[id.0].is_vector = true;
        id
    }

    fn step(&mut self, name: &str, operation: Operation, input: View, output: View) {
        let channels = |view: &View| -> u64 {
            self.tensors[view.tensor.0].slots[view.slots.clone()].iter().map(|slot| slot.channels as u64).sum()
        };
        let (read, written) = (channels(&input), channels(&output));
        let target = &self.tensors[output.tensor.0];
        let pixels = (target.height * target.width) as u64;
        let window = match &operation {
            Operation::Stem { kernel, .. } => (kernel * kernel) as u64,
            Operation::Convolution3x3 { .. } => 9,
            Operation::Pointwise { .. } | Operation::Classifier { .. } => 1,
            _ => 0,
        };
        let macs = window * read * written * pixels;
        self.steps.push(Step { name: name.into(), operation, input, output, macs });
    }

    fn tap(&mut self, name: &str, view: View) {
        let step = self.steps.len() - 1;
        self.taps.push(Tap { name: name.into(), step, view });
    }
}
