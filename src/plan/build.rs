//! From an architecture to tensors and steps.

use super::builder::Builder;
use super::forward::Plan;
use super::head;
use super::memory;
use super::step::Operation;
use super::tensor::{TensorId, TensorKind, View};
use crate::architecture::{Architecture, BlockEnd, DenseLayer, InputSize, Layer, Part, Shape, StemPart, Transition};
use crate::error::{Error, Result};

/// The most images of one pass: far beyond any adapter, and small enough that no count overflows.
pub const MAX_IMAGES: usize = 1 << 20;

impl Plan {
    /// Plans a forward pass for `batch` images of `size`.
    ///
    /// # Errors
    /// [`Error::Architecture`] for an impossible network, [`Error::Input`] for a size it does not admit or a batch of 0.
    pub fn new(architecture: &Architecture, size: InputSize, batch: usize) -> Result<Plan> {
        build(architecture, size, batch, false)
    }

    /// As [`Plan::new`], with one more step at the end, for class-activation maps (see [`crate::picture::Heat`]). Where the
    /// head is average pooling and one linear layer, it computes them: the tap [`crate::CLASS_MAPS`],
    /// `[classes, rows, columns]` of the last dense block. Otherwise they depend on the picture, and it yields the feature
    /// maps that they are made of: the tap [`crate::POOLED_MAPS`]. The other steps are the same.
    ///
    /// # Errors
    /// As [`Plan::new`]; [`Error::Architecture`] for a network without a classifier.
    pub fn with_class_maps(architecture: &Architecture, size: InputSize, batch: usize) -> Result<Plan> {
        if architecture.classes().is_none() {
            return Err(Error::Architecture("a network without a classifier has no class-activation maps".into()));
        }
        build(architecture, size, batch, true)
    }
}

impl Plan {
    /// [`Plan::with_class_maps`] or [`Plan::new`].
    ///
    /// # Errors
    /// As the one or the other.
    #[cfg(any(feature = "gpu", feature = "cpu"))]
    pub(crate) fn either(architecture: &Architecture, size: InputSize, batch: usize, class_maps: bool) -> Result<Plan> {
        match class_maps {
            true => Plan::with_class_maps(architecture, size, batch),
            false => Plan::new(architecture, size, batch),
        }
    }
}

fn check_batch(batch: usize) -> Result<()> {
    if batch == 0 {
        return Err(Error::Input("a batch of 0 images: at least 1 is needed".into()));
    }
    if batch > MAX_IMAGES {
        return Err(Error::Input(format!("a batch of {batch} images: one pass takes at most {MAX_IMAGES}")));
    }
    Ok(())
}

fn build(architecture: &Architecture, size: InputSize, batch: usize, class_maps: bool) -> Result<Plan> {
    check_batch(batch)?;
    let walk = architecture.walk(size)?;
    let outputs = walk.iter().map(|layer: &Layer| (layer.name.clone(), layer.output)).collect();
    let blocks = architecture.parts().filter_map(|part| match part {
        Part::BlockEnd(end) => Some(end),
        _ => None,
    });
    let blocks = blocks.collect();
    let (tensors, steps, taps) = Default::default();
    let mut builder = Builder { architecture, class_maps, outputs, blocks, tensors, steps, taps };
    builder.network(size);
    let Builder { mut tensors, steps, taps, .. } = builder;
    for (index, step) in steps.iter().enumerate() {
        // WebGPU lets a dispatch bind a buffer for reading or for writing, never for both.
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

impl Builder<'_> {
    fn network(&mut self, size: InputSize) {
        let channels = self.architecture.stem_input_channels();
        let shape = Shape { channels, height: size.height, width: size.width };
        // The tensor that the next part reads: the images, then the block tensor.
        let mut current = self.tensor("input", TensorKind::Input, &[channels], shape);
        for part in self.architecture.parts() {
            match part {
                Part::Stem(stem) => current = self.stem(current, &stem),
                Part::DenseLayer(layer) => self.dense_layer(current, &layer),
                Part::BlockEnd(end) => {
                    let whole = self.whole(current);
                    self.tap(&end.name, whole);
                }
                Part::Transition(transition) => current = self.transition(current, &transition),
                Part::Head(part) => head::build(self, current, &part),
            }
        }
    }

    /// The tensor of a dense block: one slot for its input, then one for each layer.
    fn block_tensor(&mut self, block: usize, height: usize, width: usize) -> TensorId {
        let BlockEnd { name, layers, input_channels, .. } = self.blocks[block].clone();
        let mut channels = vec![input_channels];
        channels.resize(layers + 1, self.architecture.growth_rate);
        self.tensor(&name, TensorKind::Internal, &channels, Shape { channels: 0, height, width })
    }

    fn stem(&mut self, input: TensorId, part: &StemPart) -> TensorId {
        let stem = self.architecture.stem;
        let convolved = self.outputs[part.conv];
        let target = match part.pool {
            Some(_) => self.tensor("stem", TensorKind::Internal, &[part.output_channels], convolved),
            None => self.block_tensor(0, convolved.height, convolved.width),
        };
        let image = &self.tensors[input.0];
        let padding = stem.padding.resolve(stem.kernel, stem.stride, image.height, image.width);
        let operation = Operation::Stem {
            weight: format!("{}.weight", part.conv),
            norm: part.norm_relu.map(|[norm, _]| norm.into()),
            kernel: stem.kernel,
            stride: stem.stride,
            padding: [padding[0][0], padding[1][0]],
        };
        let output = View { tensor: target, slots: 0..1 };
        self.step(part.conv, operation, View { tensor: input, slots: 0..1 }, output.clone());
        self.tap(part.norm_relu.map_or(part.conv, |[_, relu]| relu), output.clone());
        let (Some(name), Some(pool)) = (part.pool, stem.pool) else {
            return target;
        };
        let entry = self.outputs[name];
        let block = self.block_tensor(0, entry.height, entry.width);
        let padding = pool.padding.resolve(pool.kernel, pool.stride, convolved.height, convolved.width);
        let operation =
            Operation::MaxPool { kernel: pool.kernel, stride: pool.stride, padding: [padding[0][0], padding[1][0]] };
        let pooled = View { tensor: block, slots: 0..1 };
        self.step(name, operation, output, pooled.clone());
        self.tap(name, pooled);
        block
    }

    fn dense_layer(&mut self, block: TensorId, part: &DenseLayer) {
        let (name, layer, growth) = (&part.name, part.layer, part.new_channels);
        let (height, width) = (self.tensors[block.0].height, self.tensors[block.0].width);
        let sofar = View { tensor: block, slots: 0..layer + 1 };
        let new = View { tensor: block, slots: layer + 1..layer + 2 };
        let norm1 = Some(format!("{name}.norm1"));
        match part.bottleneck {
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

    fn transition(&mut self, block: TensorId, part: &Transition) -> TensorId {
        let name = &part.name;
        let whole = self.whole(block);
        let shape = self.outputs[&format!("{name}.pool")];
        let slots: Vec<usize> = self.tensors[whole.tensor.0].slots.iter().map(|slot| slot.channels).collect();
        let pooled = self.tensor(&format!("{name}.pooled"), TensorKind::Internal, &slots, shape);
        let pooled = View { tensor: pooled, slots: whole.slots.clone() };
        let operation = Operation::NormReluAveragePool { norm: format!("{name}.norm") };
        self.step(&format!("{name}.pool"), operation, whole, pooled.clone());
        self.tap(&format!("{name}.pooled"), pooled.clone());
        let next = self.block_tensor(part.block + 1, shape.height, shape.width);
        let output = View { tensor: next, slots: 0..1 };
        let operation = Operation::Pointwise { weight: format!("{name}.conv.weight"), norm: None, folded: None };
        self.step(&format!("{name}.conv"), operation, pooled, output.clone());
        self.tap(name, output);
        next
    }
}
