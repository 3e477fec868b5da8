//! The number format of stored weights.

use std::fmt;

use crate::error::{Error, Result};

/// How weights are stored, in a file or on a device. The arithmetic is f32 either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Precision {
    /// As they are.
    #[default]
    F32,
    /// Half the memory. The weights of convolutions and of the classifier are rounded to 11 bits; norms and biases are not.
    /// Results differ in the fourth digit (docs/performance.md). On a device, only the `buffer` kernels can read it.
    F16,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::F16 => "f16",
        })
    }
}

impl std::str::FromStr for Precision {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let known = [Precision::F32, Precision::F16].into_iter().find(|precision| precision.to_string() == text);
        known.ok_or_else(|| Error::Input(format!("'{text}' is not a precision: write f32 or f16")))
    }
}
