//! Packed arrays.

use std::borrow::Cow;

use half::f16;

use super::recipe::{ArrayKind, Recipe, Shapes};
use crate::error::{Error, Result};
use crate::kernels::buffer::BufferPacking;
use crate::kernels::shared::HeadPacking;
use crate::kernels::texture::TexturePacking;
use crate::precision::Precision;
use crate::weights::Weights;

/// One array of a dispatch.
#[derive(Clone, Debug, PartialEq)]
pub struct PackedWeight {
    /// For people and labels: the step, and what the array is to it.
    pub label: String,
    /// How its numbers are stored.
    pub precision: Precision,
    /// How it is made.
    pub packing: Packing,
}

/// How parameters are laid out for a kernel.
#[derive(Clone, Debug, PartialEq)]
pub enum Packing {
    /// For the buffer family.
    Buffer(BufferPacking),
    /// For the texture family.
    Texture(TexturePacking),
    /// For the head, in both families.
    Head(HeadPacking),
}

impl PackedWeight {
    /// Makes the array, rounded to f16 if it is stored so.
    ///
    /// # Errors
    /// [`Error::Weights`] for a missing parameter, or a number too large for f16.
    pub fn pack(&self, weights: &Weights) -> Result<Vec<f32>> {
        let mut values = self.packing.recipe().values(weights)?;
        if self.precision == Precision::F16 {
            for value in &mut values {
                *value = self.rounded(*value)?;
            }
        }
        Ok(values)
    }

    fn rounded(&self, value: f32) -> Result<f32> {
        let rounded = f16::from_f32(value).to_f32();
        if !rounded.is_finite() {
            let label = &self.label;
            return Err(Error::Weights(format!("{label} holds {value}, and f16 ends at {}: use f32", f16::MAX)));
        }
        Ok(rounded)
    }

    /// Bytes of so many elements on the device.
    pub fn bytes(&self, elements: usize) -> u64 {
        elements as u64
            * match self.precision {
                Precision::F32 => 4,
                Precision::F16 => 2,
            }
    }

    /// What [`PackedWeight::pack`] made, as the device stores it.
    pub fn encode<'a>(&self, values: &'a [f32]) -> Cow<'a, [u8]> {
        match self.precision {
            Precision::F32 => Cow::Borrowed(bytemuck::cast_slice(values)),
            Precision::F16 => values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect(),
        }
    }
}

impl Packing {
    fn recipe(&self) -> &dyn Recipe {
        match self {
            Packing::Buffer(packing) => packing,
            Packing::Texture(packing) => packing,
            Packing::Head(packing) => packing,
        }
    }

    /// What holds the array on the device.
    pub fn kind(&self) -> ArrayKind {
        self.recipe().kind()
    }

    /// Elements of the array, for parameters of these shapes.
    pub(in crate::kernels) fn elements(&self, shapes: &Shapes) -> Result<usize> {
        self.recipe().elements(shapes)
    }

    /// Whether the array may be stored as f16.
    pub(in crate::kernels) fn may_be_f16(&self) -> bool {
        self.recipe().may_be_f16()
    }
}
