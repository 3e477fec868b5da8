//! `densenet inspect`: what a weight file or an architecture is.

use std::io::Write as _;
use std::path::Path;

use comfy_table::Table;
use densenet_wgpu::architecture::Architecture;
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::picture::Orientation;
use densenet_wgpu::weights::{self, Fact, OpenOptions, Origin, Weights};
use densenet_wgpu::{Cpu, CpuOptions, GpuOptions, InputSize, KernelFamily, Preprocessing, gpu};
use indicatif::HumanCount;
use serde_json::{Map, Value, json};

use crate::cli::finish::{Usage, Verdict, print_json};
use crate::cli::network::NetworkArgs;
use crate::cli::scheme::Scheme;
use crate::cli::{positive, source, table};
use crate::engine::facts_json;
use crate::memory::Memory;

/// Describe a weight file or an architecture, and say where each statement comes from
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet inspect
  densenet inspect densenet121.safetensors
  densenet inspect densenet-bc-100-12 --plan
  densenet inspect densenet201 --size 320 --batch 8 --json")]
pub(crate) struct Arguments {
    /// Weight file, name of published weights (`densenet pull --list`), preset or JSON description; without it, the
    /// embedded digit model
    #[arg(value_name = "WEIGHTS|ARCH")]
    what: Option<String>,
    #[command(flatten)]
    reading: source::ReadingArgs,
    /// Input size, N or HxW; without it, the size that the network is usually run at
    #[arg(long, value_name = "N|HxW")]
    size: Option<InputSize>,
    /// Images in one pass
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive)]
    batch: usize,
    /// Kernel family whose memory `peak_device_bytes` in JSON is, `buffer` or `texture`
    #[arg(long, value_name = "FAMILY", default_value = "buffer")]
    kernels: KernelFamily,
    /// Print every step of the forward pass
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    network: NetworkArgs,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What is inspected: an architecture, and weights if there are any.
struct Subject {
    architecture: Architecture,
    weights: Option<Weights>,
    preprocessing: Preprocessing,
}

impl Subject {
    fn open(arguments: &Arguments) -> anyhow::Result<Subject> {
        let Arguments { reading, network, .. } = arguments;
        let weights = match arguments.what.as_deref() {
            None if reading.is_empty() => weights::embedded()?,
            None => return Err(Usage::error("--head and --part say how a file is read: name the file")),
            Some(name) if reading.is_empty() && is_architecture(name) => {
                let architecture = Architecture::from_name_or_file(name)?;
                let preprocessing = Preprocessing::default_for(&architecture);
                return Ok(Subject { architecture, weights: None, preprocessing });
            }
            Some(path) => {
                let path = network.locate(Path::new(path))?.path;
                weights::open_with(path, &reading.state(OpenOptions::default()))?
            }
        };
        let preprocessing = weights.preprocessing()?;
        Ok(Subject { architecture: weights.architecture().clone(), weights: Some(weights), preprocessing })
    }

    fn origin(&self) -> Option<&Origin> {
        self.weights.as_ref().map(Weights::origin)
    }

    /// What the file says about the network, and from where it is known.
    fn facts(&self) -> &[Fact] {
        self.origin().map_or(&[], |origin| &origin.facts)
    }

    fn labels(&self) -> Option<&[String]> {
        self.weights.as_ref().and_then(Weights::labels)
    }
}

/// Whether `name` is a preset, a JSON file, or a bare word that is no file: opening that lists the presets.
fn is_architecture(name: &str) -> bool {
    let path = Path::new(name);
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let is_word = !path.exists() && path.components().count() == 1 && !name.contains('.');
    Scheme::split(name).is_none() && (Architecture::preset(name).is_some() || is_json || is_word)
}

/// What a forward pass takes.
struct Cost {
    size: InputSize,
    batch: usize,
    /// Of one image, as they are usually counted.
    macs: u64,
    plan: Plan,
    memory: Vec<Memory>,
}

impl Cost {
    fn of(architecture: &Architecture, size: InputSize, batch: usize) -> anyhow::Result<Cost> {
        let macs = architecture.walk(size)?.iter().map(|layer| layer.macs).sum();
        let plan = Plan::new(architecture, size, batch)?;
        let memory = KernelFamily::ALL.map(|family| Memory::of(&plan, architecture, family));
        let memory = memory.into_iter().collect::<Result<_, _>>()?;
        Ok(Cost { size, batch, macs, plan, memory })
    }

    fn executed_macs(&self) -> u64 {
        self.plan.steps.iter().map(|step| step.macs).sum()
    }
}

pub(crate) fn inspect(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let subject = Subject::open(arguments)?;
    let size = arguments.size.unwrap_or_else(|| source::natural_size(&subject.preprocessing));
    let cost = Cost::of(&subject.architecture, size, arguments.batch)?;
    if arguments.json {
        print_json(&document(&subject, &cost, arguments)?)?;
        return Ok(Verdict::Success);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", table::text(describe(&subject, &cost)?))?;
    if arguments.plan {
        writeln!(out, "\n{}", cost.plan.to_string().trim_end())?;
    }
    Ok(Verdict::Success)
}

fn document(subject: &Subject, cost: &Cost, arguments: &Arguments) -> anyhow::Result<Value> {
    let Subject { architecture, preprocessing, .. } = subject;
    let origin = subject.origin();
    let chosen = cost.memory.iter().find(|memory| memory.family == arguments.kernels);
    Ok(json!({
        "name": source::name_of(architecture),
        "path": origin.and_then(|origin| origin.path.as_ref()).map(|path| path.to_string_lossy()),
        "format": origin.map(|origin| &origin.format),
        "scheme": origin.map(|origin| &origin.scheme),
        "architecture": architecture,
        "facts": facts_json(subject.facts()),
        "warnings": origin.map_or(&[][..], |origin| &origin.warnings),
        "parameters": architecture.parameter_count()?,
        "size": cost.size.to_string(),
        "batch": cost.batch,
        "macs": cost.macs,
        "executed_macs": cost.executed_macs(),
        "eps": architecture.eps,
        "classes": architecture.classes(),
        "labels": subject.labels(),
        "preset": preprocessing.to_string(),
        "orient": Orientation::default().to_string(),
        "kernels": arguments.kernels.to_string(),
        "activation_bytes": chosen.map(|memory| memory.footprint.activations),
        "peak_device_bytes": chosen.map(|memory| memory.footprint.total()),
        "memory": memory_json(cost),
        "runs_on": runs_on()?,
        "taps": cost.plan.taps.iter().map(|tap| &tap.name).collect::<Vec<_>>(),
        "plan": arguments.plan.then(|| cost.plan.to_string()),
    }))
}

/// The same for people.
fn describe(subject: &Subject, cost: &Cost) -> anyhow::Result<Table> {
    let Subject { architecture, preprocessing, .. } = subject;
    let mut table = table::new(&["what", "value", "from"], &[]);
    let mut row = |what: &str, value: String, from: &str| {
        table.add_row([what.to_string(), value, from.to_string()]);
    };
    let named = if subject.weights.is_some() { "" } else { "architecture" };
    row("network", source::name_of(architecture).into(), named);
    if let Some(origin) = subject.origin() {
        row("format", origin.format.clone(), "");
        row("naming scheme", origin.scheme.clone(), "");
    }
    for fact in subject.facts() {
        row(&fact.what, fact.value.clone(), &fact.from);
    }
    if subject.facts().is_empty() {
        describe_architecture(architecture, named, &mut row);
    }
    // A file's facts may have said it.
    if subject.facts().iter().all(|fact| fact.what != "preset") {
        row("preset", preprocessing.to_string(), "the network's default");
    }
    row("orientation", "pictures are turned as their EXIF data says".into(), "default; --orient stored");
    if let Some(labels) = subject.labels() {
        row("labels", preview(labels), "metadata");
    }
    row("parameters", HumanCount(architecture.parameter_count()?).to_string(), "");
    for warning in subject.origin().map_or(&[][..], |origin| &origin.warnings) {
        row("warning", warning.clone(), "");
    }
    let macs = format!("{}, executed {}", HumanCount(cost.macs), HumanCount(cost.executed_macs()));
    row(&format!("MACs at {}", cost.size), macs, "");
    for memory in &cost.memory {
        row(&format!("memory at batch {}", cost.batch), memory.text(), &format!("{} kernels", memory.family));
    }
    let activations = format!("activations {}", table::bytes(cost.plan.activation_bytes()));
    row(&format!("memory at batch {}", cost.batch), activations, "CPU engine");
    row("runs on", runs_on()?, "the best of this machine; --adapter");
    Ok(table)
}

/// What the network would run on without `--adapter`. No device is opened.
fn runs_on() -> anyhow::Result<String> {
    let adapters = gpu::adapters_blocking();
    match GpuOptions::default().hardware_only(true).position(&adapters) {
        Some(index) => Ok(format!("{} ({}, {})", adapters[index].name, adapters[index].kind, adapters[index].backend)),
        None => Ok(Cpu::new(CpuOptions::default())?.to_string()),
    }
}

/// Bytes by kernel family, and on the CPU engine.
fn memory_json(cost: &Cost) -> Map<String, Value> {
    let mut memory: Map<String, Value> = cost.memory.iter().map(|one| (one.family.to_string(), one.json())).collect();
    memory.insert("cpu".into(), json!({ "activations": cost.plan.activation_bytes() }));
    memory
}

fn describe_architecture(architecture: &Architecture, from: &str, row: &mut impl FnMut(&str, String, &str)) {
    let stem = &architecture.stem;
    let pool = stem.pool.map_or(String::new(), |pool| format!(", max pool {0}x{0}/{1}", pool.kernel, pool.stride));
    let norm = if stem.norm { " with batch norm" } else { "" };
    let convolution = format!("{0}x{0}/{1} to {2} channels{norm}{pool}", stem.kernel, stem.stride, stem.channels);
    row("stem", convolution, from);
    row("growth rate", architecture.growth_rate.to_string(), from);
    row("layers", list(&architecture.layers), from);
    row("bottleneck", architecture.bottleneck.map_or("none".into(), |width| width.to_string()), from);
    row("transitions", list(&architecture.transition_channels), from);
    row("input channels", architecture.input_channels.to_string(), from);
    row("eps", format!("{:e}", architecture.eps), from);
    let classes = architecture.classes().map_or("none: it ends with pooled features".into(), |n| n.to_string());
    row("classes", classes, from);
    row("head", architecture.head.to_string(), from);
    row("activation", format!("{:?}", architecture.activation).to_lowercase(), from);
}

fn list(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

fn preview(labels: &[String]) -> String {
    let shown: Vec<&str> = labels.iter().take(10).map(String::as_str).collect();
    let rest = if labels.len() > shown.len() { format!(", ... ({})", labels.len()) } else { String::new() };
    shown.join(", ") + &rest
}
