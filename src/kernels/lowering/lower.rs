//! The way from a plan to a program.

use super::assemble::assemble;
use super::limits::check;
use crate::error::{Error, Result};
use crate::kernels::choice::Kernels;
use crate::kernels::facts::AdapterFacts;
use crate::kernels::family::KernelFamily;
use crate::kernels::program::Program;
use crate::kernels::shared::Buffers;
use crate::kernels::texture::Textures;
use crate::plan::{MAX_IMAGES, Plan};

impl Program {
    /// Lowers a plan.
    ///
    /// # Errors
    /// [`Error::Limit`] if a resource, a grid or a pipeline exceeds a limit of the adapter.
    pub fn lower(plan: &Plan, kernels: impl Into<Kernels>, facts: &AdapterFacts) -> Result<Program> {
        let kernels = kernels.into();
        let program = match kernels.family() {
            KernelFamily::Buffer => assemble(plan, &Buffers::of(facts, kernels.precision())),
            KernelFamily::Texture => assemble(plan, &Textures::of(facts)),
        };
        check(&program, &facts.limits)?;
        Ok(program)
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
    ) -> Result<Program> {
        let kernels = kernels.into();
        let lower = |batch| Program::lower(&plan(batch)?, kernels, facts);
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
