//! A model: packed weights, shared by all its sessions.

use std::fmt;
use std::sync::Arc;

use super::engine::Cpu;
use super::kernel::Kernel;
use crate::architecture::Architecture;
use crate::engine::{LoadOptions, Loading};
use crate::error::{Error, Result};
#[cfg(not(target_arch = "wasm32"))]
use crate::pause::{Pause, at_once};
use crate::plan::Plan;
use crate::precision::Precision;
use crate::weights::Weights;

/// Steps that a thread packs between two signs of progress.
const STEPS: usize = 4;

/// A network on the CPU engine: packed weights. Cheap to clone; clones share them. It serves sessions of any size and batch,
/// and may be used from several threads at once.
///
/// ```
/// # #[cfg(feature = "safetensors")]
/// # fn main() -> densenet_wgpu::Result<()> {
/// use densenet_wgpu::cpu::{Cpu, CpuOptions, Model};
/// use densenet_wgpu::{InputSize, LoadOptions, SessionOptions, weights};
///
/// let cpu = Cpu::new(CpuOptions::default())?;
/// let model = Model::load_blocking(&cpu, &weights::embedded()?, LoadOptions::default())?;
/// let mut session = model.session_blocking(SessionOptions::new(InputSize::square(28)))?;
/// let output = session.run_blocking(&vec![0.0; session.image_elements()])?; // planar NCHW
/// assert_eq!(output.row(0).len(), 10);
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "safetensors"))]
/// # fn main() {}
/// ```
#[derive(Clone)]
pub struct Model {
    inner: Arc<Inner>,
}

struct Inner {
    cpu: Cpu,
    architecture: Architecture,
    class_maps: bool,
    /// One for each step of a plan; that of class maps is the last.
    kernels: Vec<Kernel>,
    bytes: u64,
}

impl Model {
    /// Packs `weights`.
    ///
    /// # Errors
    /// [`Error::Input`] for options that are meant for adapters (kernels, f16); [`Error::Weights`] for a missing tensor;
    /// [`Error::Architecture`] for class maps of a network without a classifier; [`Error::Cancelled`].
    pub async fn load(cpu: &Cpu, weights: &Weights, options: LoadOptions) -> Result<Model> {
        Model::pack(cpu, weights, options).await
    }

    /// Blocking twin of [`Model::load`].
    ///
    /// # Errors
    /// As [`Model::load`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn load_blocking(cpu: &Cpu, weights: &Weights, options: LoadOptions) -> Result<Model> {
        at_once(Model::pack(cpu, weights, LoadOptions { pause: Pause::default(), ..options }))
    }

    async fn pack(cpu: &Cpu, weights: &Weights, options: LoadOptions) -> Result<Model> {
        let LoadOptions { kernels, precision, class_maps, progress, cancel, pause, .. } = options;
        if let Some(family) = kernels {
            return Err(Error::Input(format!("{family} kernels are for adapters: the CPU engine has its own")));
        }
        if precision != Precision::F32 {
            return Err(Error::Input(format!("the CPU engine computes in f32: it has no precision {precision}")));
        }
        let architecture = weights.architecture().clone();
        let plan = smallest(&architecture, class_maps)?;
        let mut loading = Loading { progress, cancel, done: 0, total: plan.steps.len() };
        let mut kernels = Vec::with_capacity(plan.steps.len());
        for steps in plan.steps.chunks(STEPS * cpu.threads()) {
            loading.say(&format!("packing {}", steps[0].name))?;
            pause.rest().await;
            let mut packed: Vec<Option<Result<Kernel>>> = steps.iter().map(|_| None).collect();
            cpu.install(|| {
                cpu.each_chunk(&mut packed, 1, |at, kernel| kernel[0] = Some(Kernel::new(weights, &plan, &steps[at])));
            });
            for kernel in packed.into_iter().flatten() {
                kernels.push(kernel?);
            }
            loading.done += steps.len();
        }
        loading.say("done")?;
        let bytes = kernels.iter().map(|kernel| kernel.bytes() as u64).sum();
        Ok(Model { inner: Arc::new(Inner { cpu: cpu.clone(), architecture, class_maps, kernels, bytes }) })
    }

    /// The engine that runs it.
    pub fn cpu(&self) -> &Cpu {
        &self.inner.cpu
    }

    /// The network.
    pub fn architecture(&self) -> &Architecture {
        &self.inner.architecture
    }

    /// Whether its sessions can give class-activation maps: see [`LoadOptions::class_maps`].
    pub fn has_class_maps(&self) -> bool {
        self.inner.class_maps
    }

    /// Bytes of the packed weights.
    pub fn weight_bytes(&self) -> u64 {
        self.inner.bytes
    }

    /// One for each step of a plan.
    pub(super) fn kernels(&self) -> &[Kernel] {
        &self.inner.kernels
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Model")
            .field("cpu", self.cpu())
            .field("steps", &self.kernels().len())
            .field("weight_bytes", &self.weight_bytes())
            .finish_non_exhaustive()
    }
}

/// The plan of the smallest images. Packed weights depend neither on size nor on batch.
fn smallest(architecture: &Architecture, class_maps: bool) -> Result<Plan> {
    let size = match architecture.fixed_size() {
        Some(size) => size,
        None => architecture.least_size()?,
    };
    Plan::either(architecture, size, 1, class_maps)
}
