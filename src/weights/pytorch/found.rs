//! A tensor that was found in a file, whoever found it.

use pytorch_reader::{DType, Tensor};

use super::super::source::Number;

/// Its bytes are not read yet.
pub(super) struct Found<'a> {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    pub(super) number: Number,
    pub(super) byte_len: usize,
    /// The elements, little-endian and row by row.
    pub(super) read: Box<dyn Fn() -> Result<Vec<u8>, String> + Send + Sync + 'a>,
}

impl From<Tensor> for Found<'static> {
    fn from(tensor: Tensor) -> Self {
        Found {
            name: tensor.name.clone(),
            shape: tensor.shape().to_vec(),
            number: match tensor.dtype() {
                DType::F32 => Number::F32,
                DType::F64 => Number::F64,
                DType::F16 => Number::F16,
                DType::BF16 => Number::BF16,
                other => Number::Other(format!("{other:?}")),
            },
            byte_len: tensor.byte_len(),
            read: Box::new(move || tensor.read().map_err(|e| e.to_string())),
        }
    }
}
