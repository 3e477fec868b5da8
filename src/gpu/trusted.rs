//! Which variants a program is made of, once each has answered the self-test.

use super::device::Gpu;
use super::self_test::{self, Asking};
use super::verdicts::Verdict;
use crate::error::Result;
use crate::kernels::{Kernels, Variant};

/// What the self-test says of a program.
pub(super) enum Trusted {
    /// All its variants are right.
    Yes,
    /// Some of its variants were wrong: there are others.
    Again,
    /// There are none.
    No(String),
}

/// Asks about those of a program's variants that have not answered yet.
pub(super) async fn trusted(gpu: &Gpu, kernels: Kernels, variants: &[Variant], asking: Asking<'_>) -> Result<Trusted> {
    let before = gpu.self_test();
    let trusted = gpu.experience();
    let asked = self_test::ask(gpu, kernels, variants, asking).await;
    #[cfg(not(target_arch = "wasm32"))]
    if asked.is_err() || gpu.self_test() != before {
        gpu.remember();
    }
    #[cfg(target_arch = "wasm32")]
    let _ = before;
    asked?;
    let now = gpu.experience();
    let facts = gpu.facts();
    let adapter = format!("'{}' ({}, driver '{}')", facts.name, facts.backend, facts.driver);
    let verdict = |variant: &Variant| gpu.verdicts().of(*variant);
    Ok(match variants.iter().find(|variant| verdict(variant) != Some(Verdict::Right)) {
        None => Trusted::Yes,
        Some(_) if trusted != now => Trusted::Again,
        Some(variant) => Trusted::No(format!(
            "the self-test of {adapter} found that it computes {} wrong, and there is no safer kernel: update the driver, or \
             take another adapter or the CPU engine",
            variants.iter().find(|variant| !now.admits(**variant)).unwrap_or(variant)
        )),
    })
}
