//! Which engine runs a network: the one that is named, or the best of this machine.

use super::options::Engine;
#[cfg(feature = "cpu")]
use crate::cpu::{Cpu, CpuOptions};
use crate::error::{Error, Result};
#[cfg(feature = "gpu")]
use crate::gpu::{Gpu, GpuOptions};

/// What has to be done to open an engine.
enum Step {
    /// Nothing more.
    Done(Engine),
    /// Open this adapter; `or_cpu`: else the CPU engine.
    #[cfg(feature = "gpu")]
    Open { options: GpuOptions, or_cpu: bool },
}

impl Engine {
    /// Opens it: [`Engine::Best`] and [`Engine::Adapter`] become [`Engine::Gpu`] or [`Engine::Cpu`], the others stay what
    /// they are. A classifier opens the engine that it is given, so this is for programs that share one, or want to know
    /// which it is.
    ///
    /// The best is a GPU, else the CPU engine. A GPU that cannot be opened is a warning in the log, and the CPU engine is
    /// taken. Software adapters are for tests: the CPU engine is faster, and only a build without it takes them.
    ///
    /// # Errors
    /// [`Error::NoAdapter`] where there is none or none matches, [`Error::Device`] where the one that is named cannot be
    /// opened.
    pub async fn open(self) -> Result<Engine> {
        self.open_for(false).await
    }

    /// Blocking twin of [`Engine::open`].
    ///
    /// # Errors
    /// As [`Engine::open`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open_blocking(self) -> Result<Engine> {
        self.open_for_blocking(false)
    }

    /// As [`Engine::open`]; with `wants_adapter`, the best is the best adapter.
    pub(super) async fn open_for(self, wants_adapter: bool) -> Result<Engine> {
        match step(self, wants_adapter)? {
            Step::Done(engine) => Ok(engine),
            #[cfg(feature = "gpu")]
            Step::Open { options, or_cpu } => settle(Gpu::new(options).await, or_cpu),
        }
    }

    /// Blocking twin of [`Engine::open_for`].
    #[cfg(not(target_arch = "wasm32"))]
    pub(super) fn open_for_blocking(self, wants_adapter: bool) -> Result<Engine> {
        match step(self, wants_adapter)? {
            Step::Done(engine) => Ok(engine),
            #[cfg(feature = "gpu")]
            Step::Open { options, or_cpu } => settle(Gpu::new_blocking(options), or_cpu),
        }
    }
}

fn step(engine: Engine, wants_adapter: bool) -> Result<Step> {
    match engine {
        Engine::Best => best(wants_adapter),
        Engine::Adapter(name) if name.eq_ignore_ascii_case("cpu") => cpu().map(Step::Done),
        Engine::Adapter(name) => adapter(name),
        engine => Ok(Step::Done(engine)),
    }
}

#[cfg(feature = "gpu")]
fn best(wants_adapter: bool) -> Result<Step> {
    let or_cpu = cfg!(feature = "cpu") && !wants_adapter;
    Ok(Step::Open { options: GpuOptions::default().hardware_only(or_cpu), or_cpu })
}

#[cfg(not(feature = "gpu"))]
fn best(wants_adapter: bool) -> Result<Step> {
    if wants_adapter { Err(no_adapters()) } else { cpu().map(Step::Done) }
}

#[cfg(feature = "gpu")]
fn adapter(name: String) -> Result<Step> {
    Ok(Step::Open { options: GpuOptions::default().adapter(name), or_cpu: false })
}

#[cfg(not(feature = "gpu"))]
fn adapter(_: String) -> Result<Step> {
    Err(no_adapters())
}

#[cfg(not(feature = "gpu"))]
fn no_adapters() -> Error {
    Error::NoAdapter("this build has no engine for adapters (feature `gpu`)".into())
}

#[cfg(feature = "cpu")]
fn cpu() -> Result<Engine> {
    Cpu::new(CpuOptions::default()).map(Engine::Cpu)
}

#[cfg(not(feature = "cpu"))]
fn cpu() -> Result<Engine> {
    Err(Error::NoAdapter("this build has no CPU engine (feature `cpu`): ask for Engine::Reference".into()))
}

/// What an attempt to open an adapter leads to.
#[cfg(feature = "gpu")]
fn settle(opened: Result<Gpu>, or_cpu: bool) -> Result<Engine> {
    match opened {
        Ok(gpu) => Ok(Engine::Gpu(gpu)),
        Err(Error::NoAdapter(reason)) if or_cpu => {
            log::info!("no GPU ({reason}): the CPU engine is taken");
            cpu()
        }
        Err(error) if or_cpu => {
            log::warn!("{error}; the CPU engine is taken instead");
            cpu()
        }
        Err(error) => Err(error),
    }
}

/// How the error begins by which a GPU that no kernel is right on refuses a model.
const SELF_TEST: &str = "the self-test of";

/// What takes the place of a GPU that refused the model with this error: the CPU engine if the self-test found no kernel that is right
/// there, and nobody asked for that GPU. Else the error.
pub(super) fn instead(error: Error, or_cpu: bool) -> Result<Engine> {
    match &error {
        Error::Device(reason) if or_cpu && cfg!(feature = "cpu") && reason.starts_with(SELF_TEST) => {
            log::warn!("{error}; the CPU engine is taken instead");
            cpu()
        }
        _ => Err(error),
    }
}

#[cfg(all(test, feature = "gpu", feature = "cpu"))]
mod tests {
    use super::{Engine, Step, instead, settle, step};
    use crate::error::Error;
    use crate::kernels::{AdapterFacts, AdapterKind, DeviceLimits};

    fn adapters(kinds: &[AdapterKind]) -> Vec<AdapterFacts> {
        let facts = |(index, &kind): (usize, &AdapterKind)| AdapterFacts {
            name: format!("{kind} {index}"),
            kind,
            backend: "vulkan".into(),
            driver: String::new(),
            limits: DeviceLimits::default(),
            subgroups: false,
            subgroup_min: 0,
            subgroup_max: 0,
            shader_f16: false,
            timestamps: false,
        };
        kinds.iter().enumerate().map(facts).collect()
    }

    /// What runs on a machine with adapters of these kinds: the index of one, `cpu` or an error.
    fn chosen(engine: Engine, kinds: &[AdapterKind], wants_adapter: bool) -> String {
        match step(engine, wants_adapter).expect("it is no mistake") {
            Step::Done(engine) => format!("{engine:?}").split('(').next().unwrap_or_default().to_lowercase(),
            Step::Open { options, or_cpu } => match options.position(&adapters(kinds)) {
                Some(index) => index.to_string(),
                None if or_cpu => "cpu".into(),
                None => "none".into(),
            },
        }
    }

    #[test]
    fn the_best_is_a_gpu_then_the_cpu_engine() {
        use AdapterKind::{Discrete, Integrated, Other, Software, Virtual};
        for (kinds, index) in [
            (&[Discrete, Integrated, Software][..], "0"),
            (&[Integrated], "0"),
            (&[Virtual, Software], "0"),
            (&[Software, Other], "1"),
            (&[Software], "cpu"),
            (&[Software, Software], "cpu"),
            (&[], "cpu"),
        ] {
            assert_eq!(chosen(Engine::Best, kinds, false), index, "{kinds:?}");
        }
    }

    #[test]
    fn what_only_adapters_have_takes_the_best_adapter() {
        use AdapterKind::{Discrete, Software};
        for (kinds, index) in [(&[Discrete, Software][..], "0"), (&[Software], "0"), (&[], "none")] {
            assert_eq!(chosen(Engine::Best, kinds, true), index, "{kinds:?}");
        }
    }

    #[test]
    fn names_mean_what_they_say() {
        use AdapterKind::{Discrete, Software};
        let kinds = [Discrete, Software];
        for (name, engine) in [
            ("cpu", "cpu"),
            ("CPU", "cpu"),
            ("reference", "reference"),
            ("software", "1"),
            ("1", "1"),
            ("none such", "none"),
        ] {
            assert_eq!(chosen(Engine::from(name), &kinds, false), engine, "{name}");
        }
    }

    #[test]
    fn only_the_best_falls_back() {
        let refused = || Err(Error::Device("'a GPU' could not be opened".into()));
        assert!(matches!(settle(refused(), true), Ok(Engine::Cpu(_))));
        assert!(matches!(settle(refused(), false), Err(Error::Device(_))));
        assert!(matches!(settle(Err(Error::NoAdapter("none".into())), true), Ok(Engine::Cpu(_))));
        assert!(matches!(settle(Err(Error::NoAdapter("none".into())), false), Err(Error::NoAdapter(_))));
    }

    #[test]
    fn a_gpu_that_computes_wrong_gives_way_unless_it_was_asked_for() {
        let wrong = || Error::Device("the self-test of 'a GPU' found that it computes buffer/stem/64 wrong".into());
        let other = || Error::Device("'a GPU' ran into a validation error".into());
        assert!(matches!(instead(wrong(), true), Ok(Engine::Cpu(_))));
        assert!(matches!(instead(wrong(), false), Err(Error::Device(_))));
        assert!(matches!(instead(other(), true), Err(Error::Device(_))));
        assert!(matches!(instead(Error::DeviceLost("gone".into()), true), Err(Error::DeviceLost(_))));
    }
}
