//! Variants: what changes a kernel's code.

use std::fmt;

use super::kernel::Kernel;
use crate::precision::Precision;

/// What changes a kernel's code: equal variants share a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variant {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// Invocations of a workgroup, all along x.
    pub workgroup_size: u32,
    /// Batch norm and ReLU on load (3x3 convolution of plain layers).
    pub norm: bool,
    /// Images of at most three channels (stem of the texture family).
    pub three: bool,
    /// How weights are stored; f32 for kernels without any.
    pub precision: Precision,
    /// Lanes of the subgroups that exchange registers; 0 where none do. On subgroups of any other size such a variant
    /// computes wrong values.
    pub subgroup: u32,
}

impl Variant {
    /// The variant with nothing special. `workgroup_size` counts for kernels that do not fix theirs.
    pub fn plain(kernel: &'static Kernel, workgroup_size: u32) -> Variant {
        Variant {
            kernel,
            workgroup_size: kernel.workgroup_size.unwrap_or(workgroup_size),
            norm: false,
            three: false,
            precision: Precision::F32,
            subgroup: 0,
        }
    }

    /// With weights of this precision, if the kernel has such weights.
    pub(super) fn with_precision(self, precision: Precision) -> Variant {
        Variant { precision: if self.kernel.f16 { precision } else { Precision::F32 }, ..self }
    }

    /// With registers exchanged in subgroups of so many lanes, if the kernel can do that.
    pub(super) fn with_subgroups(self, lanes: Option<u32>) -> Variant {
        let admitted = lanes.filter(|&lanes| self.kernel.exchange.is_some_and(|exchange| exchange.admit(lanes)));
        Variant { subgroup: admitted.unwrap_or(0), ..self }
    }

    /// The values of the shader's `override` constants.
    pub fn overrides(&self) -> Vec<(&'static str, f64)> {
        let mut overrides = Vec::new();
        if self.kernel.workgroup_size.is_none() {
            overrides.push(("WORKGROUP_SIZE", f64::from(self.workgroup_size)));
        }
        if self.kernel.norm {
            overrides.push(("NORM", f64::from(u8::from(self.norm))));
        }
        if self.kernel.three {
            overrides.push(("THREE", f64::from(u8::from(self.three))));
        }
        // A kernel that admits one size only has it among its numbers.
        if self.subgroup > 0 && self.kernel.exchange.is_some_and(|lanes| lanes.min < lanes.max) {
            overrides.push(("SUBGROUP", f64::from(self.subgroup)));
        }
        overrides
    }
}

impl Kernel {
    /// Every variant, with each of these workgroup sizes if the kernel does not fix its own.
    pub fn variants(&'static self, workgroup_sizes: &[u32]) -> Vec<Variant> {
        let sizes = self.workgroup_size.map_or(workgroup_sizes.to_vec(), |size| vec![size]);
        let either = |exists: bool| if exists { vec![false, true] } else { vec![false] };
        let precisions = if self.f16 { vec![Precision::F32, Precision::F16] } else { vec![Precision::F32] };
        let subgroups: Vec<u32> =
            [0].into_iter().chain(self.exchange.into_iter().flat_map(|lanes| lanes.all())).collect();
        let mut variants: Vec<Variant> = sizes.into_iter().map(|size| Variant::plain(self, size)).collect();
        variants = each(variants, &subgroups, |variant, subgroup| Variant { subgroup, ..variant });
        variants = each(variants, &either(self.norm), |variant, norm| Variant { norm, ..variant });
        variants = each(variants, &precisions, |variant, precision| Variant { precision, ..variant });
        each(variants, &either(self.three), |variant, three| Variant { three, ..variant })
    }
}

/// Each of the variants with each of the choices.
fn each<T: Copy>(variants: Vec<Variant>, choices: &[T], with: impl Fn(Variant, T) -> Variant) -> Vec<Variant> {
    variants
        .into_iter()
        .flat_map(|variant| choices.iter().map(move |&choice| (variant, choice)))
        .map(|(variant, choice)| with(variant, choice))
        .collect()
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kernel.name())?;
        let f16 = self.precision == Precision::F16;
        for (on, word) in
            [(self.norm, "+norm"), (self.three, "+three"), (f16, "+f16"), (self.subgroup > 0, "+subgroup")]
        {
            if on {
                f.write_str(word)?;
            }
        }
        write!(f, "/{}", self.workgroup_size)
    }
}
