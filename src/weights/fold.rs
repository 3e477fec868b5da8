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
