//! A tensor, and the shapes of many by name.

/// A tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// OIHW for convolutions, `[out, in]` for the classifier, `[channels]` for batch norms.
    pub shape: Vec<usize>,
    /// The elements, last axis fastest.
    pub data: Vec<f32>,
}

/// Shapes by canonical name.
#[cfg(feature = "files")]
pub(super) type Shapes<'a> = std::collections::BTreeMap<&'a str, &'a [usize]>;
