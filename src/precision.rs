//! What numbers are stored as.

use std::fmt;

/// What weights are stored as, in a file or on a device; the arithmetic is f32 in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As they are.
    #[default]
    F32,
    /// Half the memory. Kernels and matrices are rounded to 11 bits, norms and biases are not; results differ in the
    /// fourth digit (docs/performance.md). On a device of the `buffer` kernels only.
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
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = [Precision::F32, Precision::F16].into_iter().find(|precision| precision.to_string() == text);
        known.ok_or_else(|| format!("'{text}' is no precision: f32 or f16"))
    }
}
