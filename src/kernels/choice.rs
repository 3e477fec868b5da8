//! Which kernels a program is made of.

use super::facts::AdapterFacts;
use super::family::KernelFamily;
use super::variant::Variant;
use crate::error::{Error, Result};
use crate::precision::Precision;

/// A kernel family and the precision of its weights: only combinations that exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kernels {
    family: KernelFamily,
    precision: Precision,
    preferred: Option<Variant>,
}

impl Kernels {
    /// Kernels of this family with weights of this precision.
    ///
    /// # Errors
    /// [`Error::Input`] for f16 in the texture family, which stores f32 only.
    pub fn new(family: KernelFamily, precision: Precision) -> Result<Kernels> {
        match (family, precision) {
            (KernelFamily::Texture, Precision::F16) => {
                Err(Error::Input("texture kernels have no f16 weights: ask for buffer kernels or f32".into()))
            }
            _ => Ok(Kernels { family, precision, preferred: None }),
        }
    }

    /// Kernels of the requested family, or of the one that suits the adapter and has this precision.
    ///
    /// # Errors
    /// As [`Kernels::new`].
    pub fn choose(family: Option<KernelFamily>, precision: Precision, facts: &AdapterFacts) -> Result<Kernels> {
        let default = match precision {
            Precision::F16 => KernelFamily::Buffer,
            Precision::F32 => facts.family(),
        };
        Kernels::new(family.unwrap_or(default), precision)
    }

    /// Their family.
    pub fn family(self) -> KernelFamily {
        self.family
    }

    /// The same with every step run by this variant that it can run, where each layer would choose.
    #[must_use]
    pub fn preferring(self, variant: Variant) -> Kernels {
        Kernels { preferred: Some(variant.alike()), ..self }
    }

    /// The variant that runs wherever it can.
    pub fn preferred(self) -> Option<Variant> {
        self.preferred
    }

    /// How their weights are stored.
    pub fn precision(self) -> Precision {
        self.precision
    }
}

impl From<KernelFamily> for Kernels {
    /// A family in f32, which every family has.
    fn from(family: KernelFamily) -> Self {
        Kernels { family, precision: Precision::F32, preferred: None }
    }
}
