//! Asking a device about every variant that there is, whether a network needs it or not.

use super::device::Gpu;
use super::readback::Driver;
use super::self_test::{self, Asking};
use super::verdicts::Verdict;
use crate::error::Result;
use crate::kernels::{AdapterKind, Kernel, KernelFamily, Kernels, Variant};
use crate::pause::Pause;
use crate::precision::Precision;

impl Gpu {
    /// Asks about every variant of every kernel that this device has what it takes for; `progress` is told how many of how many have
    /// answered. Each with its verdict, or none where the device lacks a limit or a feature. What it finds
    /// counts for all models of this device.
    ///
    /// # Errors
    /// [`Error::DeviceLost`](crate::Error::DeviceLost), [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub async fn examine(&self, progress: impl FnMut(usize, usize)) -> Result<Vec<(Variant, Option<Verdict>)>> {
        self.examine_driven(progress, Driver::Background).await
    }

    /// Blocking twin of [`Gpu::examine`].
    ///
    /// # Errors
    /// As [`Gpu::examine`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn examine_blocking(&self, progress: impl FnMut(usize, usize)) -> Result<Vec<(Variant, Option<Verdict>)>> {
        pollster::block_on(self.examine_driven(progress, Driver::Here))
    }

    async fn examine_driven(
        &self,
        mut progress: impl FnMut(usize, usize),
        driver: Driver,
    ) -> Result<Vec<(Variant, Option<Verdict>)>> {
        // A software adapter's free workgroups are one vector of a CPU; nobody else's are.
        let size = if self.facts().kind == AdapterKind::Software { 8 } else { 64 };
        let variants: Vec<Variant> = Kernel::all().flat_map(|kernel| kernel.variants(&[size])).collect();
        let able = |variant: &&Variant| variant.runs_on(self.facts());
        let (able, mut done) = (variants.iter().filter(able).copied().collect::<Vec<_>>(), 0);
        progress(0, able.len());
        let asking = Asking { pause: &Pause::default(), cancel: None, driver };
        let needed = self.pipelines().names();
        for (family, precision) in [
            (KernelFamily::Buffer, Precision::F32),
            (KernelFamily::Buffer, Precision::F16),
            (KernelFamily::Texture, Precision::F32),
        ] {
            let kernels = Kernels::new(family, precision)?;
            let of_them = |variant: &&Variant| variant.kernel.family() == family && variant.precision == precision;
            let asked: Vec<Variant> = able.iter().filter(of_them).copied().collect();
            for few in asked.chunks(FEW) {
                self_test::ask(self, kernels, few, asking).await?;
                // Hundreds of them would take gigabytes on some drivers.
                self.pipelines().keep(|variant| needed.contains(variant));
                done += few.len();
                progress(done, able.len());
            }
        }
        #[cfg(not(target_arch = "wasm32"))]
        self.remember();
        let unasked = || Verdict::Failed("was not asked: others of its kernel are wrong".into());
        let found = |variant: Variant| {
            let verdict = self.verdicts().of(variant);
            (variant, if variant.runs_on(self.facts()) { verdict.or_else(|| Some(unasked())) } else { verdict })
        };
        Ok(variants.into_iter().map(found).collect())
    }
}

/// Variants that are asked at a time.
const FEW: usize = 8;
