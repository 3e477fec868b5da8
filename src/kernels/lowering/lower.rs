//! The way from a plan to a program.

use super::assemble::{assemble, lower_step};
use super::limits::check;
use super::step::Lowered;
use crate::error::{Error, Result};
use crate::kernels::choice::Kernels;
use crate::kernels::experience::Experience;
use crate::kernels::facts::AdapterFacts;
use crate::kernels::family::KernelFamily;
use crate::kernels::program::{Grid, Program};
use crate::kernels::shared::Buffers;
use crate::kernels::texture::Textures;
use crate::kernels::variant::Variant;
use crate::plan::{MAX_IMAGES, Plan};

/// Another way to run a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Alternative {
    /// Its variant.
    pub variant: Variant,
    /// The uniform buffer's content.
    pub params: Vec<u8>,
    /// Its workgroups.
    pub grid: Grid,
}

impl Program {
    /// Lowers a plan.
    ///
    /// # Errors
    /// [`Error::Limit`] if a resource, a grid or a pipeline exceeds a limit of the adapter.
    pub fn lower(plan: &Plan, kernels: impl Into<Kernels>, facts: &AdapterFacts) -> Result<Program> {
        Program::lower_with(plan, kernels, facts, &Experience::default())
    }

    /// The same with what was found on the adapter: variants that are wrong give way to others, and layers have those that are fast.
    ///
    /// # Errors
    /// As [`Program::lower`].
    pub fn lower_with(
        plan: &Plan,
        kernels: impl Into<Kernels>,
        facts: &AdapterFacts,
        experience: &Experience,
    ) -> Result<Program> {
        let kernels = kernels.into();
        let program = match kernels.family() {
            KernelFamily::Buffer => assemble(plan, &Buffers::of(facts, kernels, experience)),
            KernelFamily::Texture => assemble(plan, &Textures::of(facts, kernels, experience)),
        };
        check(&program, &facts.limits)?;
        Ok(program)
    }

    /// What else could run a step, the most promising first: each as a dispatch, of which the parameters, the grid and the variant
    /// count. Nothing for steps that one kernel runs everywhere.
    pub fn alternatives(
        plan: &Plan,
        step: usize,
        kernels: impl Into<Kernels>,
        facts: &AdapterFacts,
        experience: &Experience,
    ) -> Vec<Alternative> {
        let kernels = kernels.into();
        let lowered = |kernels: Kernels| match kernels.family() {
            KernelFamily::Buffer => lower_step(plan, step, &Buffers::of(facts, kernels, experience)),
            KernelFamily::Texture => lower_step(plan, step, &Textures::of(facts, kernels, experience)),
        };
        let alternative = |variant: Variant| {
            let Lowered { variant, params, grid, .. } = lowered(kernels.preferring(variant));
            Alternative { variant, params, grid }
        };
        let Lowered { variant, others, .. } = lowered(kernels);
        let all = Some(variant).filter(|_| !others.is_empty()).into_iter().chain(others.iter().copied());
        all.map(alternative).collect()
    }

    /// Lowers with as many images a pass as the adapter's limits allow, at most `wanted`. `plan` makes the plan of a pass of
    /// so many images.
    ///
    /// # Errors
    /// [`Error::Limit`] if not even one image fits, and any error of `plan`.
    pub fn lower_within(
        plan: impl Fn(usize) -> Result<Plan>,
        wanted: usize,
        kernels: impl Into<Kernels>,
        facts: &AdapterFacts,
        experience: &Experience,
    ) -> Result<Program> {
        let kernels = kernels.into();
        let lower = |batch| Program::lower_with(&plan(batch)?, kernels, facts, experience);
        let wanted = wanted.min(MAX_IMAGES);
        match lower(wanted) {
            Err(Error::Limit { .. }) => {}
            done => return done,
        }
        // The largest batch that fits lies between one that does and one that does not.
        let (mut best, mut fits, mut fails) = (lower(1)?, 1, wanted);
        while fails - fits > 1 {
            let middle = fits + (fails - fits) / 2;
            match lower(middle) {
                Ok(program) => (best, fits) = (program, middle),
                Err(_) => fails = middle,
            }
        }
        Ok(best)
    }
}
