//! A model on the device: packed weights, shared by all its sessions.

use std::sync::Arc;

use super::device::Gpu;
use super::weight_store::WeightStore;
use crate::architecture::Architecture;
use crate::kernels::{Experience, KernelFamily, Kernels, PackedWeight};
use crate::precision::Precision;

/// A network on a device: packed weights. Cheap to clone; clones share them. It serves sessions of any size
/// and batch, which upload no weights of their own, and may be used from several threads at once.
///
/// ```
/// use densenet_wgpu::{Gpu, GpuOptions, LoadOptions, Model, weights};
///
/// # fn main() -> densenet_wgpu::Result<()> {
/// let gpu = Gpu::new_blocking(GpuOptions::default())?;
/// let weights = weights::embedded()?; // or weights::open("densenet121.pth")?
/// let options = LoadOptions::default().progress(|p| println!("{} of {}: {}", p.done, p.total, p.what));
/// let model = Model::load_blocking(&gpu, &weights, options)?;
/// assert_eq!(model.architecture().classes(), Some(10));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    gpu: Gpu,
    settings: Settings,
    architecture: Architecture,
    weights: Arc<WeightStore>,
}

/// How its sessions are made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) kernels: Kernels,
    /// Whether they can give class-activation maps.
    pub(super) class_maps: bool,
    /// Whether variants answer the self-test before they run.
    pub(super) self_tests: bool,
    /// Whether what was measured decides on variants.
    pub(super) tuned: bool,
}

impl Model {
    /// A model of these.
    pub(super) fn new(gpu: &Gpu, settings: Settings, architecture: Architecture, weights: Arc<WeightStore>) -> Model {
        let gpu = gpu.clone();
        Model { inner: Arc::new(Inner { gpu, settings, architecture, weights }) }
    }

    /// Its device.
    pub fn gpu(&self) -> &Gpu {
        &self.inner.gpu
    }

    /// The network.
    pub fn architecture(&self) -> &Architecture {
        &self.inner.architecture
    }

    /// The kernel family that runs it.
    pub fn family(&self) -> KernelFamily {
        self.inner.settings.kernels.family()
    }

    /// How its weights are stored on the device.
    pub fn precision(&self) -> Precision {
        self.inner.settings.kernels.precision()
    }

    /// Whether its sessions can give class-activation maps: see [`crate::LoadOptions::class_maps`].
    pub fn has_class_maps(&self) -> bool {
        self.inner.settings.class_maps
    }

    /// The kernels that its programs are made of.
    pub(super) fn kernels(&self) -> Kernels {
        self.inner.settings.kernels
    }

    /// Whether variants answer the self-test before they run.
    pub(super) fn self_tests(&self) -> bool {
        self.inner.settings.self_tests
    }

    /// Whether what was measured decides on variants.
    pub(super) fn is_tuned(&self) -> bool {
        self.inner.settings.tuned
    }

    /// What was found out about the device, as far as it counts here.
    pub(super) fn experience(&self) -> Experience {
        let mut experience = self.gpu().experience();
        if !self.inner.settings.tuned {
            experience.forget_choices();
        }
        experience
    }

    /// Bytes of the packed weights on the device.
    pub fn weight_bytes(&self) -> u64 {
        self.inner.weights.bytes()
    }

    /// The packed arrays, in the order that programs index them.
    pub(super) fn arrays(&self) -> &[PackedWeight] {
        self.inner.weights.arrays()
    }

    /// The binding of a packed array.
    pub(super) fn weight_binding(&self, index: usize) -> wgpu::BindingResource<'_> {
        self.inner.weights.binding(index)
    }
}
