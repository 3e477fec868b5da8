//! `--adapter`, `--threads`, `--kernels`, `--precision`, `--no-self-test` and `--no-tune`.

use densenet_wgpu::{
    AdapterFacts, Cpu, CpuOptions, Engine, Gpu, GpuOptions, KernelFamily, LoadOptions, Precision, Tuning, Weights,
};
use serde_json::{Value, json};

use super::finish::Usage;
use super::progress;

/// Where the network runs, and how an adapter runs it.
#[derive(clap::Args, Debug)]
pub(crate) struct AdapterArgs {
    /// `cpu` for the CPU engine, part of an adapter's name or its index in `densenet adapters`, or `reference` for the slow
    /// CPU reference; without it a GPU, else the CPU engine
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) adapter: Option<String>,
    /// Threads of the CPU engine, which is chosen with this; as many as there are cores where not given
    #[arg(long, value_name = "N", value_parser = threads)]
    pub(crate) threads: Option<usize>,
    /// Kernel family, `buffer` or `texture`, on an adapter; what suits the adapter where not given
    #[arg(long, value_name = "FAMILY")]
    pub(crate) kernels: Option<KernelFamily>,
    /// What weights are stored as, `f32` or, on an adapter, `f16` (buffer kernels only; half the memory, rounded results)
    #[arg(long, value_name = "f32|f16", default_value_t)]
    pub(crate) precision: Precision,
    /// Trust an adapter's driver: do not ask each kernel small questions with known answers before it runs. A driver that
    /// computes wrong values then gives wrong answers
    #[arg(long)]
    pub(crate) no_self_test: bool,
    /// Do not measure kernels on an adapter, and ignore what was measured (`densenet tune`): always the same choice
    #[arg(long)]
    pub(crate) no_tune: bool,
}

fn threads(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| (1..=Cpu::MAX_THREADS).contains(count));
    count.ok_or_else(|| format!("a whole number from 1 to {} is expected", Cpu::MAX_THREADS))
}

impl AdapterArgs {
    /// Whether the CPU reference is asked for.
    pub(crate) fn is_reference(&self) -> bool {
        self.is_named("reference")
    }

    fn is_named(&self, engine: &str) -> bool {
        self.adapter.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(engine))
    }

    /// An option that only adapters have, if it is given.
    fn of_adapters(&self) -> Option<&'static str> {
        let options = [
            (self.kernels.is_some(), "--kernels is for adapters"),
            (self.precision == Precision::F16, "--precision f16 is for adapters"),
            (self.no_self_test, "--no-self-test is for adapters"),
            (self.no_tune, "--no-tune is for adapters"),
        ];
        options.into_iter().find(|(given, _)| *given).map(|(_, what)| what)
    }

    /// Whether an option chooses the best adapter, where none is named. The options without which an adapter is tested and measured
    /// do not: they say nothing about where to run.
    pub(crate) fn wants_adapter(&self) -> bool {
        self.kernels.is_some() || self.precision == Precision::F16
    }

    /// What was said about tuning.
    pub(crate) fn tuning(&self) -> Option<Tuning> {
        self.no_tune.then_some(Tuning::Off)
    }

    /// Refuses options that the chosen engine does not have.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let is_cpu = self.is_named("cpu") || (self.adapter.is_none() && self.threads.is_some());
        if self.threads.is_some() && !is_cpu {
            return Err(Usage::error("--threads is for the CPU engine: leave it out, or choose --adapter cpu"));
        }
        match self.of_adapters() {
            Some(option) if is_cpu => {
                Err(Usage::error(format!("{option}: the CPU engine has no kernels to choose from and computes in f32")))
            }
            Some(option) if self.is_reference() => Err(Usage::error(format!("{option}: the CPU reference has none"))),
            _ => Ok(()),
        }
    }

    /// What the arguments name, not opened yet, else the best.
    pub(crate) fn engine(&self) -> anyhow::Result<Engine> {
        self.check()?;
        Ok(match &self.adapter {
            _ if self.threads.is_some() => Cpu::new(CpuOptions::default().threads(self.threads))?.into(),
            Some(name) => Engine::from(name.as_str()),
            None => Engine::Best,
        })
    }

    /// Opens what the arguments name, else a GPU or the CPU engine; a kernel family or f16 chooses the best adapter.
    pub(crate) fn open(&self) -> anyhow::Result<Engine> {
        match self.engine()? {
            Engine::Best if self.wants_adapter() => Ok(Gpu::new_blocking(GpuOptions::default())?.into()),
            engine => Ok(engine.open_blocking()?),
        }
    }

    /// How to load a model with these options and a progress bar; `class_maps` as in [`LoadOptions::class_maps`].
    pub(crate) fn load_options(&self, weights: &Weights, class_maps: bool) -> LoadOptions {
        LoadOptions::default()
            .kernels(self.kernels)
            .precision(self.precision)
            .self_test(!self.no_self_test)
            .tuning(self.tuning())
            .class_maps(class_maps)
            .size(weights.preprocessing().ok().and_then(|preprocessing| preprocessing.size()))
            .progress(progress::loading())
    }
}

/// An adapter as JSON: its facts and the kernel family that suits it.
pub(crate) fn adapter_json(facts: &AdapterFacts) -> serde_json::Result<Value> {
    let mut value = serde_json::to_value(facts)?;
    value["kernels"] = json!(facts.family().to_string());
    Ok(value)
}

/// The CPU engine as JSON.
pub(crate) fn cpu_json(cpu: &Cpu) -> Value {
    json!({
        "name": "cpu",
        "kind": "cpu",
        "threads": cpu.threads(),
        "instructions": cpu.instructions(),
        "kernels": null,
    })
}
