//! ONNX's operations, one by one.

use std::rc::Rc;

use super::super::graph::{
    BatchNorm, Convolution, Function, NodeId, Operation, Operator, Side, Which, Window, WindowPadding,
};
use super::attributes::Attributes;
use super::build::{Builder, Known};
use super::constant::{Constant, MAX_INTS};
use super::fold;
use super::messages::Node;
use super::shapes::{Extent, Shape, slice};

type Inputs<'i, 'a> = &'i [Option<Known<'a>>];

/// The input at a place, where there is one.
fn input<'i, 'a>(inputs: Inputs<'i, 'a>, at: usize) -> Option<&'i Known<'a>> {
    inputs.get(at)?.as_ref()
}

fn constant<'i, 'a>(inputs: Inputs<'i, 'a>, at: usize) -> Option<&'i Rc<Constant<'a>>> {
    match input(inputs, at)? {
        Known::Constant(constant) => Some(constant),
        _ => None,
    }
}

/// What a node yields that is read.
fn value(inputs: Inputs, at: usize) -> Result<NodeId, String> {
    match input(inputs, at) {
        Some(Known::Node(node)) => Ok(*node),
        Some(Known::Nothing(what)) => Err(format!("it reads {what}")),
        Some(_) => Err("it reads a constant where a value of the network is expected".into()),
        None => Err("it reads nothing".into()),
    }
}

/// A constant that an operation must have.
fn weight<'i, 'a>(inputs: Inputs<'i, 'a>, at: usize, what: &str) -> Result<&'i Rc<Constant<'a>>, String> {
    constant(inputs, at).ok_or_else(|| format!("its {what} is no constant of the file"))
}

/// Axes, as an attribute or, later, an input.
fn axes(attributes: &Attributes, inputs: Inputs, at: usize) -> Result<Option<Vec<isize>>, String> {
    let ints = match input(inputs, at) {
        Some(Known::Constant(constant)) => Some(constant.as_ints().ok_or("its axes are no integers")?),
        Some(_) => return Err("its axes are no constants".into()),
        None => attributes.ints("axes"),
    };
    Ok(ints.map(|ints| ints.iter().take(9).map(|&axis| axis as isize).collect()))
}

fn function(operation: &str, attributes: &Attributes) -> Option<Function> {
    Some(match operation {
        "Relu" => Function::Relu,
        "LeakyRelu" => Function::LeakyRelu(attributes.float("alpha").unwrap_or(0.01)),
        "Gelu" if attributes.text("approximate") == Some("tanh") => Function::GeluTanh,
        "Gelu" => Function::Gelu,
        "Swish" if attributes.float("alpha").is_none_or(|alpha| alpha == 1.0) => Function::Silu,
        "Tanh" => Function::Tanh,
        "Sigmoid" => Function::Sigmoid,
        "Erf" => Function::Erf,
        // No operation of ONNX's, but TensorFlow's converter writes it.
        "Erfc" => Function::Erfc,
        "Exp" => Function::Exp,
        "Log" => Function::Log,
        "Sqrt" => Function::Sqrt,
        "Neg" => Function::Neg,
        "Abs" => Function::Abs,
        "Reciprocal" => Function::Reciprocal,
        "Elu" => Function::Elu(attributes.float("alpha").unwrap_or(1.0)),
        "Softplus" => Function::Softplus,
        "HardSigmoid" => {
            Function::HardSigmoid(attributes.float("alpha").unwrap_or(0.2), attributes.float("beta").unwrap_or(0.5))
        }
        _ => return None,
    })
}

fn operator(operation: &str) -> Option<Operator> {
    Some(match operation {
        "Add" | "Sum" => Operator::Add,
        "Sub" => Operator::Subtract,
        "Mul" => Operator::Multiply,
        "Div" => Operator::Divide,
        "Pow" => Operator::Power,
        "Max" => Operator::Maximum,
        "Min" => Operator::Minimum,
        _ => return None,
    })
}

impl<'a> Builder<'a> {
    fn push(&mut self, node: &Node, name: &str, operation: Operation, reads: Vec<NodeId>) -> Known<'a> {
        let before = reads.first().and_then(|&read| self.ranks[read]);
        let rank = match &operation {
            Operation::Reduce { axes, keep: false, .. } => before.and_then(|rank| rank.checked_sub(axes.len())),
            Operation::Reshape(sides) => Some(sides.len()),
            Operation::Unsqueeze(axes) => before.map(|rank| rank + axes.len()),
            Operation::Squeeze(Some(axes)) => before.and_then(|rank| rank.checked_sub(axes.len())),
            Operation::Squeeze(None) => None,
            Operation::Select { keep: false, .. } => before.and_then(|rank| rank.checked_sub(1)),
            _ => before,
        };
        Known::Node(self.add(name, node.operation, operation, reads, rank))
    }

    /// What a node yields.
    pub(super) fn operation(
        &mut self,
        node: &Node<'a>,
        name: &str,
        inputs: Inputs<'_, 'a>,
    ) -> Result<Known<'a>, String> {
        let attributes = Attributes::of(node);
        if node.operation == "Constant" {
            return self.constant_of(&attributes, name);
        }
        if let Some(known) = self.shapes(node, &attributes, inputs)? {
            return Ok(known);
        }
        if !inputs.is_empty() && inputs.iter().flatten().all(|known| matches!(known, Known::Constant(_))) {
            return self.folded(node, &attributes, inputs).map(|constant| Known::Constant(Rc::new(constant)));
        }
        if let Some(function) = function(node.operation, &attributes) {
            return Ok(self.push(node, name, Operation::Function(function), vec![value(inputs, 0)?]));
        }
        if let Some(operator) = operator(node.operation) {
            return self.arithmetic(node, name, operator, inputs);
        }
        let operation = match node.operation {
            "Identity" | "Dropout" => Operation::Identity,
            "Cast" => cast(attributes.int("to").unwrap_or(1))?,
            "CastLike" => Operation::Identity,
            "Conv" => return self.convolution(node, name, &attributes, inputs),
            "BatchNormalization" => self.norm(&attributes, inputs)?,
            "Gemm" => return self.gemm(node, name, &attributes, inputs),
            "MatMul" => self.product(inputs)?,
            "Clip" => {
                let bound = |at: usize, key: &str, default: f64| match input(inputs, at) {
                    None => Ok(attributes.float(key).unwrap_or(default)),
                    Some(Known::Constant(constant)) => constant.number().ok_or("its bounds are no numbers"),
                    Some(_) => Err("its bounds are no constants"),
                };
                Operation::Function(Function::Clip(
                    bound(1, "min", f64::NEG_INFINITY)?,
                    bound(2, "max", f64::INFINITY)?,
                ))
            }
            "PRelu" => {
                let slope = weight(inputs, 1, "slope")?.numbers()?;
                let first = *slope.first().ok_or("its slope is empty")?;
                if slope.iter().any(|x| *x != first) {
                    return Err("a slope for each channel: one for all is expected".into());
                }
                Operation::Function(Function::LeakyRelu(first))
            }
            "Softmax" | "LogSoftmax" => {
                // Before opset 13 all axes from this one on are one.
                let axis = attributes.axis("axis").unwrap_or(if self.opset < 13 { 1 } else { -1 });
                Operation::Softmax { axis, log: node.operation == "LogSoftmax" }
            }
            "MaxPool" | "AveragePool" => self.pool(node.operation == "AveragePool", &attributes)?,
            "GlobalAveragePool" | "GlobalMaxPool" => {
                Operation::Reduce { mean: node.operation == "GlobalAveragePool", axes: vec![2, 3], keep: true }
            }
            "ReduceMean" | "ReduceMax" => {
                let axes = axes(&attributes, inputs, 1)?.ok_or("it pools over all axes, those of the images too")?;
                Operation::Reduce {
                    mean: node.operation == "ReduceMean",
                    axes,
                    keep: attributes.int("keepdims") != Some(0),
                }
            }
            "Concat" => {
                let reads = (0..inputs.len()).map(|at| value(inputs, at)).collect::<Result<Vec<_>, _>>()?;
                let axis = attributes.axis("axis").unwrap_or(1);
                return Ok(self.push(node, name, Operation::Concatenate { axis }, reads));
            }
            "Transpose" => {
                let order = attributes.ints("perm").ok_or("it reverses all axes")?;
                let order = order.iter().map(|&axis| usize::try_from(axis).ok()).collect::<Option<Vec<_>>>();
                Operation::Transpose(order.ok_or("its order of axes cannot be read")?)
            }
            "Flatten" => {
                let read = value(inputs, 0)?;
                if attributes.int("axis").unwrap_or(1) != 1 {
                    return Err("it flattens along another axis than the images'".into());
                }
                Operation::Reshape(vec![Side::Of(read, 0), Side::Rest])
            }
            "Reshape" => {
                let read = value(inputs, 0)?;
                let shape = match input(inputs, 1) {
                    Some(known) => {
                        self.shape_of(known).ok_or("its new shape is computed in a way that is not followed")?
                    }
                    None => Shape::ints(attributes.ints("shape").ok_or("it has no new shape")?, false),
                };
                Operation::Reshape(shape.target(read, attributes.int("allowzero") == Some(1)))
            }
            "Squeeze" => Operation::Squeeze(axes(&attributes, inputs, 1)?),
            "Unsqueeze" => Operation::Unsqueeze(axes(&attributes, inputs, 1)?.ok_or("it has no axes")?),
            "Pad" => self.pad(&attributes, inputs)?,
            "Gather" => {
                let indices = weight(inputs, 1, "list of indices")?;
                let which = indices.as_ints().ok_or("its indices are no integers")?;
                let which = Which::These(which.iter().take(MAX_INTS).map(|&i| i as isize).collect());
                let axis = attributes.axis("axis").unwrap_or(0);
                Operation::Select { axis, which, keep: !indices.shape.is_empty() }
            }
            "Slice" => self.sliced(&attributes, inputs)?,
            "SequenceConstruct" | "SequenceInsert" | "ConcatFromSequence" => {
                return self.sequence(node, name, &attributes, inputs);
            }
            "Split" => return Err("it splits what it reads: a DenseNet keeps it whole".into()),
            "Tile" | "Expand" => self.repeated(node.operation, inputs)?,
            name if name.contains("Quantize") || name.starts_with("QLinear") || name.ends_with("Integer") => {
                return Err("a quantized model: export it as it was before".into());
            }
            _ => return Err(String::new()),
        };
        let read = value(inputs, 0)?;
        Ok(self.push(node, name, operation, vec![read]))
    }

    fn constant_of(&mut self, attributes: &Attributes<'_, 'a>, name: &str) -> Result<Known<'a>, String> {
        let constant = if let Some(tensor) = attributes.tensor("value") {
            Constant::read(tensor, &mut self.folder)?
        } else if let Some(int) = attributes.int("value_int") {
            Constant::ints(name, Vec::new(), vec![int])
        } else if let Some(float) = attributes.float("value_float") {
            Constant::floats(name, Vec::new(), &[float])
        } else if let Some(ints) = attributes.ints("value_ints").filter(|ints| ints.len() <= MAX_INTS) {
            Constant::ints(name, vec![ints.len()], ints.to_vec())
        } else if let Some(floats) = attributes.floats("value_floats") {
            Constant::floats(name, vec![floats.len()], &floats.iter().map(|&x| f64::from(x)).collect::<Vec<_>>())
        } else {
            return Err("a constant of a kind that is not read".into());
        };
        Ok(Known::Constant(Rc::new(constant)))
    }

    /// What is computed from shapes. None where a node does something else.
    fn shapes(
        &mut self,
        node: &Node,
        attributes: &Attributes,
        inputs: Inputs<'_, 'a>,
    ) -> Result<Option<Known<'a>>, String> {
        if let ("Shape", Some(first)) = (node.operation, input(inputs, 0)) {
            let shape = match first {
                Known::Constant(constant) => {
                    Shape::list(constant.shape.iter().map(|&side| Extent::Int(side as i64)).collect())
                }
                Known::Node(read) => match self.sides_of(*read) {
                    Some(sides) => Shape::list(sides),
                    None => return Ok(Some(Known::Nothing("a shape that is not known".into()))),
                },
                _ => return Ok(None),
            };
            let (start, end) = (attributes.int("start").unwrap_or(0), attributes.int("end").unwrap_or(i64::MAX));
            return Ok(shape.slice(start, end, 1).map(|shape| whole("shape", shape)));
        }
        if !inputs.iter().flatten().any(|known| matches!(known, Known::Shape(_))) {
            return Ok(None);
        }
        let shape = |at: usize| input(inputs, at).and_then(|known| self.shape_of(known));
        let ints = |at: usize| constant(inputs, at).and_then(|constant| constant.as_ints());
        let computed = match node.operation {
            "Identity" | "Cast" => shape(0),
            "Unsqueeze" => shape(0).map(|shape| Shape::list(shape.sides)),
            "Squeeze" => shape(0).map(|shape| Shape { scalar: true, ..shape }),
            "Gather" => {
                constant(inputs, 1).and_then(|indices| shape(0)?.gather(indices.as_ints()?, indices.shape.is_empty()))
            }
            "Slice" => {
                let first = |at: usize, key: &str| {
                    ints(at).or_else(|| attributes.ints(key)).and_then(|ints| ints.first().copied())
                };
                let (start, end) = (first(1, "starts"), first(2, "ends"));
                shape(0)
                    .zip(start.zip(end))
                    .and_then(|(shape, (start, end))| shape.slice(start, end, first(4, "").unwrap_or(1)))
            }
            "Concat" => {
                let all: Option<Vec<Shape>> = (0..inputs.len()).map(shape).collect();
                all.map(|all| Shape::list(all.into_iter().flat_map(|shape| shape.sides).take(16).collect()))
            }
            "Mul" => shape(0).zip(shape(1)).map(|(a, b)| a.with(&b, i64::checked_mul)),
            "Add" => shape(0).zip(shape(1)).map(|(a, b)| a.with(&b, i64::checked_add)),
            "Sub" => shape(0).zip(shape(1)).map(|(a, b)| a.with(&b, i64::checked_sub)),
            "Div" => shape(0).zip(shape(1)).map(|(a, b)| a.with(&b, i64::checked_div)),
            // The shape is an argument of these.
            "Reshape" | "Expand" | "Tile" => return Ok(None),
            _ => None,
        };
        Ok(Some(computed.map_or_else(
            || Known::Nothing("a shape that is computed in a way that is not followed".into()),
            |shape| whole("shape", shape),
        )))
    }

    /// A node that reads constants alone.
    fn folded(
        &mut self,
        node: &Node<'a>,
        attributes: &Attributes<'_, 'a>,
        inputs: Inputs<'_, 'a>,
    ) -> Result<Constant<'a>, String> {
        let first = constant(inputs, 0).ok_or("it reads nothing")?;
        let same = |shape: Vec<usize>| Constant { shape, ..(**first).clone() };
        if let (Some(operator), Some(second)) = (operator(node.operation), constant(inputs, 1)) {
            return fold::binary(&mut self.budget, operator, first, second);
        }
        if let Some(function) = function(node.operation, attributes) {
            return fold::unary(&mut self.budget, first, |x| function.at(x));
        }
        let reshaped = |shape: Vec<usize>| match shape.iter().try_fold(1usize, |n, &side| n.checked_mul(side)) {
            Some(elements) if elements == first.len() => Ok(same(shape)),
            _ => Err(format!("it reshapes {:?} to {shape:?}", first.shape)),
        };
        match node.operation {
            "Identity" | "CastLike" | "Dropout" => Ok((**first).clone()),
            "Cast" => match (attributes.int("to"), first.as_ints()) {
                (Some(6 | 7 | 9), None) => {
                    let numbers = fold::unary(&mut self.budget, first, f64::trunc)?.numbers()?;
                    (numbers.len() <= MAX_INTS).then_some(()).ok_or("it makes too many integers")?;
                    Ok(Constant::ints(&first.name, first.shape.clone(), numbers.iter().map(|&x| x as i64).collect()))
                }
                (Some(1 | 10 | 11 | 16), Some(_)) => {
                    Ok(Constant::floats(&first.name, first.shape.clone(), &first.numbers()?))
                }
                _ => Ok((**first).clone()),
            },
            "Transpose" => {
                let order: Vec<usize> = match attributes.ints("perm") {
                    Some(order) => order.iter().map(|&axis| usize::try_from(axis).unwrap_or(usize::MAX)).collect(),
                    None => (0..first.shape.len()).rev().collect(),
                };
                fold::transpose(&mut self.budget, first, &order)
            }
            "Reshape" => {
                let target =
                    constant(inputs, 1).and_then(|shape| shape.as_ints()).ok_or("its new shape is no constant")?;
                let keep = |at: usize| first.shape.get(at).copied();
                let known: Option<Vec<Option<usize>>> = (target.iter().enumerate())
                    .map(|(at, &side)| match side {
                        -1 => Some(None),
                        0 if attributes.int("allowzero") != Some(1) => keep(at).map(Some),
                        side => usize::try_from(side).ok().map(Some),
                    })
                    .collect();
                let known = known.ok_or("its new shape cannot be read")?;
                let product = known.iter().flatten().try_fold(1usize, |n, &side| n.checked_mul(side)).unwrap_or(0);
                let rest = first.len().checked_div(product).unwrap_or(0);
                reshaped(known.into_iter().map(|side| side.unwrap_or(rest)).collect())
            }
            "Flatten" => {
                let at = usize::try_from(attributes.int("axis").unwrap_or(1)).unwrap_or(1).min(first.shape.len());
                reshaped(vec![first.shape[..at].iter().product(), first.shape[at..].iter().product()])
            }
            "Squeeze" | "Unsqueeze" => {
                let which = axes(attributes, inputs, 1)?;
                resized(&first.shape, node.operation == "Squeeze", which.as_deref()).map(same)
            }
            "Shape" => {
                let sides = first.shape.iter().map(|&side| side as i64).collect::<Vec<_>>();
                Ok(Constant::ints(&first.name, vec![sides.len()], sides))
            }
            "Gather" => {
                let indices = constant(inputs, 1).ok_or("its indices are no constants")?;
                let which = indices.as_ints().ok_or("its indices are no integers")?;
                if indices.shape.len() > 1 {
                    return Err("its indices have several axes".into());
                }
                let axis = attributes.axis("axis").unwrap_or(0);
                fold::gather(&mut self.budget, first, axis, which, indices.shape.is_empty())
            }
            "Slice" => {
                let (axis, [start, end, step]) = one_slice(attributes, inputs)?;
                let rank = first.shape.len() as isize;
                let at = usize::try_from(if axis < 0 { axis + rank } else { axis })
                    .ok()
                    .filter(|at| *at < first.shape.len());
                let at = at.ok_or("it takes a part of no axis")?;
                let which = slice(first.shape[at], start, end, step).ok_or("it takes every 0th element")?;
                let which: Vec<i64> = which.into_iter().map(|i| i as i64).collect();
                fold::gather(&mut self.budget, first, axis, &which, false)
            }
            "Concat" => self.joined(attributes, inputs),
            "Expand" => {
                let shape = constant(inputs, 1).and_then(|shape| shape.as_ints()).ok_or("its shape is no constant")?;
                let shape = shape.iter().take(9).map(|&side| usize::try_from(side).ok()).collect::<Option<Vec<_>>>();
                fold::expand(&mut self.budget, first, &shape.ok_or("its shape cannot be read")?)
            }
            "ConstantOfShape" => {
                let shape = first.as_ints().ok_or("its shape is no list of integers")?;
                let shape = shape.iter().take(9).map(|&side| usize::try_from(side).ok()).collect::<Option<Vec<_>>>();
                let fill =
                    attributes.tensor("value").map(|tensor| Constant::read(tensor, &mut self.folder)).transpose()?;
                let fill = fill.unwrap_or_else(|| Constant::floats("0", Vec::new(), &[0.0]));
                let fill = Constant { shape: Vec::new(), ..fill };
                fold::expand(&mut self.budget, &fill, &shape.ok_or("its shape cannot be read")?)
            }
            "Range" => {
                let number =
                    |at: usize| constant(inputs, at).and_then(|c| c.number()).ok_or("its bounds are no numbers");
                let (start, end, step) = (number(0)?, number(1)?, number(2)?);
                let count = ((end - start) / step).ceil();
                if !(0.0..=MAX_INTS as f64).contains(&count) {
                    return Err("it makes more numbers than a shape has".into());
                }
                let numbers = (0..count as usize).map(|i| (start + i as f64 * step) as i64).collect();
                Ok(Constant::ints("range", vec![count as usize], numbers))
            }
            name if name.contains("Quantize") => Err("a quantized model: export it as it was before".into()),
            _ => Err("it computes a constant in a way that is not followed".into()),
        }
    }

    /// Lists of what nodes yield, which scripted modules make of Python's.
    fn sequence(
        &mut self,
        node: &Node,
        name: &str,
        attributes: &Attributes,
        inputs: Inputs<'_, 'a>,
    ) -> Result<Known<'a>, String> {
        if node.operation == "SequenceConstruct" {
            let reads = (0..inputs.len()).map(|at| value(inputs, at)).collect::<Result<Vec<_>, _>>()?;
            return Ok(Known::List(reads.into()));
        }
        let Some(Known::List(list)) = input(inputs, 0) else { return Err("it reads what is no list".into()) };
        if node.operation == "SequenceInsert" {
            let end = input(inputs, 2).is_none_or(|place| {
                let place = match place {
                    Known::Constant(constant) => constant.number(),
                    _ => None,
                };
                place == Some(list.len() as f64)
            });
            if !end {
                return Err("it puts something into the middle of a list".into());
            }
            self.list_budget =
                self.list_budget.checked_sub(list.len()).ok_or("its lists are longer than any DenseNet's")?;
            return Ok(Known::List(list.iter().copied().chain([value(inputs, 1)?]).collect()));
        }
        if attributes.int("new_axis").unwrap_or(0) != 0 {
            return Err("it makes a new axis of a list".into());
        }
        let axis = attributes.axis("axis").ok_or("it has no axis")?;
        Ok(self.push(node, name, Operation::Concatenate { axis }, list.to_vec()))
    }

    fn joined(&mut self, attributes: &Attributes, inputs: Inputs<'_, 'a>) -> Result<Constant<'a>, String> {
        let all: Vec<&Constant> = (0..inputs.len()).filter_map(|at| constant(inputs, at)).map(|c| &**c).collect();
        let axis = attributes.axis("axis").unwrap_or(0);
        if all.iter().any(|constant| constant.shape.len() != 1) || !matches!(axis, 0 | -1) {
            return Err("it joins constants that are no lists".into());
        }
        let count = all.iter().map(|constant| constant.len()).sum();
        self.budget.spend(&[count])?;
        let ints: Option<Vec<&[i64]>> = all.iter().map(|constant| constant.as_ints()).collect();
        if let Some(ints) = ints {
            return Ok(Constant::ints("list", vec![count], ints.concat()));
        }
        let numbers = all.iter().map(|constant| constant.numbers()).collect::<Result<Vec<_>, _>>()?.concat();
        Ok(Constant::floats("list", vec![count], &numbers))
    }

    fn arithmetic(
        &mut self,
        node: &Node,
        name: &str,
        operator: Operator,
        inputs: Inputs<'_, 'a>,
    ) -> Result<Known<'a>, String> {
        if inputs.len() != 2 {
            return Err(format!("it reads {} values, expected 2", inputs.len()));
        }
        let operation = match (constant(inputs, 0), constant(inputs, 1)) {
            (Some(first), None) => {
                let constant = self.tensor(first)?;
                Operation::Arithmetic { operator, constant, first: true }
            }
            (None, Some(second)) => {
                let constant = self.tensor(second)?;
                Operation::Arithmetic { operator, constant, first: false }
            }
            _ => {
                let reads = vec![value(inputs, 0)?, value(inputs, 1)?];
                return Ok(self.push(node, name, Operation::Combine(operator), reads));
            }
        };
        let read = value(inputs, usize::from(constant(inputs, 0).is_some()))?;
        Ok(self.push(node, name, operation, vec![read]))
    }

    fn window(&self, attributes: &Attributes, kernel: [usize; 2]) -> Result<Window, String> {
        let padding = match attributes.text("auto_pad").unwrap_or("NOTSET") {
            "SAME_UPPER" => WindowPadding::Same,
            "SAME_LOWER" => WindowPadding::SameLower,
            "VALID" => WindowPadding::Explicit([0; 4]),
            // Top, left, bottom, right.
            _ => WindowPadding::Explicit(attributes.sides::<4>("pads")?.unwrap_or([0; 4])),
        };
        Ok(Window {
            kernel,
            stride: attributes.sides::<2>("strides")?.unwrap_or([1, 1]),
            dilation: attributes.sides::<2>("dilations")?.unwrap_or([1, 1]),
            padding,
            ceil: attributes.int("ceil_mode") == Some(1),
            channel_axis: 1,
        })
    }

    fn convolution(
        &mut self,
        node: &Node,
        name: &str,
        attributes: &Attributes,
        inputs: Inputs<'_, 'a>,
    ) -> Result<Known<'a>, String> {
        let kernel = weight(inputs, 1, "kernel")?;
        let &[_, _, rows, columns] = kernel.shape.as_slice() else {
            return Err(format!("its kernel has shape {:?}, expected [out, in, height, width]", kernel.shape));
        };
        if attributes.sides::<2>("kernel_shape")?.is_some_and(|stated| stated != [rows, columns]) {
            return Err(format!("its kernel_shape is not that of its kernel, {rows}x{columns}"));
        }
        let window = self.window(attributes, [rows, columns])?;
        let bias = match input(inputs, 2) {
            Some(_) => Some(self.tensor(weight(inputs, 2, "bias")?)?),
            None => None,
        };
        let weight = self.tensor(kernel)?;
        let groups = usize::try_from(attributes.int("group").unwrap_or(1)).unwrap_or(0);
        let operation = Operation::Convolution(Convolution { weight, bias, window, groups });
        let read = value(inputs, 0)?;
        Ok(self.push(node, name, operation, vec![read]))
    }

    fn norm(&mut self, attributes: &Attributes, inputs: Inputs<'_, 'a>) -> Result<Operation, String> {
        if attributes.int("training_mode") == Some(1) {
            return Err("it is exported for training: export the model after model.eval()".into());
        }
        let mut part = |at: usize, what: &str| self.tensor(weight(inputs, at, what)?);
        let (scale, bias) = (part(1, "scale")?, part(2, "bias")?);
        let (mean, variance) = (part(3, "mean")?, part(4, "variance")?);
        let eps = attributes.float("epsilon").unwrap_or(1e-5);
        Ok(Operation::BatchNorm(BatchNorm { weight: Some(scale), bias: Some(bias), mean, variance, eps, axis: 1 }))
    }

    fn pool(&self, mean: bool, attributes: &Attributes) -> Result<Operation, String> {
        let kernel = attributes.sides::<2>("kernel_shape")?.ok_or("it has no kernel_shape")?;
        Ok(Operation::Pool { mean, window: self.window(attributes, kernel)? })
    }

    /// `alpha * x * w + beta * b`.
    fn gemm(
        &mut self,
        node: &Node,
        name: &str,
        attributes: &Attributes,
        inputs: Inputs<'_, 'a>,
    ) -> Result<Known<'a>, String> {
        if attributes.int("transA").unwrap_or(0) != 0 {
            return Err("it transposes what it reads".into());
        }
        let matrix = weight(inputs, 1, "weight")?;
        let (alpha, beta) = (attributes.float("alpha").unwrap_or(1.0), attributes.float("beta").unwrap_or(1.0));
        let transposed = attributes.int("transB").unwrap_or(0) == 0;
        let outputs = matrix.shape.get(usize::from(transposed)).copied().unwrap_or(0);
        let scaled = |this: &mut Self, constant: &Rc<Constant<'a>>, factor: f64| match factor {
            1.0 => this.tensor(constant),
            factor => {
                let scaled = fold::unary(&mut this.budget, constant, |x| x * factor)?;
                this.tensor(&Rc::new(scaled))
            }
        };
        let bias = match input(inputs, 2) {
            None => None,
            Some(_) => {
                let bias = weight(inputs, 2, "bias")?;
                // One for all images, or for all outputs too.
                let wide = match bias.shape.as_slice() {
                    [n] | [1, n] if *n == outputs => Rc::new(Constant { shape: vec![outputs], ..(**bias).clone() }),
                    _ if bias.len() == 1 => {
                        let one = Constant { shape: vec![1], ..(**bias).clone() };
                        Rc::new(fold::expand(&mut self.budget, &one, &[outputs])?)
                    }
                    shape => return Err(format!("its bias has shape {shape:?}, expected [{outputs}]")),
                };
                Some(scaled(self, &wide, beta)?)
            }
        };
        let weight = scaled(self, matrix, alpha)?;
        let read = value(inputs, 0)?;
        Ok(self.push(node, name, Operation::Linear { weight, transposed, bias }, vec![read]))
    }

    fn product(&mut self, inputs: Inputs<'_, 'a>) -> Result<Operation, String> {
        let matrix = weight(inputs, 1, "weight")?;
        if matrix.shape.len() != 2 {
            return Err(format!("its weight has shape {:?}, expected [in, out]", matrix.shape));
        }
        Ok(Operation::Linear { weight: self.tensor(matrix)?, transposed: true, bias: None })
    }

    fn pad(&self, attributes: &Attributes, inputs: Inputs<'_, 'a>) -> Result<Operation, String> {
        let mode = attributes.text("mode").unwrap_or("constant");
        if mode != "constant" {
            return Err(format!("it pads by '{mode}', expected zeros"));
        }
        let pads = match input(inputs, 1) {
            Some(Known::Constant(constant)) => constant.as_ints().ok_or("its pads are no integers")?,
            Some(_) => return Err("its pads are no constants".into()),
            None => attributes.ints("pads").ok_or("it has no pads")?,
        };
        if input(inputs, 3).is_some() {
            return Err("it pads some axes by number".into());
        }
        let value = match input(inputs, 2) {
            Some(Known::Constant(constant)) => constant.number().ok_or("its value is no number")?,
            Some(_) => return Err("its value is no constant".into()),
            None => attributes.float("value").unwrap_or(0.0),
        };
        let sides = pads.iter().map(|&n| usize::try_from(n).ok().filter(|n| *n < 1 << 20)).collect::<Option<Vec<_>>>();
        // Before each axis, then behind each.
        let Some(&[0, a, b, c, 0, d, e, f]) = sides.as_deref() else {
            return Err(format!("its pads are {:?}, expected those of rows and columns", &pads[..pads.len().min(8)]));
        };
        match ([a, d], [b, e], [c, f]) {
            ([0, 0], [top, bottom], [left, right]) => {
                Ok(Operation::Pad { sides: [top, left, bottom, right], value, axes: [2, 3] })
            }
            ([top, bottom], [left, right], [0, 0]) => {
                Ok(Operation::Pad { sides: [top, left, bottom, right], value, axes: [1, 2] })
            }
            _ => Err("it pads channels".into()),
        }
    }

    /// Channels in another order, or some of them.
    fn sliced(&self, attributes: &Attributes, inputs: Inputs<'_, 'a>) -> Result<Operation, String> {
        let (axis, [start, end, step]) = one_slice(attributes, inputs)?;
        if step == -1 && start == -1 && end < -(1 << 20) {
            return Ok(Operation::Select { axis, which: Which::Reversed, keep: true });
        }
        if (start, step) == (0, 1) && end > 1 << 30 {
            return Ok(Operation::Identity);
        }
        match (start, end, step) {
            (0..=256, 0..=256, 1) => {
                let which = Which::These((start as isize..end.max(start) as isize).collect());
                Ok(Operation::Select { axis, which, keep: true })
            }
            _ => Err("it takes a part of what it reads: only channels may be picked".into()),
        }
    }

    /// A grey image as several channels.
    fn repeated(&self, operation: &str, inputs: Inputs<'_, 'a>) -> Result<Operation, String> {
        let shape = input(inputs, 1).and_then(|known| self.shape_of(known));
        let sides = shape.ok_or("its shape is computed in a way that is not followed")?.sides;
        let rank = sides.len();
        let more: Vec<(usize, i64)> = (sides.iter().enumerate())
            .filter_map(|(at, side)| match side {
                Extent::Int(1 | -1) => None,
                Extent::Int(n) => Some((at, *n)),
                // As long as it was.
                Extent::Of(..) if operation == "Expand" => None,
                _ => Some((at, -1)),
            })
            .collect();
        match (more.as_slice(), operation) {
            ([], _) => Ok(Operation::Identity),
            (&[(at, times @ 1..=256)], "Tile") => {
                Ok(Operation::Repeat { axis: at as isize - rank as isize, times: times as usize, each: false })
            }
            // To fixed sizes, of which only the channels change.
            (more, "Expand") if rank == 4 => match more.iter().find(|(at, _)| *at == 1) {
                Some((_, times @ 1..=256)) => Ok(Operation::Broadcast { axis: 1, to: *times as usize }),
                _ => Ok(Operation::Identity),
            },
            _ => Err("it repeats along other axes than the channels".into()),
        }
    }
}

/// A shape whose sides are all known is a constant.
fn whole<'a>(name: &str, shape: Shape) -> Known<'a> {
    let ints: Option<Vec<i64>> = shape
        .sides
        .iter()
        .map(|side| match side {
            Extent::Int(n) => Some(*n),
            _ => None,
        })
        .collect();
    match ints {
        Some(ints) => {
            let sides = if shape.scalar { Vec::new() } else { vec![ints.len()] };
            Known::Constant(Rc::new(Constant::ints(name, sides, ints)))
        }
        None => Known::Shape(shape),
    }
}

/// The axis, start, end and step of a slice along one axis.
fn one_slice(attributes: &Attributes, inputs: Inputs) -> Result<(isize, [i64; 3]), String> {
    let list = |at: usize, key: &str| match input(inputs, at) {
        Some(Known::Constant(constant)) => constant.as_ints().map(<[i64]>::to_vec),
        Some(_) => None,
        None => attributes.ints(key).map(<[i64]>::to_vec),
    };
    let one = |list: Option<Vec<i64>>| list.filter(|list| list.len() == 1).map(|list| list[0]);
    let (start, end) = one(list(1, "starts"))
        .zip(one(list(2, "ends")))
        .ok_or("it takes a part of several axes, or of unknown size")?;
    let axis = if inputs.len() > 3 || attributes.ints("axes").is_some() { one(list(3, "axes")) } else { Some(0) };
    let step = if input(inputs, 4).is_some() { one(list(4, "")) } else { Some(1) };
    let (axis, step) = axis.zip(step).ok_or("it takes a part of several axes, or in steps of unknown size")?;
    Ok((axis as isize, [start, end, step]))
}

/// Without axes of length 1, or with new ones.
fn resized(shape: &[usize], squeeze: bool, which: Option<&[isize]>) -> Result<Vec<usize>, String> {
    let rank = if squeeze { shape.len() } else { shape.len() + which.map_or(0, <[_]>::len) };
    let at = |axis: &isize| {
        usize::try_from(if *axis < 0 { axis + rank as isize } else { *axis }).ok().filter(|at| *at < rank)
    };
    let places = which.unwrap_or_default().iter().map(at).collect::<Option<Vec<_>>>().ok_or("it names no axis")?;
    if squeeze {
        let gone = |at: usize| match which {
            Some(_) => places.contains(&at),
            None => shape[at] == 1,
        };
        if (0..rank).any(|at| gone(at) && shape[at] != 1) {
            return Err(format!("it drops an axis of {shape:?} whose length is not 1"));
        }
        return Ok((0..rank).filter(|&at| !gone(at)).map(|at| shape[at]).collect());
    }
    let mut old = shape.iter().copied();
    Ok((0..rank).filter_map(|at| if places.contains(&at) { Some(1) } else { old.next() }).collect())
}

/// Between kinds of numbers with fractions, or from whole ones, which changes nothing that matters.
fn cast(to: i64) -> Result<Operation, String> {
    match to {
        1 | 10 | 11 | 16 => Ok(Operation::Identity),
        kind => Err(format!("it makes numbers of type {kind}, without fractions")),
    }
}
