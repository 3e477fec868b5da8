//! Functions of single numbers, and which layer of a head each is.
//!
//! Exporters write an activation as one operation or as many: GELU may be `x / 2 * (1 + erf(x / sqrt(2)))` in any order.
//! What a chain of operations computes is therefore followed on sample points, and compared with the activations that there
//! are.

use std::rc::Rc;

use crate::architecture::HeadLayer;

/// A function of each element.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::weights) enum Function {
    Relu,
    LeakyRelu(f64),
    Gelu,
    GeluTanh,
    Silu,
    Tanh,
    Sigmoid,
    Erf,
    Erfc,
    Exp,
    Log,
    Sqrt,
    Neg,
    Abs,
    Reciprocal,
    /// Between two bounds.
    Clip(f64, f64),
    /// `max(0, min(1, slope * x + offset))`.
    HardSigmoid(f64, f64),
    Elu(f64),
    Softplus,
}

/// An operation on two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::weights) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Maximum,
    Minimum,
}

impl Function {
    pub(in crate::weights) fn at(&self, x: f64) -> f64 {
        match *self {
            Function::Relu => x.max(0.0),
            Function::LeakyRelu(slope) => x.max(0.0) + slope * x.min(0.0),
            Function::Gelu => x / 2.0 * (1.0 + erf(x / 2f64.sqrt())),
            Function::GeluTanh => {
                x / 2.0 * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3))).tanh())
            }
            Function::Silu => x / (1.0 + (-x).exp()),
            Function::Tanh => x.tanh(),
            Function::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Function::Erf => erf(x),
            Function::Erfc => 1.0 - erf(x),
            Function::Exp => x.exp(),
            Function::Log => x.ln(),
            Function::Sqrt => x.sqrt(),
            Function::Neg => -x,
            Function::Abs => x.abs(),
            Function::Reciprocal => 1.0 / x,
            Function::Clip(low, high) => x.max(low).min(high),
            Function::HardSigmoid(slope, offset) => (slope * x + offset).clamp(0.0, 1.0),
            Function::Elu(alpha) => x.max(0.0) + alpha * (x.min(0.0).exp() - 1.0),
            Function::Softplus => x.max(0.0) + (-x.abs()).exp().ln_1p(),
        }
    }
}

impl Function {
    fn word(&self) -> &'static str {
        match self {
            Function::Relu => "relu",
            Function::LeakyRelu(_) => "leaky_relu",
            Function::Gelu => "gelu",
            Function::GeluTanh => "gelu_tanh",
            Function::Silu => "silu",
            Function::Tanh => "tanh",
            Function::Sigmoid => "sigmoid",
            Function::Erf => "erf",
            Function::Erfc => "erfc",
            Function::Exp => "exp",
            Function::Log => "log",
            Function::Sqrt => "sqrt",
            Function::Neg => "neg",
            Function::Abs => "abs",
            Function::Reciprocal => "reciprocal",
            Function::Clip(..) => "clip",
            Function::HardSigmoid(..) => "hard_sigmoid",
            Function::Elu(_) => "elu",
            Function::Softplus => "softplus",
        }
    }
}

impl Operator {
    pub(in crate::weights) fn apply(self, a: f64, b: f64) -> f64 {
        match self {
            Operator::Add => a + b,
            Operator::Subtract => a - b,
            Operator::Multiply => a * b,
            Operator::Divide => a / b,
            Operator::Power => a.powf(b),
            Operator::Maximum => a.max(b),
            Operator::Minimum => a.min(b),
        }
    }

    /// `a * x + b`, where the operation with a constant is that.
    pub(super) fn affine(self, constant: f64, first: bool) -> Option<(f64, f64)> {
        match (self, first) {
            (Operator::Add, _) => Some((1.0, constant)),
            (Operator::Subtract, false) => Some((1.0, -constant)),
            (Operator::Subtract, true) => Some((-1.0, constant)),
            (Operator::Multiply, _) => Some((constant, 0.0)),
            (Operator::Divide, false) => Some((1.0 / constant, 0.0)),
            _ => None,
        }
    }
}

/// Where functions are followed: around 0, where activations differ, and far out, where bounds show.
const SAMPLES: [f64; 35] = [
    0.0, 0.1, 0.25, 0.4, 0.5, 0.7, 1.0, 1.3, 1.5, 1.7, 2.0, 2.2, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.5, 20.0, 1e3, 1e6,
    -0.1, -0.3, -0.5, -0.8, -1.0, -1.4, -2.0, -2.5, -3.0, -4.0, -6.0, -20.0, -1e6,
];
const ONE: usize = 6;
const MINUS_ONE: usize = 26;

/// A function by its values at [`SAMPLES`], and what it is called where it is one operation.
#[derive(Clone, Debug)]
pub(super) struct Sampled(Rc<[f64]>, Option<&'static str>);

/// What a sampled function is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Recognised {
    Identity,
    /// `a * x + b`.
    Affine(f64, f64),
    Layer(HeadLayer),
    Unknown,
}

impl Sampled {
    pub(super) fn identity() -> Self {
        Sampled(SAMPLES.into(), Some(""))
    }

    pub(super) fn then(&self, function: &Function) -> Self {
        let word = self.1.filter(|word| word.is_empty()).map(|_| function.word());
        Sampled(self.0.iter().map(|x| function.at(*x)).collect(), word)
    }

    pub(super) fn with_constant(&self, operator: Operator, constant: f64, first: bool) -> Self {
        let apply = |x: &f64| if first { operator.apply(constant, *x) } else { operator.apply(*x, constant) };
        Sampled(self.0.iter().map(apply).collect(), None)
    }

    pub(super) fn with(&self, operator: Operator, other: &Sampled) -> Self {
        Sampled(self.0.iter().zip(&*other.0).map(|(a, b)| operator.apply(*a, *b)).collect(), None)
    }

    /// What to call it.
    pub(super) fn named(&self) -> String {
        match self.1 {
            Some(word) if !word.is_empty() => format!("'{word}'"),
            _ => "the function that several operations make up here".into(),
        }
    }

    /// `half`: the constants were rounded to half precision.
    pub(super) fn recognise(&self, half: bool) -> Recognised {
        let offset = self.0[0];
        let slope = self.0[ONE] - offset;
        let leak = -self.0[MINUS_ONE];
        let is = |function: &dyn Fn(f64) -> f64| {
            // GELU and its approximation are up to 4e-4 apart.
            let tolerance = if half { 1e-4 } else { 1e-6 };
            SAMPLES.iter().zip(&*self.0).all(|(x, found)| {
                let expected = function(*x);
                (found - expected).abs() <= tolerance * (1.0 + expected.abs().min(10.0))
            })
        };
        if is(&|x| x) {
            return Recognised::Identity;
        }
        // As far as a head may have it.
        let leak = if (0.0..=1.0).contains(&leak) { leak } else { 0.0 };
        let leaky = HeadLayer::LeakyRelu { slope: leak };
        let layers = [
            (Function::Relu, HeadLayer::Relu),
            (Function::Gelu, HeadLayer::Gelu),
            (Function::GeluTanh, HeadLayer::GeluTanh),
            (Function::Silu, HeadLayer::Silu),
            (Function::Tanh, HeadLayer::Tanh),
            (Function::Sigmoid, HeadLayer::Sigmoid),
            (Function::LeakyRelu(leak), leaky),
        ];
        if let Some((_, layer)) = layers.iter().find(|(function, _)| is(&|x| function.at(x))) {
            return Recognised::Layer(*layer);
        }
        if slope.is_finite() && offset.is_finite() && is_line(&self.0, slope, offset) {
            return Recognised::Affine(slope, offset);
        }
        Recognised::Unknown
    }
}

fn is_line(values: &[f64], slope: f64, offset: f64) -> bool {
    let near = |(x, y): (&f64, &f64)| {
        let expected = slope * x + offset;
        (y - expected).abs() <= 1e-9 * (expected.abs() + slope.abs() + offset.abs())
    };
    SAMPLES.iter().zip(values).all(near)
}

/// Abramowitz and Stegun 7.1.26: within 1.5e-7, enough to recognise what is built on it.
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.3275911 * x.abs());
    let sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    (1.0 - sum * (-x * x).exp()).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn x() -> Sampled {
        Sampled::identity()
    }

    #[test]
    fn activations_are_recognised_however_they_are_written() {
        let half = |s: &Sampled| s.with_constant(Operator::Multiply, 0.5, true);
        let root = f64::from(2f32.sqrt());
        let erf = x().with_constant(Operator::Divide, root, false).then(&Function::Erf);
        let gelu = half(&x().with(Operator::Multiply, &erf.with_constant(Operator::Add, 1.0, false)));
        // TensorFlow's.
        let erfc = x().then(&Function::Neg).with_constant(Operator::Multiply, 1.0 / root, false).then(&Function::Erfc);
        let cube = x().with(Operator::Multiply, &x()).with(Operator::Multiply, &x());
        let inner = x().with(Operator::Add, &cube.with_constant(Operator::Multiply, f64::from(0.044715f32), false));
        let tanh = inner.with_constant(Operator::Multiply, f64::from(0.797_884_6_f32), false).then(&Function::Tanh);
        let approximate = half(&x()).with(Operator::Multiply, &tanh.with_constant(Operator::Add, 1.0, true));
        for (sampled, layer) in [
            (gelu, HeadLayer::Gelu),
            (half(&x()).with(Operator::Multiply, &erfc), HeadLayer::Gelu),
            (approximate, HeadLayer::GeluTanh),
            (x().with(Operator::Multiply, &x().then(&Function::Sigmoid)), HeadLayer::Silu),
            (x().with_constant(Operator::Maximum, 0.0, false), HeadLayer::Relu),
            (x().then(&Function::Clip(0.0, f64::INFINITY)), HeadLayer::Relu),
            (x().then(&Function::LeakyRelu(0.2)), HeadLayer::LeakyRelu { slope: 0.2 }),
            (
                x().with(Operator::Maximum, &x().with_constant(Operator::Multiply, 0.3, false)),
                HeadLayer::LeakyRelu { slope: 0.3 },
            ),
            (x().then(&Function::Sigmoid), HeadLayer::Sigmoid),
            (x().then(&Function::Tanh), HeadLayer::Tanh),
        ] {
            assert_eq!(sampled.recognise(false), Recognised::Layer(layer));
            assert_eq!(sampled.recognise(true), Recognised::Layer(layer));
        }
    }

    #[test]
    fn lines_are_lines_and_everything_else_is_unknown() {
        let line = x().with_constant(Operator::Multiply, 0.25, false).with_constant(Operator::Subtract, 3.0, true);
        assert_eq!(line.recognise(false), Recognised::Affine(-0.25, 3.0));
        assert_eq!(x().with_constant(Operator::Add, 0.0, false).recognise(false), Recognised::Identity);
        let quick =
            x().with(Operator::Multiply, &x().with_constant(Operator::Multiply, 1.702, false).then(&Function::Sigmoid));
        for sampled in [
            quick,
            x().then(&Function::Clip(0.0, 6.0)),
            x().then(&Function::Elu(1.0)),
            x().then(&Function::Softplus),
            x().then(&Function::HardSigmoid(0.2, 0.5)),
            x().then(&Function::Abs),
            x().then(&Function::Log),
            x().with_constant(Operator::Divide, 0.0, false),
            x().with_constant(Operator::Power, 2.0, false),
        ] {
            assert_eq!(sampled.recognise(true), Recognised::Unknown, "{sampled:?}");
        }
    }
}
