//! At inference a batch norm is an affine map of each channel. After a convolution it becomes part of the convolution.

use super::network::Weights;
use super::tensor::Tensor;
use crate::error::Result;

/// `y = x * scale + shift`, per channel.
pub(crate) struct Affine {
    pub(crate) scale: Vec<f32>,
    pub(crate) shift: Vec<f32>,
}

impl Weights {
    /// The batch norm `norm_name` (such as `features.norm0`) at inference: `scale = weight / sqrt(var + eps)`,
    /// `shift = bias - mean * scale`, computed in `f64`.
    ///
    /// # Errors
    /// [`crate::Error::Weights`] where there is no such norm.
    pub(crate) fn affine(&self, norm_name: &str) -> Result<Affine> {
        let (scale, shift) = self.affine_f64(norm_name)?;
        let rounded = |values: Vec<f64>| values.into_iter().map(|x| x as f32).collect();
        Ok(Affine { scale: rounded(scale), shift: rounded(shift) })
    }

    /// [`Weights::affine`] before rounding: scale and shift.
    ///
    /// # Errors
    /// [`crate::Error::Weights`] where there is no such norm.
    pub(crate) fn affine_f64(&self, norm_name: &str) -> Result<(Vec<f64>, Vec<f64>)> {
        let part = |part: &str| self.tensor(&format!("{norm_name}.{part}")).map(|tensor| &tensor.data);
        let (weight, bias) = (part("weight")?, part("bias")?);
        let (mean, variance) = (part("running_mean")?, part("running_var")?);
        let eps = self.architecture.norm_eps(norm_name);
        let values = (0..weight.len()).map(|c| {
            let scale = f64::from(weight[c]) / (f64::from(variance[c]) + eps).sqrt();
            (scale, f64::from(bias[c]) - f64::from(mean[c]) * scale)
        });
        Ok(values.unzip())
    }
}

/// A bias-free convolution `[out, ..]` followed by the norm `affine` becomes a convolution with a bias:
/// `scale * (w x) + shift = (scale * w) x + shift`.
pub(crate) fn fold_into(conv: &Tensor, affine: &Affine) -> (Vec<f32>, Vec<f32>) {
    let row = conv.data.len() / affine.scale.len();
    let rows = conv.data.chunks_exact(row).zip(&affine.scale);
    // The product of two f32 is exact in f64 and rounded once, which is what an f32 multiplication does.
    (rows.flat_map(|(row, scale)| row.iter().map(move |w| w * scale)).collect(), affine.shift.clone())
}

/// Batch norms of a vector of so many channels, one after the other: scale and shift, in f64.
///
/// # Errors
/// [`crate::Error::Weights`] where there is no such norm.
pub(crate) fn chain(weights: &Weights, norms: &[String], channels: usize) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut scale, mut shift) = (vec![1.0; channels], vec![0.0; channels]);
    for norm in norms {
        let (further, added) = weights.affine_f64(norm)?;
        for c in 0..channels {
            scale[c] *= further[c];
            shift[c] = shift[c] * further[c] + added[c];
        }
    }
    Ok((scale, shift))
}

/// A fully connected layer with the batch norms before and behind it folded in: weight `[out, in]` and bias, each computed in
/// f64 and rounded once.
///
/// # Errors
/// [`crate::Error::Weights`] where a parameter is missing.
pub(crate) fn fold_linear(
    weights: &Weights,
    weight: &str,
    bias: &str,
    before: &[String],
    behind: &[String],
) -> Result<(Vec<f32>, Vec<f32>)> {
    let (tensor, bias) = (weights.tensor(weight)?, &weights.tensor(bias)?.data);
    let (outputs, channels) = (tensor.shape[0], tensor.shape[1]);
    let (before_scale, before_shift) = chain(weights, before, channels)?;
    let (behind_scale, behind_shift) = chain(weights, behind, outputs)?;
    let mut values = Vec::with_capacity(tensor.data.len());
    let mut sums = Vec::with_capacity(outputs);
    for (o, row) in tensor.data.chunks_exact(channels).enumerate() {
        values.extend(row.iter().zip(&before_scale).map(|(w, scale)| (behind_scale[o] * f64::from(*w) * scale) as f32));
        let passed: f64 = row.iter().zip(&before_shift).map(|(w, shift)| f64::from(*w) * shift).sum();
        sums.push((behind_scale[o] * (f64::from(bias[o]) + passed) + behind_shift[o]) as f32);
    }
    Ok((values, sums))
}
