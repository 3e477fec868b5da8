//! The tensors of a network by their canonical names: those of the file, or what its operations come to.

use std::borrow::Cow;

use super::super::source::{Entry, Number};
use super::blocks::Module;
use super::head::{Layer, Linear, Step};
use super::maps::Trunk;
use super::node::{BatchNorm, TensorId};
use super::norm::Norm;
use super::numbers::wide;

/// A file may name one tensor many times, as exporters do that merge equal ones; weights are large and hardly ever equal.
const MOST: u64 = 64 << 20;

/// Of norms that are made here.
pub(super) const EPS: f64 = 1e-5;

enum Planned {
    /// A tensor of the file, in this shape.
    Tensor(TensorId, Vec<usize>),
    Computed(Entry<'static>),
}

/// Collects tensors.
pub(super) struct Emitter<'t, 'a> {
    tensors: &'t [Entry<'a>],
    planned: Vec<(String, Planned)>,
    /// The epsilon of the network's norms.
    eps: f64,
    /// Bytes that may still be made.
    left: u64,
}

/// What was collected.
pub(super) struct Plan(Vec<(String, Planned)>);

impl<'t, 'a> Emitter<'t, 'a> {
    pub(super) fn new(tensors: &'t [Entry<'a>], eps: f64) -> Self {
        let bytes: u64 = tensors.iter().map(|tensor| tensor.bytes.len() as u64).sum();
        Emitter { tensors, planned: Vec::new(), eps, left: 4 * bytes + MOST }
    }

    pub(super) fn plan(self) -> Plan {
        Plan(self.planned)
    }

    fn spend(&mut self, elements: usize) -> Result<(), String> {
        self.left = (self.left.checked_sub(4 * elements as u64))
            .ok_or("its graph uses the same tensors over and over: far more weights than the file has")?;
        Ok(())
    }

    fn tensor(&mut self, name: String, tensor: TensorId) -> Result<(), String> {
        let shape = self.tensors[tensor].shape.clone();
        self.reshaped(name, tensor, shape)
    }

    fn reshaped(&mut self, name: String, tensor: TensorId, shape: Vec<usize>) -> Result<(), String> {
        self.spend(self.tensors[tensor].bytes.len() / 2)?;
        self.planned.push((name, Planned::Tensor(tensor, shape)));
        Ok(())
    }

    fn computed(&mut self, name: String, shape: Vec<usize>, numbers: impl Iterator<Item = f64>) -> Result<(), String> {
        self.spend(shape.iter().product())?;
        let bytes = numbers.flat_map(|x| (x as f32).to_le_bytes()).collect();
        let entry = Entry { name: name.clone(), shape, number: Number::F32, bytes: Cow::Owned(bytes) };
        self.planned.push((name, Planned::Computed(entry)));
        Ok(())
    }

    /// A vector of the file, if there is one.
    fn numbers(&self, tensor: Option<TensorId>, count: usize, default: f64) -> Result<Vec<f64>, String> {
        match tensor {
            Some(tensor) => wide(&self.tensors[tensor], count),
            None => Ok(vec![default; count]),
        }
    }

    /// A module of the network up to its head.
    pub(super) fn trunk(&mut self, name: &str, module: Module, trunk: &Trunk) -> Result<(), String> {
        match module {
            Module::Convolution(at) => {
                let convolution = &trunk.kernels[at].convolution;
                self.tensor(format!("{name}.weight"), convolution.weight)?;
                // Exporters write zeros for none.
                match convolution.bias.filter(|bias| self.tensors[*bias].bytes.iter().any(|byte| *byte != 0)) {
                    Some(bias) => self.tensor(format!("{name}.bias"), bias),
                    None => Ok(()),
                }
            }
            Module::Norm(at) => self.norm(name, trunk.norms.get(at)),
        }
    }

    fn norm(&mut self, name: &str, norm: &Norm) -> Result<(), String> {
        let channels = norm.channels;
        match (&norm.given, &norm.scale, &norm.shift) {
            (Some(given), None, None) => self.given(name, given, channels, None),
            (given, scale, shift) => {
                let scale = |i: usize| scale.as_ref().map_or(1.0, |scale| scale[i]);
                let shift = |i: usize| shift.as_ref().map_or(0.0, |shift| shift[i]);
                match given {
                    Some(given) => {
                        let weight = self.numbers(given.weight, channels, 1.0)?;
                        let bias = self.numbers(given.bias, channels, 0.0)?;
                        let weight = (0..channels).map(|i| weight[i] * scale(i)).collect::<Vec<_>>();
                        let bias = (0..channels).map(|i| bias[i] * scale(i) + shift(i)).collect::<Vec<_>>();
                        self.computed(format!("{name}.weight"), vec![channels], weight.into_iter())?;
                        self.computed(format!("{name}.bias"), vec![channels], bias.into_iter())?;
                        self.tensor(format!("{name}.running_mean"), given.mean)?;
                        self.tensor(format!("{name}.running_var"), given.variance)
                    }
                    None => self.affine(name, channels, self.eps, scale, shift),
                }
            }
        }
    }

    /// A batch norm of the file, whose elements are in the order that `from` gives.
    fn given(&mut self, name: &str, norm: &BatchNorm, channels: usize, from: Option<[usize; 3]>) -> Result<(), String> {
        let parts = [
            ("weight", norm.weight, 1.0),
            ("bias", norm.bias, 0.0),
            ("running_mean", Some(norm.mean), 0.0),
            ("running_var", Some(norm.variance), 1.0),
        ];
        for (part, tensor, default) in parts {
            let part = format!("{name}.{part}");
            match (tensor, from) {
                (Some(tensor), None) => self.tensor(part, tensor)?,
                (None, _) => self.computed(part, vec![channels], std::iter::repeat_n(default, channels))?,
                (Some(tensor), Some(flat)) => {
                    let numbers = wide(&self.tensors[tensor], channels)?;
                    self.computed(part, vec![channels], (0..channels).map(|i| numbers[place(i, flat)]))?;
                }
            }
        }
        Ok(())
    }

    /// `x * scale + shift` as a batch norm.
    fn affine(
        &mut self,
        name: &str,
        channels: usize,
        eps: f64,
        scale: impl Fn(usize) -> f64,
        shift: impl Fn(usize) -> f64,
    ) -> Result<(), String> {
        let variance = (1.0 - eps) as f32;
        // 1, but for the rounding of the variance.
        let deviation = (f64::from(variance) + eps).sqrt();
        let shape = || vec![channels];
        self.computed(format!("{name}.weight"), shape(), (0..channels).map(|i| scale(i) * deviation))?;
        self.computed(format!("{name}.bias"), shape(), (0..channels).map(shift))?;
        self.computed(format!("{name}.running_mean"), shape(), std::iter::repeat_n(0.0, channels))?;
        self.computed(format!("{name}.running_var"), shape(), std::iter::repeat_n(f64::from(variance), channels))
    }

    /// A layer of the head, which reads what `before` yields.
    pub(super) fn step(&mut self, name: &str, step: &Step, before: &Step) -> Result<(), String> {
        match &step.layer {
            Layer::Pooled | Layer::Plain(_) => Ok(()),
            Layer::Linear(linear) => self.linear(name, linear, step.width, before),
            Layer::Norm(norm) => self.given(name, norm, step.width, step.flat),
            Layer::Affine { scale, shift } => {
                let from = |i: usize| step.flat.map_or(i, |flat| place(i, flat));
                self.affine(name, step.width, EPS, |i| scale[from(i)], |i| shift[from(i)])
            }
        }
    }

    fn linear(&mut self, name: &str, linear: &Linear, outputs: usize, before: &Step) -> Result<(), String> {
        let inputs = before.width;
        let weight = format!("{name}.weight");
        let shape = vec![outputs, inputs];
        if !linear.transposed && linear.scale.is_none() && before.flat.is_none() {
            self.reshaped(weight, linear.weight, shape)?;
        } else {
            self.spend(outputs.saturating_mul(inputs).saturating_mul(3))?;
            let numbers = wide(&self.tensors[linear.weight], outputs.saturating_mul(inputs))?;
            let scale = |o: usize| linear.scale.as_ref().map_or(1.0, |scale| scale[o]);
            let from = |i: usize| before.flat.map_or(i, |flat| place(i, flat));
            let at = |o: usize, i: usize| if linear.transposed { i * outputs + o } else { o * inputs + i };
            let all = (0..outputs).flat_map(|o| (0..inputs).map(move |i| (o, i)));
            self.computed(weight, shape, all.map(|(o, i)| numbers[at(o, from(i))] * scale(o)))?;
        }
        let bias = format!("{name}.bias");
        match (linear.bias, &linear.scale, &linear.shift) {
            (Some(tensor), None, None) => self.reshaped(bias, tensor, vec![outputs]),
            (tensor, scale, shift) => {
                let numbers = self.numbers(tensor, outputs, 0.0)?;
                let scale = |o: usize| scale.as_ref().map_or(1.0, |scale| scale[o]);
                let shift = |o: usize| shift.as_ref().map_or(0.0, |shift| shift[o]);
                self.computed(bias, vec![outputs], (0..outputs).map(|o| numbers[o] * scale(o) + shift(o)))
            }
        }
    }

    /// A linear layer that changes nothing but the order of a flattened map, for an output that has none.
    pub(super) fn identity(&mut self, name: &str, before: &Step) -> Result<(), String> {
        let n = before.width;
        let from = |o: usize| before.flat.map_or(o, |flat| unplace(o, flat));
        let all = (0..n).flat_map(|o| (0..n).map(move |i| (o, i)));
        self.computed(format!("{name}.weight"), vec![n, n], all.map(|(o, i)| f64::from(u8::from(i == from(o)))))?;
        self.computed(format!("{name}.bias"), vec![n], std::iter::repeat_n(0.0, n))
    }
}

/// Where the file has an element: rows, columns, channels there; channels, rows, columns here.
fn place(here: usize, [rows, columns, channels]: [usize; 3]) -> usize {
    let pixels = rows * columns;
    here % pixels * channels + here / pixels
}

/// The reverse.
fn unplace(there: usize, [rows, columns, channels]: [usize; 3]) -> usize {
    there % channels * rows * columns + there / channels
}

impl Plan {
    /// The tensors with their canonical names, and which of the file's are among them. Those are moved where that is possible.
    pub(super) fn entries(self, tensors: Vec<Entry<'_>>) -> (Vec<Entry<'_>>, Vec<Option<String>>, Vec<bool>) {
        let mut uses = vec![0usize; tensors.len()];
        for (_, planned) in &self.0 {
            if let Planned::Tensor(tensor, _) = planned {
                uses[*tensor] += 1;
            }
        }
        let used = uses.iter().map(|uses| *uses > 0).collect();
        let mut tensors: Vec<Option<Entry>> = tensors.into_iter().map(Some).collect();
        let (mut entries, mut canonical) = (Vec::new(), Vec::new());
        for (name, planned) in self.0 {
            let entry = match planned {
                Planned::Computed(entry) => entry,
                Planned::Tensor(tensor, shape) => {
                    uses[tensor] -= 1;
                    let taken = match uses[tensor] {
                        0 => tensors[tensor].take(),
                        _ => tensors[tensor].as_ref().map(|entry| Entry {
                            name: entry.name.clone(),
                            shape: Vec::new(),
                            number: entry.number.clone(),
                            bytes: entry.bytes.clone(),
                        }),
                    };
                    let Some(entry) = taken else { continue };
                    Entry { shape, ..entry }
                }
            };
            entries.push(entry);
            canonical.push(Some(name));
        }
        (entries, canonical, used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_a_flattened_map_are_found_both_ways() {
        let flat = [2, 3, 5];
        for here in 0..30 {
            assert_eq!(unplace(place(here, flat), flat), here);
        }
        // Channel 1, row 1, column 2.
        assert_eq!(place(6 + 3 + 2, flat), (3 + 2) * 5 + 1);
    }
}
