//! Loading a model: packing, uploading, compiling, and a first run.

use super::device::Gpu;
use super::model::Model;
use super::readback::Driver;
use super::weight_store::WeightStore;
use crate::engine::{LoadOptions, Loading, SessionOptions};
use crate::error::Result;
use crate::kernels::{Kernels, Program, Variant};
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

    async fn load_driven(gpu: &Gpu, weights: &Weights, options: LoadOptions, driver: Driver) -> Result<Model> {
        let architecture = weights.architecture().clone();
        let kernels = Kernels::choose(options.kernels, options.precision, gpu.facts())?;
        let (program, variants) = prepare(gpu, weights, kernels, &options).await?;
        let total = 2 + variants.len();
        let LoadOptions { class_maps, progress, cancel, pause, .. } = options;
        let mut loading = Loading { progress, cancel, done: 0, total };
        loading.say("packing weights")?;
        let store = WeightStore::upload(gpu, &program.weights, weights, loading.cancel.as_ref(), &pause).await?;
        let model = Model::new(gpu, kernels, class_maps, architecture, store);
        for variant in &variants {
            pause.rest().await;
            loading.step(&format!("building {variant}"))?;
            model.pipeline(*variant).await?;
        }
        loading.step("compiling")?;
        warm(&model, &loading, &pause, driver).await?;
        loading.step("done")?;
        Ok(model)
    }
}

/// The program of the smallest image, whose weights are every program's, and the variants to build.
async fn prepare(
    gpu: &Gpu,
    weights: &Weights,
    kernels: Kernels,
    options: &LoadOptions,
) -> Result<(Program, Vec<Variant>)> {
    let architecture = weights.architecture();
    let lower = |size| {
        let plan = Plan::either(architecture, size, 1, options.class_maps)?;
        Program::lower(&plan, kernels, gpu.facts())
    };
    let program = lower(architecture.least_size()?)?;
    options.pause.rest().await;
    let mut variants = program.variants.clone();
    // Large layers have variants of their own. A limit that `size` exceeds is for its session to report.
    if let Some(Ok(sized)) = options.size.map(lower) {
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
    let mut session = model.session(options).await?;
    pause.rest().await;
    let image = vec![0.0; session.image_elements()];
    session.run_driven(&image, driver).await?;
    Ok(())
}
