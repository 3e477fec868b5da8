//! Variants: what changes a kernel's code.

use std::fmt;

use super::constant::Constant;
use super::facts::AdapterFacts;
use super::kernel::{Binding, Exchange, Kernel};
use super::tiling::Tiling;
use crate::precision::Precision;

/// What changes a kernel's code: equal variants share a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Variant {
    /// The kernel.
    pub kernel: &'static Kernel,
    /// How it shares its work out.
    pub tiling: Tiling,
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
        Variant::tiled(kernel, kernel.tilings()[0], workgroup_size)
    }

    /// The same with this way of sharing out its work.
    pub(super) fn tiled(kernel: &'static Kernel, tiling: Tiling, workgroup_size: u32) -> Variant {
        Variant {
            kernel,
            tiling,
            workgroup_size: kernel.workgroup_size(tiling).unwrap_or(workgroup_size),
            norm: false,
            three: false,
            precision: Precision::F32,
            subgroup: 0,
        }
    }

    /// Without what a step says only after its variant was chosen: what is done to its input on load.
    pub fn alike(self) -> Variant {
        Variant { norm: false, three: false, ..self }
    }

    /// Whether an adapter has what it takes: its limits, and its subgroups. Variants that exchange registers compute wrong values on
    /// any other.
    pub fn runs_on(self, facts: &AdapterFacts) -> bool {
        let count = |kinds: [Binding; 2]| {
            self.kernel.bindings().iter().filter(|binding| kinds.contains(binding)).count() as u32
        };
        count([Binding::ReadBuffer, Binding::WriteBuffer]) <= facts.limits.max_storage_buffers_per_shader_stage
            && count([Binding::ReadTexture, Binding::WriteTexture])
                <= facts.limits.max_storage_textures_per_shader_stage
            && self.workgroup_size <= facts.limits.max_compute_invocations_per_workgroup
            && self.memory() <= facts.limits.max_compute_workgroup_storage_size
            && (self.subgroup == 0 || facts.subgroup_lanes() == Some(self.subgroup))
    }

    /// With weights of this precision, if the kernel has such weights.
    pub(super) fn with_precision(self, precision: Precision) -> Variant {
        Variant { precision: if self.kernel.f16 { precision } else { Precision::F32 }, ..self }
    }

    /// With registers exchanged in subgroups of so many lanes, if the kernel can do that.
    pub(super) fn with_subgroups(self, lanes: Option<u32>) -> Variant {
        let admitted =
            lanes.filter(|&lanes| self.kernel.exchange(self.tiling).is_some_and(|exchange| exchange.admit(lanes)));
        Variant { subgroup: admitted.unwrap_or(0), ..self }
    }

    /// Its numbers, which head its WGSL.
    pub fn constants(&self) -> Vec<Constant> {
        let size = self.kernel.workgroup_size(self.tiling).map(|size| Constant::u32("WORKGROUP_SIZE", size));
        size.into_iter().chain(self.kernel.constants.iter().copied()).chain(self.tiling.constants()).collect()
    }

    /// Bytes of workgroup memory.
    pub fn memory(&self) -> u32 {
        (self.kernel.memory)(self.tiling, self.subgroup)
    }

    /// The values of the shader's `override` constants.
    pub fn overrides(&self) -> Vec<(&'static str, f64)> {
        let mut overrides = Vec::new();
        if self.kernel.workgroup_size(self.tiling).is_none() {
            overrides.push(("WORKGROUP_SIZE", f64::from(self.workgroup_size)));
        }
        if self.kernel.norm {
            overrides.push(("NORM", f64::from(u8::from(self.norm))));
        }
        if self.kernel.three {
            overrides.push(("THREE", f64::from(u8::from(self.three))));
        }
        // A kernel that admits one size only has it among its numbers.
        if self.subgroup > 0 && self.kernel.exchange == Exchange::Slices {
            overrides.push(("SUBGROUP", f64::from(self.subgroup)));
        }
        overrides
    }
}

impl Kernel {
    /// Every variant, with each of these workgroup sizes if the kernel does not fix its own.
    pub fn variants(&'static self, workgroup_sizes: &[u32]) -> Vec<Variant> {
        let either = |exists: bool| if exists { vec![false, true] } else { vec![false] };
        let precisions = if self.f16 { vec![Precision::F32, Precision::F16] } else { vec![Precision::F32] };
        let mut variants = Vec::new();
        for &tiling in self.tilings() {
            let sizes = self.workgroup_size(tiling).map_or(workgroup_sizes.to_vec(), |size| vec![size]);
            let exchange = self.exchange(tiling);
            let subgroups: Vec<u32> =
                [0].into_iter().chain(exchange.into_iter().flat_map(|lanes| lanes.all())).collect();
            let sized = sizes.into_iter().map(|size| Variant::tiled(self, tiling, size)).collect();
            variants.extend(each(sized, &subgroups, |variant, subgroup| Variant { subgroup, ..variant }));
        }
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
        if self.kernel.tilings().len() > 1 {
            write!(f, ":{}", self.tiling)?;
        }
        let f16 = self.precision == Precision::F16;
        for (on, word) in [(self.norm, "+norm"), (self.three, "+three"), (f16, "+f16")] {
            if on {
                f.write_str(word)?;
            }
        }
        if self.subgroup > 0 {
            write!(f, "+subgroup{}", self.subgroup)?;
        }
        write!(f, "/{}", self.workgroup_size)
    }
}
