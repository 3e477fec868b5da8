//! The adapter that GPU tests run on. A test without one fails: a skipped test proves nothing.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::sync::{Mutex, MutexGuard, OnceLock};

use densenet_wgpu::{AdapterFacts, AdapterKind, Gpu, GpuOptions, KernelFamily, LoadOptions, Model, Precision, Weights};

/// The best adapter, or the one that `DENSENET_TEST_ADAPTER` names.
pub(crate) fn gpu_options() -> GpuOptions {
    // What tests find out about broken kernels is not for anybody else.
    let options = GpuOptions::default().remember(false);
    match std::env::var("DENSENET_TEST_ADAPTER") {
        Ok(name) => options.adapter(name),
        Err(_) => options,
    }
}

/// That adapter, opened once and shared by all tests.
pub(crate) fn gpu() -> Gpu {
    static GPU: OnceLock<Gpu> = OnceLock::new();
    let open = || {
        Gpu::new_blocking(gpu_options())
            .unwrap_or_else(|e| panic!("{e}\n`cargo xtask test` installs a software adapter"))
    };
    GPU.get_or_init(open).clone()
}

/// A way of choosing kernels: every one that can be right on the adapter that is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Choice {
    pub(crate) family: KernelFamily,
    kind: AdapterKind,
    subgroups: bool,
}

/// Kernels for GPUs and for software adapters, from buffers and from textures, with exchanges in subgroups (where those
/// have eight lanes; elsewhere such a choice repeats another) and without.
pub(crate) const CHOICES: [Choice; 5] = [
    Choice { family: KernelFamily::Buffer, kind: AdapterKind::Discrete, subgroups: false },
    Choice { family: KernelFamily::Buffer, kind: AdapterKind::Discrete, subgroups: true },
    Choice { family: KernelFamily::Buffer, kind: AdapterKind::Software, subgroups: false },
    Choice { family: KernelFamily::Texture, kind: AdapterKind::Software, subgroups: true },
    Choice { family: KernelFamily::Texture, kind: AdapterKind::Software, subgroups: false },
];

impl Choice {
    pub(crate) fn load(&self, weights: &Weights) -> Model {
        self.load_on(&gpu(), weights)
    }

    pub(crate) fn load_on(&self, gpu: &Gpu, weights: &Weights) -> Model {
        Model::load_blocking(&self.on(gpu), weights, self.options()).unwrap()
    }

    /// The device, as if its adapter were of this kind.
    pub(crate) fn on(&self, gpu: &Gpu) -> Gpu {
        let facts = gpu.facts().clone();
        gpu.with_facts(AdapterFacts { kind: self.kind, subgroups: self.subgroups && facts.subgroups, ..facts })
    }

    /// How to load on it.
    pub(crate) fn options(&self) -> LoadOptions {
        LoadOptions::default().kernels(self.family)
    }

    /// On this kind of adapter, with weights stored as f16.
    #[allow(dead_code, reason = "not every test file has such weights")]
    pub(crate) fn load_half(&self, weights: &Weights) -> Model {
        let gpu = gpu();
        let gpu = gpu.with_facts(AdapterFacts { kind: self.kind, ..gpu.facts().clone() });
        let options = LoadOptions::default().precision(Precision::F16);
        Model::load_blocking(&gpu, weights, options).unwrap()
    }
}

/// A software adapter uses every core: tests that run networks take turns, so that their times stay bounded.
pub(crate) fn turn() -> MutexGuard<'static, ()> {
    static TURN: OnceLock<Mutex<()>> = OnceLock::new();
    TURN.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
