//! From logits to scores.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The function that turns logits into scores, on the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Activation {
    /// Mutually exclusive classes.
    #[default]
    Softmax,
    /// Independent labels, such as the findings in a chest X-ray.
    Sigmoid,
    /// The logits themselves.
    None,
}

impl Activation {
    /// Scores of one image, from its logits. Softmax subtracts the largest logit first, so that nothing overflows.
    pub fn scores(self, logits: &[f32]) -> Vec<f32> {
        match self {
            Activation::None => logits.to_vec(),
            Activation::Sigmoid => logits.iter().map(|&x| 1.0 / (1.0 + (-x).exp())).collect(),
            Activation::Softmax => {
                let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let exponentials: Vec<f32> = logits.iter().map(|&x| (x - top).exp()).collect();
                let sum: f32 = exponentials.iter().sum();
                exponentials.iter().map(|e| e / sum).collect()
            }
        }
    }
}

impl std::str::FromStr for Activation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "softmax" => Ok(Activation::Softmax),
            "sigmoid" => Ok(Activation::Sigmoid),
            "none" => Ok(Activation::None),
            _ => Err(Error::Input(format!("'{text}' is not an activation: write softmax, sigmoid or none"))),
        }
    }
}
