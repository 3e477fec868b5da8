//! Loading a model: packing, uploading, compiling, and a first run.

use std::sync::Arc;
use std::time::Duration;

use super::device::Gpu;
use super::model::{Model, Settings};
use super::readback::Driver;
use super::self_test::Asking;
use super::trusted::{Trusted, trusted};
use super::tune::tune;
use super::weight_store::WeightStore;
use crate::engine::{LoadOptions, Loading, SessionOptions, Tuning};
use crate::error::{Error, Result};
use crate::kernels::{AdapterFacts, AdapterKind, KernelFamily, Kernels, Program, Variant};
use crate::maps::class_maps_tap;
use crate::pause::Pause;
use crate::plan::Plan;
use crate::weights::Weights;

impl Model {
    /// Packs and uploads `weights`, builds the pipelines and runs each once, since many drivers compile at the first
    /// dispatch.
    ///
    /// # Errors
    /// [`Error::Weights`](crate::Error::Weights) for a missing tensor, [`Error::Architecture`](crate::Error::Architecture)
    /// for class maps of a network without a classifier, [`Error::Limit`](crate::Error::Limit) for an array above a limit
    /// of the adapter, [`Error::Cancelled`](crate::Error::Cancelled), [`Error::OutOfMemory`](crate::Error::OutOfMemory),
    /// [`Error::Device`](crate::Error::Device), [`Error::DeviceLost`](crate::Error::DeviceLost).
    pub async fn load(gpu: &Gpu, weights: &Weights, options: LoadOptions) -> Result<Model> {
        Model::load_driven(gpu, weights, options, Driver::Background).await
    }

    /// Blocking twin of [`Model::load`].
    ///
    /// # Errors
    /// As [`Model::load`].
    #[cfg(not(target_arch = "wasm32"))]
    pub fn load_blocking(gpu: &Gpu, weights: &Weights, options: LoadOptions) -> Result<Model> {
        let options = LoadOptions { pause: Pause::default(), ..options };
        pollster::block_on(Model::load_driven(gpu, weights, options, Driver::Here))
    }

    async fn load_driven(gpu: &Gpu, weights: &Weights, mut options: LoadOptions, driver: Driver) -> Result<Model> {
        let architecture = weights.architecture().clone();
        let mut kernels = Kernels::choose(options.kernels, options.precision, gpu.facts())?;
        if let Some(variant) = options.prefer {
            kernels = kernels.preferring(variant);
        }
        let tuning = options.tuning.unwrap_or_else(|| usual_tuning(gpu.facts()));
        let mut loading =
            Loading { progress: options.progress.take(), cancel: options.cancel.take(), done: 0, total: LEAST_STEPS };
        loading.say("asking kernels what they compute")?;
        let (program, variants) = loop {
            let prepared = prepare(gpu, weights, kernels, &options, tuning).await?;
            if !options.self_test {
                break prepared;
            }
            let asking = Asking { pause: &options.pause, cancel: loading.cancel.as_ref(), driver };
            match trusted(gpu, kernels, &prepared.1, asking).await? {
                Trusted::Yes => break prepared,
                Trusted::Again => {}
                Trusted::No(reason) if kernels.family() == KernelFamily::Texture && options.kernels.is_none() => {
                    log::warn!("{reason}: buffer kernels take its place");
                    kernels = Kernels::new(KernelFamily::Buffer, options.precision)?;
                }
                Trusted::No(reason) => return Err(Error::Device(reason)),
            }
        };
        let LoadOptions { class_maps, pause, self_test, size, batch, .. } = options;
        loading.total = LEAST_STEPS + variants.len();
        loading.step("packing weights")?;
        let store = WeightStore::upload(gpu, &program.weights, weights, loading.cancel.as_ref(), &pause).await?;
        let settings = Settings { kernels, class_maps, self_tests: self_test, tuned: tuning != Tuning::Off };
        let model = Model::new(gpu, settings, architecture, Arc::new(store));
        for variant in &variants {
            pause.rest().await;
            loading.step(&format!("building {variant}"))?;
            gpu.pipeline(*variant).await?;
        }
        loading.step("compiling")?;
        warm(&model, &loading, &pause, driver).await?;
        loading.step("measuring kernels")?;
        if let (Tuning::Within(within), Some(size)) = (tuning, size) {
            let asking = Asking { pause: &pause, cancel: loading.cancel.as_ref(), driver };
            match tune(&model, size, batch, within, asking).await {
                Err(ends @ (Error::DeviceLost(_) | Error::Cancelled)) => return Err(ends),
                // A size that does not fit is for its session to report.
                Err(error) => log::debug!("kernels were not measured: {error}"),
                Ok(_) => {}
            }
        }
        loading.step("done")?;
        Ok(model)
    }
}

/// Steps of a load besides building its pipelines.
const LEAST_STEPS: usize = 4;

/// The time in which layers are measured when a network is first loaded on a GPU.
const USUAL_TUNING: Duration = Duration::from_millis(300);

/// What suits an adapter: software adapters are slow to measure, and a few milliseconds are won by it at most.
fn usual_tuning(facts: &AdapterFacts) -> Tuning {
    match facts.kind {
        AdapterKind::Software => Tuning::Remembered,
        _ => Tuning::Within(USUAL_TUNING),
    }
}

/// The program of the smallest image, whose weights are every program's, and the variants to build.
async fn prepare(
    gpu: &Gpu,
    weights: &Weights,
    kernels: Kernels,
    options: &LoadOptions,
    tuning: Tuning,
) -> Result<(Program, Vec<Variant>)> {
    let architecture = weights.architecture();
    let mut experience = gpu.experience();
    if tuning == Tuning::Off {
        experience.forget_choices();
    }
    let lower = |size, batch| {
        let plan = |batch| Plan::either(architecture, size, batch, options.class_maps);
        Program::lower_within(plan, batch, kernels, gpu.facts(), &experience)
    };
    let program = lower(architecture.least_size()?, 1)?;
    options.pause.rest().await;
    let mut variants = program.variants.clone();
    // Large layers have variants of their own. A limit that `size` exceeds is for its session to report.
    if let Some(Ok(sized)) = options.size.map(|size| lower(size, options.batch)) {
        variants.extend(sized.variants.iter().filter(|variant| !program.variants.contains(variant)));
    }
    Ok((program, variants))
}

/// Runs the smallest image, which is enough to run every pipeline that it has.
async fn warm(model: &Model, loading: &Loading, pause: &Pause, driver: Driver) -> Result<()> {
    let options = SessionOptions::new(model.architecture().least_size()?)
        .taps(model.has_class_maps().then(|| class_maps_tap(model.architecture())))
        .cancel(loading.cancel.clone());
    pause.rest().await;
    let mut session = model.session_driven(options, driver).await?;
    pause.rest().await;
    let image = vec![0.0; session.image_elements()];
    session.run_driven(&image, driver).await?;
    Ok(())
}
