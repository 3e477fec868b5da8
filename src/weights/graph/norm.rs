//! The batch norms of a graph, whole or as what exporters make of them.

use std::rc::Rc;

use super::node::{BatchNorm, NodeId};

/// All scales and shifts together: a hundred times those of DenseNet-264.
const MAX_NUMBERS: usize = 8 << 20;

/// `(given(x)) * scale + shift`.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub(super) node: NodeId,
    pub(super) channels: usize,
    /// With running statistics; none where the scale and the shift are all that is left of it.
    pub(super) given: Option<Rc<BatchNorm>>,
    pub(super) scale: Option<Rc<[f64]>>,
    pub(super) shift: Option<Rc<[f64]>>,
}

impl Norm {
    pub(super) fn given(node: NodeId, channels: usize, norm: &BatchNorm) -> Self {
        Norm { node, channels, given: Some(Rc::new(norm.clone())), scale: None, shift: None }
    }

    pub(super) fn affine(node: NodeId, scale: Vec<f64>, shift: Vec<f64>) -> Self {
        Norm { node, channels: scale.len(), given: None, scale: Some(scale.into()), shift: Some(shift.into()) }
    }
}

/// Those of a network, by number.
#[derive(Default)]
pub(super) struct Norms {
    all: Vec<Norm>,
    numbers: usize,
    eps: Option<f64>,
}

impl Norms {
    pub(super) fn get(&self, at: usize) -> &Norm {
        &self.all[at]
    }

    /// The epsilon that all of them have.
    pub(super) fn eps(&self) -> Option<f64> {
        self.eps
    }

    pub(super) fn add(&mut self, norm: Norm) -> Result<usize, String> {
        if let Some(given) = &norm.given {
            match self.eps {
                None => self.eps = Some(given.eps),
                Some(other) if other != given.eps => {
                    return Err(format!(
                        "its epsilon is {:e}, others have {other:e}: one for all batch norms is expected",
                        given.eps
                    ));
                }
                Some(_) => {}
            }
        }
        let length = |numbers: &Option<Rc<[f64]>>| numbers.as_ref().map_or(0, |numbers| numbers.len());
        self.spend(length(&norm.scale) + length(&norm.shift))?;
        self.all.push(norm);
        Ok(self.all.len() - 1)
    }

    /// Counts numbers that are kept.
    pub(super) fn spend(&mut self, numbers: usize) -> Result<(), String> {
        self.numbers += numbers;
        if self.numbers > MAX_NUMBERS { Err("it scales more channels than any DenseNet has".into()) } else { Ok(()) }
    }

    /// The norm `at`, then another scale and shift.
    pub(super) fn then(&mut self, at: usize, scale: &[f64], shift: &[f64]) -> Result<usize, String> {
        let before = self.all[at].clone();
        let number = |numbers: &Option<Rc<[f64]>>, i: usize, default| numbers.as_ref().map_or(default, |n| n[i]);
        let new_scale = scale.iter().enumerate().map(|(i, s)| number(&before.scale, i, 1.0) * s).collect();
        let new_shift =
            (scale.iter().zip(shift).enumerate()).map(|(i, (s, t))| number(&before.shift, i, 0.0) * s + t).collect();
        self.add(Norm { scale: Some(new_scale), shift: Some(new_shift), ..before })
    }
}
