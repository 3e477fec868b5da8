//! What a network itself does to its input, before the stem.

use serde::{Deserialize, Serialize};

use super::shape::InputSize;

/// An affine map of the channels of each pixel: `y[o] = shift[o] + sum over i of weights[o][i] * x[i]`.
///
/// Models that rescale, normalise or reorder channels themselves have one, such as Keras models with a `Rescaling` layer. It
/// cannot become part of the stem's convolution, whose padding stays 0 behind it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputTransform {
    /// A row for each channel that the stem reads, with a number for each channel of the image.
    pub weights: Vec<Vec<f64>>,
    /// One for each channel that the stem reads.
    pub shift: Vec<f64>,
    /// The size to which the network itself resizes or crops its pictures. That is done while a picture is prepared, and an
    /// input of any other size is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<InputSize>,
}

impl InputTransform {
    /// What changes nothing.
    pub fn identity(channels: usize) -> Self {
        let row = |o: usize| (0..channels).map(|i| f64::from(u8::from(i == o))).collect();
        InputTransform { weights: (0..channels).map(row).collect(), shift: vec![0.0; channels], size: None }
    }

    /// Channels of the image.
    pub fn inputs(&self) -> usize {
        self.weights.first().map_or(0, Vec::len)
    }

    /// Channels that the stem reads.
    pub fn outputs(&self) -> usize {
        self.weights.len()
    }

    /// Whether it changes nothing.
    pub fn is_identity(&self) -> bool {
        self.inputs() == self.outputs() && *self == InputTransform::identity(self.outputs())
    }

    /// `self`, then `next`.
    ///
    /// # Panics
    /// Where `next` has another number of inputs than `self` has outputs.
    #[must_use]
    pub fn then(&self, next: &InputTransform) -> InputTransform {
        assert_eq!(next.inputs(), self.outputs());
        let entry = |row: &[f64], i: usize| row.iter().zip(&self.weights).map(|(w, before)| w * before[i]).sum();
        let weights = next.weights.iter().map(|row| (0..self.inputs()).map(|i| entry(row, i)).collect()).collect();
        let shift = |(row, shift): (&Vec<f64>, &f64)| {
            shift + row.iter().zip(&self.shift).map(|(w, before)| w * before).sum::<f64>()
        };
        let shift = next.weights.iter().zip(&next.shift).map(shift).collect();
        InputTransform { weights, shift, size: next.size.or(self.size) }
    }

    /// Images in planar NCHW order, `pixels` a plane, as the stem reads them. Sums are in f64, rounded once.
    pub fn apply(&self, images: &[f32], pixels: usize) -> Vec<f32> {
        let mut result = Vec::with_capacity(images.len() / self.inputs().max(1) * self.outputs());
        for image in images.chunks_exact(self.inputs() * pixels) {
            for (row, shift) in self.weights.iter().zip(&self.shift) {
                result.extend((0..pixels).map(|p| {
                    let terms = row.iter().enumerate().filter(|(_, w)| **w != 0.0);
                    terms.fold(*shift, |sum, (i, w)| sum + w * f64::from(image[i * pixels + p])) as f32
                }));
            }
        }
        result
    }
}

impl std::fmt::Display for InputTransform {
    /// As people read it: `x * 0.5 - 1`, channel by channel.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (row, shift)) in self.weights.iter().zip(&self.shift).enumerate() {
            let mut terms: Vec<String> = (row.iter().enumerate())
                .filter(|(_, weight)| **weight != 0.0)
                .map(|(i, weight)| format!("{weight:.7} * x{i}"))
                .collect();
            if *shift != 0.0 || terms.is_empty() {
                terms.push(format!("{shift:.7}"));
            }
            write!(f, "{}{}", if at > 0 { "; " } else { "" }, terms.join(" + ").replace("+ -", "- "))?;
        }
        self.size.map_or(Ok(()), |size| write!(f, "; of {size} pixels"))
    }
}
