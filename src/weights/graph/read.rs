//! A graph read as a DenseNet.
//!
//! The graph is evaluated node by node on symbols, which tell what a value is: the image with what was done to its pixels,
//! feature maps with the layers that made their channels, a vector with the layers behind the pooling. An operation that has no
//! place in a DenseNet is refused by its node's name.

use std::rc::Rc;

use super::axes::{self, Axes, Reshaped};
use super::function::{Function, Operator};
use super::head::{Linear, Tree, Vector};
use super::image::Image;
use super::maps::{Late, Maps, Trunk};
use super::node::{Axis, Graph, Node, NodeId, Operation, TensorId, Window, WindowPadding};
use super::numbers;
use super::refusal::Refusal;
use crate::architecture::{HeadLayer, Pooling};

/// What a node yields.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) axes: Axes,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    Image(Image),
    Maps(Maps),
    Vector(Vector),
}

/// Everything that was found on the way.
pub(super) struct Walk<'g, 'a> {
    graph: &'g Graph<'a>,
    pub(super) trunk: Trunk,
    pub(super) tree: Tree,
    values: Vec<Option<Rc<Value>>>,
    /// Images of a batch, where the file states them.
    batch: Option<usize>,
}

impl<'g, 'a> Walk<'g, 'a> {
    /// Reads the whole graph.
    pub(super) fn of(graph: &'g Graph<'a>) -> Result<Self, String> {
        let values = vec![None; graph.nodes.len()];
        let mut walk = Walk { graph, trunk: Trunk::default(), tree: Tree::default(), values, batch: None };
        walk.tree.half = graph.tensors.iter().any(|tensor| tensor.number == super::super::source::Number::F16);
        let needed = needed(graph);
        for (at, node) in graph.nodes.iter().enumerate().filter(|(at, _)| needed[*at]) {
            let value = walk.node(at, node).map_err(|refusal| walk.refused(at, refusal))?;
            walk.values[at] = Some(Rc::new(value));
        }
        Ok(walk)
    }

    /// The reason, with the name and the operation of the node.
    fn refused(&self, at: NodeId, Refusal(other, reason): Refusal) -> String {
        let node = &self.graph.nodes[other.unwrap_or(at)];
        let words = &self.graph.words;
        format!("{} '{}' ({}) of its {}: {reason}", words.node, node.name, node.kind, words.place)
    }

    /// What an output is: a vector that is complete, or feature maps. The reason for what it cannot be.
    pub(super) fn output(&mut self, at: NodeId) -> Result<Value, String> {
        let Some(value) = self.values[at].clone() else { return Err("it is computed from nothing".into()) };
        match &value.content {
            Content::Vector(vector) => {
                let settled = self.tree.settled(vector).map_err(|refusal| self.refused(at, refusal))?;
                Ok(Value { axes: value.axes.clone(), content: Content::Vector(settled) })
            }
            _ => Ok((*value).clone()),
        }
    }

    fn node(&mut self, at: NodeId, node: &Node) -> Result<Value, Refusal> {
        if let Operation::Input { axes, sides } = &node.operation {
            return self.input(axes, sides);
        }
        let inputs: Vec<Rc<Value>> = node.inputs.iter().filter_map(|&input| self.values[input].clone()).collect();
        match (&node.operation, inputs.as_slice()) {
            (Operation::Concatenate { axis }, all) => self.concatenate(*axis, all),
            (Operation::Combine(operator), [a, b]) => self.combine(at, *operator, a, b),
            (Operation::Unknown(Some(reason)), _) => Err(reason.clone().into()),
            (Operation::Unknown(None), _) => Err(format!("a DenseNet has no such {}", self.graph.words.node).into()),
            (operation, [input]) => self.unary(at, operation, input),
            (_, inputs) => Err(format!(
                "it reads {} {}s; in a DenseNet only a concatenation reads more than one",
                inputs.len(),
                self.graph.words.node
            )
            .into()),
        }
    }

    fn input(&mut self, axes: &[Axis; 4], sides: &[Option<usize>; 4]) -> Result<Value, Refusal> {
        if self.values.iter().any(Option::is_some) {
            return Err("a second input: one of images is expected".into());
        }
        let side = |wanted| axes.iter().zip(sides).find(|(axis, _)| **axis == wanted).and_then(|(_, side)| *side);
        self.batch = side(Axis::Batch);
        let size = side(Axis::Row).zip(side(Axis::Column)).map(|(rows, columns)| [rows, columns]);
        let image = Image::new(side(Axis::Channel), size);
        Ok(Value { axes: axes.to_vec(), content: Content::Image(image) })
    }

    fn unary(&mut self, at: NodeId, operation: &Operation, input: &Value) -> Result<Value, Refusal> {
        let axes = &input.axes;
        let same = |content| Ok(Value { axes: axes.clone(), content });
        match operation {
            Operation::Identity => Ok(input.clone()),
            Operation::Transpose(order) => Ok(Value { axes: axes::transposed(axes, order)?, ..input.clone() }),
            Operation::Squeeze(which) => {
                let single = self.channels(&input.content) == Some(1);
                Ok(Value { axes: axes::squeezed(axes, which.as_deref(), single)?, ..input.clone() })
            }
            Operation::Unsqueeze(which) => Ok(Value { axes: axes::unsqueezed(axes, which)?, ..input.clone() }),
            Operation::Reshape(sides) => self.reshape(sides, input),
            Operation::Convolution(convolution) => {
                let shape = self.graph.tensors[convolution.weight].shape.clone();
                self.convolution(at, convolution, &shape, input)
            }
            Operation::BatchNorm(norm) => {
                if !axes::is_channel(norm.axis, axes) {
                    return Err("it does not normalise channels".into());
                }
                let content = match &input.content {
                    Content::Image(image) => {
                        let [scale, shift] = numbers::scale_and_shift(&self.graph.tensors, norm)?;
                        Content::Image(image.affine(&scale, &shift)?)
                    }
                    Content::Maps(maps) => {
                        self.check_norm(norm, self.trunk.width(maps))?;
                        Content::Maps(self.trunk.norm(at, norm, maps)?)
                    }
                    Content::Vector(vector) => {
                        self.check_norm(norm, self.tree.width(vector))?;
                        let settled = self.tree.settled(vector)?;
                        Content::Vector(self.tree.norm(&settled, norm)?)
                    }
                };
                same(content)
            }
            Operation::Linear { weight, transposed, bias } => {
                let Content::Vector(vector) = &input.content else {
                    return Err("a linear layer belongs behind the pooling".into());
                };
                if **axes != [Axis::Batch, Axis::Channel] {
                    return Err(format!("it reads {}, expected one vector for each image", axes::named(axes)).into());
                }
                let linear = Linear { weight: *weight, transposed: *transposed, bias: *bias, scale: None, shift: None };
                same(Content::Vector(self.linear(vector, linear)?))
            }
            Operation::Function(function) => self.function(at, function, input),
            Operation::Softmax { axis, log } => match &input.content {
                Content::Vector(vector) if axes::is_channel(*axis, axes) => {
                    let layer = if *log { HeadLayer::LogSoftmax } else { HeadLayer::Softmax };
                    let settled = self.tree.settled(vector)?;
                    same(Content::Vector(self.tree.plain(&settled, layer)?))
                }
                _ => Err("softmax belongs behind the pooling, over the values of a vector".into()),
            },
            Operation::Arithmetic { operator, constant, first } => {
                same(self.arithmetic(at, *operator, *constant, *first, input)?)
            }
            Operation::Pad { sides, value, axes: places } => self.pad(*sides, *value, *places, input),
            Operation::Pool { mean, window } => self.pool(*mean, window, input),
            Operation::Reduce { mean, axes, keep } => self.reduce(*mean, axes, *keep, input),
            Operation::Select { .. }
            | Operation::Repeat { .. }
            | Operation::Broadcast { .. }
            | Operation::Resize(_)
            | Operation::Crop(_) => self.picture(operation, input),
            Operation::Input { .. } | Operation::Concatenate { .. } | Operation::Combine(_) | Operation::Unknown(_) => {
                Err("it reads one value, which is not enough".into())
            }
        }
    }

    fn channels(&self, content: &Content) -> Option<usize> {
        match content {
            Content::Image(image) => image.channels(),
            Content::Maps(maps) => Some(self.trunk.width(maps)),
            Content::Vector(vector) => Some(self.tree.width(vector)),
        }
    }

    fn check_norm(&self, norm: &super::node::BatchNorm, channels: usize) -> Result<(), Refusal> {
        let tensors = [Some(norm.mean), Some(norm.variance), norm.weight, norm.bias];
        match tensors.into_iter().flatten().map(|at| &self.graph.tensors[at]).find(|tensor| tensor.shape != [channels])
        {
            Some(tensor) => {
                Err(format!("tensor '{}' has shape {:?}, expected [{channels}]", tensor.name, tensor.shape).into())
            }
            None => Ok(()),
        }
    }

    fn convolution(
        &mut self,
        at: NodeId,
        convolution: &super::node::Convolution,
        shape: &[usize],
        input: &Value,
    ) -> Result<Value, Refusal> {
        if convolution.groups != 1 {
            return Err(format!("its groups is not 1 but {}", convolution.groups).into());
        }
        if let Some(bias) = convolution.bias.map(|bias| &self.graph.tensors[bias])
            && bias.shape != shape[..shape.len().min(1)]
        {
            return Err(format!("its bias '{}' has shape {:?}, its kernel {shape:?}", bias.name, bias.shape).into());
        }
        let window = &convolution.window;
        let axes = input.axes.clone();
        let content = match &input.content {
            Content::Image(image) => {
                axes::check_image(&axes, window.channel_axis)?;
                if shape.get(2..) == Some(&[1, 1]) && plain(window) && image.zeros.is_none() {
                    let (weights, shift) = numbers::pixel_kernel(&self.graph.tensors, convolution)?;
                    Content::Image(image.mixed(weights, shift)?)
                } else {
                    Content::Maps(self.trunk.stem(at, convolution, shape, image)?)
                }
            }
            Content::Maps(maps) => {
                axes::check_image(&axes, window.channel_axis)?;
                Content::Maps(self.trunk.convolution(at, convolution, shape, maps)?)
            }
            // Of one pixel: a linear layer.
            Content::Vector(vector) if axes.len() == 4 && axes::is_channel(window.channel_axis, &axes) => {
                if shape.get(2..) != Some(&[1, 1]) || window.padding != WindowPadding::Explicit([0; 4]) {
                    return Err("a convolution of a single pixel must be 1x1, without padding".into());
                }
                let linear = Linear {
                    weight: convolution.weight,
                    transposed: false,
                    bias: convolution.bias,
                    scale: None,
                    shift: None,
                };
                Content::Vector(self.linear(vector, linear)?)
            }
            Content::Vector(_) => return Err("a convolution behind the pooling".into()),
        };
        Ok(Value { axes, content })
    }

    fn linear(&mut self, vector: &Vector, linear: Linear) -> Result<Vector, Refusal> {
        let vector = self.tree.settled(vector)?;
        let shape = self.graph.tensors[linear.weight].shape.clone();
        let bias = linear.bias;
        let result = self.tree.linear(&vector, linear, &shape)?;
        if let Some(bias) = bias.map(|bias| &self.graph.tensors[bias])
            && bias.shape.iter().product::<usize>() != self.tree.width(&result)
        {
            return Err(format!("its bias '{}' has shape {:?}, its weight {shape:?}", bias.name, bias.shape).into());
        }
        Ok(result)
    }

    fn function(&mut self, at: NodeId, function: &Function, input: &Value) -> Result<Value, Refusal> {
        let content = match &input.content {
            Content::Image(_) => return Err("a function of pixels that is not linear".into()),
            Content::Maps(maps) => Content::Maps(self.trunk.function(at, maps, |sampled| sampled.then(function))?),
            Content::Vector(vector) => {
                Content::Vector(self.tree.function(at, vector, |sampled| sampled.then(function)))
            }
        };
        Ok(Value { axes: input.axes.clone(), content })
    }

    fn arithmetic(
        &mut self,
        at: NodeId,
        operator: Operator,
        constant: TensorId,
        first: bool,
        input: &Value,
    ) -> Result<Content, Refusal> {
        let channels = self.channels(&input.content);
        let image = matches!(input.content, Content::Image(_));
        let constants = numbers::by_channel(&self.graph.tensors[constant], &input.axes, channels, image)?;
        let affine = |channels: usize| -> Option<(Vec<f64>, Vec<f64>)> {
            let at = |i: usize| constants[if constants.len() == 1 { 0 } else { i }];
            (0..channels)
                .map(|i| operator.affine(at(i), first))
                .collect::<Option<Vec<_>>>()
                .map(|all| all.into_iter().unzip())
        };
        match &input.content {
            Content::Image(image) => Ok(Content::Image(image.arithmetic(operator, &constants, first)?)),
            Content::Maps(maps) => match (affine(self.trunk.width(maps)), constants.as_slice()) {
                (Some((scale, shift)), _) if !maps.is_function() => {
                    Ok(Content::Maps(self.trunk.affine(at, maps, scale, shift)?))
                }
                (_, &[constant]) => {
                    let apply = |sampled: &super::function::Sampled| sampled.with_constant(operator, constant, first);
                    Ok(Content::Maps(self.trunk.function(at, maps, apply)?))
                }
                _ => Err("it changes feature maps in a way that no batch norm does".into()),
            },
            Content::Vector(vector) => match constants.as_slice() {
                &[constant] => {
                    let apply = |sampled: &super::function::Sampled| sampled.with_constant(operator, constant, first);
                    Ok(Content::Vector(self.tree.function(at, vector, apply)))
                }
                _ => {
                    let (scale, shift) = affine(self.tree.width(vector))
                        .ok_or("it changes a vector in a way that no linear layer or batch norm does")?;
                    let settled = self.tree.settled(vector)?;
                    Ok(Content::Vector(self.tree.affine(&settled, scale, shift)?))
                }
            },
        }
    }

    fn combine(&mut self, at: NodeId, operator: Operator, a: &Value, b: &Value) -> Result<Value, Refusal> {
        let content = match (&a.content, &b.content) {
            (Content::Maps(x), Content::Maps(y)) if a.axes == b.axes => {
                Content::Maps(self.trunk.combine(at, operator, x, y)?)
            }
            (Content::Vector(x), Content::Vector(y)) if a.axes == b.axes => {
                Content::Vector(self.tree.combine(at, operator, x, y)?)
            }
            _ => return Err("it adds or multiplies what two others yield; a DenseNet concatenates".into()),
        };
        Ok(Value { axes: a.axes.clone(), content })
    }

    fn concatenate(&mut self, axis: isize, all: &[Rc<Value>]) -> Result<Value, Refusal> {
        let Some(first) = all.first() else { return Err("it reads nothing".into()) };
        if !axes::is_channel(axis, &first.axes) || all.iter().any(|value| value.axes != first.axes) {
            return Err(format!("it concatenates along axis {axis}, expected the channels").into());
        }
        let content = match &first.content {
            Content::Image(_) => {
                let images = all.iter().filter_map(|value| match &value.content {
                    Content::Image(image) => Some(image),
                    _ => None,
                });
                let images: Vec<&Image> = images.collect();
                (images.len() == all.len()).then_some(()).ok_or("it joins the image with feature maps")?;
                Content::Image(Image::concatenated(&images)?)
            }
            Content::Maps(_) => {
                let maps = all.iter().filter_map(|value| match &value.content {
                    Content::Maps(maps) => Some(maps),
                    _ => None,
                });
                let maps: Vec<&Maps> = maps.collect();
                (maps.len() == all.len()).then_some(()).ok_or("it joins feature maps with the image")?;
                Content::Maps(self.trunk.concatenate(&maps)?)
            }
            Content::Vector(_) => {
                let vectors = all.iter().filter_map(|value| match &value.content {
                    Content::Vector(vector) => Some(vector),
                    _ => None,
                });
                let vectors: Vec<&Vector> = vectors.collect();
                (vectors.len() == all.len()).then_some(()).ok_or("it joins vectors with feature maps")?;
                Content::Vector(self.tree.concatenate(&vectors)?)
            }
        };
        Ok(Value { axes: first.axes.clone(), content })
    }

    fn pad(&mut self, sides: [usize; 4], value: f64, places: [isize; 2], input: &Value) -> Result<Value, Refusal> {
        let spatial =
            |place: isize, wanted: Axis| axes::axis(place, input.axes.len()).is_ok_and(|at| input.axes[at] == wanted);
        if sides != [0; 4] && !(spatial(places[0], Axis::Row) && spatial(places[1], Axis::Column)) {
            return Err("it pads other axes than rows and columns".into());
        }
        if value != 0.0 && sides != [0; 4] {
            return Err(format!("it pads with {value}, expected zeros").into());
        }
        let content = match &input.content {
            content if sides == [0; 4] => content.clone(),
            Content::Image(image) => Content::Image(image.padded(sides)?),
            Content::Maps(maps) => Content::Maps(maps.padded(sides)?),
            Content::Vector(_) => return Err("it pads a vector".into()),
        };
        Ok(Value { axes: input.axes.clone(), content })
    }

    fn pool(&mut self, mean: bool, window: &Window, input: &Value) -> Result<Value, Refusal> {
        let Content::Maps(maps) = &input.content else {
            return Err("pooling of what are no feature maps".into());
        };
        axes::check_image(&input.axes, window.channel_axis)?;
        // A window as large as the map.
        if maps.size == Some(window.kernel) && window.padding == WindowPadding::Explicit([0; 4]) && maps.end().is_ok() {
            let spatial: Vec<isize> =
                (0..4).filter(|at| matches!(input.axes[*at as usize], Axis::Row | Axis::Column)).collect();
            return self.reduce(mean, &spatial, true, input);
        }
        let content = if mean { self.trunk.average_pool(window, maps)? } else { self.trunk.max_pool(window, maps)? };
        Ok(Value { axes: input.axes.clone(), content: Content::Maps(content) })
    }

    fn reduce(&mut self, mean: bool, which: &[isize], keep: bool, input: &Value) -> Result<Value, Refusal> {
        let rank = input.axes.len();
        let gone = which.iter().map(|&number| axes::axis(number, rank)).collect::<Result<Vec<_>, _>>()?;
        let spatial = |axis: &Axis| matches!(axis, Axis::Row | Axis::Column | Axis::Pixel);
        let all = (0..rank).all(|at| match input.axes[at] {
            axis if spatial(&axis) => gone.contains(&at),
            Axis::One => true,
            _ => !gone.contains(&at),
        });
        if !all {
            let over: Axes = gone.iter().map(|&at| input.axes[at]).collect();
            return Err(format!(
                "it pools {} over {}, expected all rows and columns",
                axes::named(&input.axes),
                axes::named(&over)
            )
            .into());
        }
        let kept = (0..rank).filter(|at| keep || !gone.contains(at));
        let axes = kept.map(|at| if gone.contains(&at) { Axis::One } else { input.axes[at] }).collect();
        let content = match &input.content {
            Content::Vector(vector) => Content::Vector(vector.clone()),
            Content::Image(_) => return Err("it pools the image".into()),
            Content::Maps(maps) => {
                let pooling = if mean { Pooling::Average } else { Pooling::Maximum };
                let (end, late) = if mean { maps.end_of_mean()? } else { (maps.end()?, None) };
                let width = self.trunk.end_width(&end);
                let pooled = self.tree.pool(end, width, pooling, false)?;
                Content::Vector(self.late(&pooled, late)?)
            }
        };
        Ok(Value { axes, content })
    }

    /// What stood before a mean, behind it.
    fn late(&mut self, pooled: &Vector, late: Option<Late>) -> Result<Vector, Refusal> {
        Ok(match late {
            None => pooled.clone(),
            Some(Late::Norm(norm)) => self.tree.norm(pooled, &norm)?,
            Some(Late::Affine(scale, shift)) => self.tree.affine(pooled, scale, shift)?,
            Some(Late::Convolution(at)) => {
                let convolution = &self.trunk.kernels[at].convolution;
                let (weight, bias) = (convolution.weight, convolution.bias);
                self.linear(pooled, Linear { weight, transposed: false, bias, scale: None, shift: None })?
            }
        })
    }

    fn reshape(&mut self, sides: &[super::node::Side], input: &Value) -> Result<Value, Refusal> {
        let channels = self.channels(&input.content);
        let size = match &input.content {
            Content::Image(image) => image.size,
            Content::Maps(maps) => maps.size,
            Content::Vector(_) => None,
        };
        let known = |axis: Axis| match axis {
            Axis::Batch => self.batch,
            Axis::Channel => channels,
            Axis::Row => size.map(|[rows, _]| rows),
            Axis::Column => size.map(|[_, columns]| columns),
            Axis::Pixel => size.map(|[rows, columns]| rows * columns),
            Axis::One => Some(1),
        };
        let of = |node: NodeId, at: usize| self.values.get(node)?.as_ref()?.axes.get(at).copied();
        match (axes::reshaped(&input.axes, sides, known, of)?, &input.content) {
            (Reshaped::Same(axes), content) => Ok(Value { axes, content: content.clone() }),
            (Reshaped::Pixels(axes), content) => Ok(Value { axes, content: content.clone() }),
            (Reshaped::Flat(axes), Content::Maps(maps)) => {
                let [height, width] = maps.size.ok_or(
                    "it makes one vector of whole feature maps, whose size is not stated: export the model with a fixed \
                     size of input",
                )?;
                let last = input.axes.last() == Some(&Axis::Channel);
                let order: Axes =
                    input.axes.iter().copied().filter(|axis| matches!(axis, Axis::Row | Axis::Column)).collect();
                if order != [Axis::Row, Axis::Column] || !(last || input.axes.get(1) == Some(&Axis::Channel)) {
                    return Err(format!("it flattens {}", axes::named(&input.axes)).into());
                }
                let pooling = Pooling::Flatten { height, width };
                let vector = self.tree.pool(maps.end()?, self.trunk.width(maps), pooling, last)?;
                Ok(Value { axes, content: Content::Vector(vector) })
            }
            (Reshaped::Flat(_), _) => Err("it flattens the image".into()),
        }
    }

    /// What may be done to the image alone.
    fn picture(&mut self, operation: &Operation, input: &Value) -> Result<Value, Refusal> {
        let channel = |axis: isize| match axes::is_channel(axis, &input.axes) {
            true => Ok(()),
            false => Err(format!("it takes a part of axis {axis} of {}, expected channels", axes::named(&input.axes))),
        };
        let Content::Image(image) = &input.content else {
            return Err("it changes what a DenseNet keeps whole".into());
        };
        let mut axes = input.axes.clone();
        let image = match operation {
            Operation::Select { axis, which, keep } => {
                channel(*axis)?;
                if !keep {
                    axes.retain(|axis| *axis != Axis::Channel);
                }
                image.select(which)?
            }
            Operation::Repeat { axis, times, each } => {
                channel(*axis)?;
                image.repeated(*times, *each)?
            }
            Operation::Broadcast { axis, to } => {
                channel(*axis)?;
                match image.channels() {
                    Some(channels) if channels == *to => image.clone(),
                    Some(1) => image.repeated(*to, false)?,
                    _ => return Err("it makes several channels of more than one".into()),
                }
            }
            Operation::Resize(resizing) => image.resized(resizing)?,
            Operation::Crop(middle) => image.cropped(*middle)?,
            _ => return Err("it is no operation on pictures".into()),
        };
        Ok(Value { axes, content: Content::Image(image) })
    }
}

fn plain(window: &Window) -> bool {
    window.stride == [1, 1] && matches!(window.padding, WindowPadding::Explicit([0, 0, 0, 0]) | WindowPadding::Same)
}

/// Which nodes the outputs depend on.
fn needed(graph: &Graph) -> Vec<bool> {
    let mut needed = vec![false; graph.nodes.len()];
    graph.outputs.iter().for_each(|(_, output)| needed[*output] = true);
    for (at, node) in graph.nodes.iter().enumerate().rev() {
        if needed[at] {
            node.inputs.iter().for_each(|&input| needed[input] = true);
        }
    }
    needed
}
