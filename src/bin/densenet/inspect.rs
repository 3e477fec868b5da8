//! `densenet inspect`: what a weight file or an architecture is.

use std::io::Write as _;
use std::path::Path;

use densenet_wgpu::InputSize;
use densenet_wgpu::KernelFamily;
use densenet_wgpu::Preprocessing;
use densenet_wgpu::architecture::{Architecture, PRESETS};
use densenet_wgpu::low_level::plan::Plan;
use densenet_wgpu::weights::{self, Weights};
use serde_json::json;

use crate::cli::finish::{Verdict, print_json};
use crate::cli::{positive, source, table};
use crate::engine::facts_json;
use crate::memory::Memory;

/// Say what a weight file or an architecture is, and where each statement comes from
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet inspect
  densenet inspect densenet121.safetensors
  densenet inspect densenet-bc-100-12 --plan
  densenet inspect densenet201 --size 320 --batch 8 --json")]
pub(crate) struct Arguments {
    /// Weight file, preset name or JSON description; the embedded model where not given
    #[arg(value_name = "WEIGHTS|ARCH")]
    what: Option<String>,
    /// Input size, N or HxW; what the network is usually run at where not given
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
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What is inspected: an architecture always, weights where there are any.
struct Subject {
    architecture: Architecture,
    weights: Option<Weights>,
    preset: Preprocessing,
}

impl Subject {
    fn open(what: Option<&str>) -> anyhow::Result<Subject> {
        let weights = match what {
            None => weights::embedded()?,
            Some(name) if is_architecture(name) => {
                let architecture = Architecture::from_name_or_file(name)?;
                let preset = Preprocessing::default_for(&architecture);
                return Ok(Subject { architecture, weights: None, preset });
            }
            Some(path) => weights::open(path)?,
        };
        let preset = weights.preprocessing()?;
        Ok(Subject { architecture: weights.architecture().clone(), weights: Some(weights), preset })
    }
}

/// A preset, a JSON file, or a bare word that is no file: then the error lists the presets.
fn is_architecture(name: &str) -> bool {
    let path = Path::new(name);
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    PRESETS.contains(&name) || is_json || (!path.exists() && path.components().count() == 1 && !name.contains('.'))
}

pub(crate) fn inspect(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let subject = Subject::open(arguments.what.as_deref())?;
    let architecture = &subject.architecture;
    let size = arguments.size.unwrap_or_else(|| source::natural_size(&subject.preset));
    let layers = architecture.walk(size)?;
    let macs: u64 = layers.iter().map(|layer| layer.macs).sum();
    let plan = Plan::new(architecture, size, arguments.batch)?;
    let executed: u64 = plan.steps.iter().map(|step| step.macs).sum();
    let memory = KernelFamily::ALL.map(|family| Memory::of(&plan, architecture, family));
    let memory = memory.into_iter().collect::<Result<Vec<_>, _>>()?;

    if arguments.json {
        let chosen = memory.iter().find(|memory| memory.family == arguments.kernels);
        let origin = subject.weights.as_ref().map(Weights::origin);
        let facts = facts_json(origin.map(|origin| origin.facts.as_slice()).unwrap_or_default());
        print_json(&json!({
            "name": source::name_of(architecture),
            "path": origin.and_then(|origin| origin.path.as_ref()).map(|path| path.to_string_lossy()),
            "format": origin.map(|origin| &origin.format),
            "scheme": origin.map(|origin| &origin.scheme),
            "architecture": architecture,
            "facts": facts,
            "parameters": architecture.parameter_count()?,
            "size": size.to_string(),
            "batch": arguments.batch,
            "macs": macs,
            "executed_macs": executed,
            "eps": architecture.eps,
            "classes": architecture.classes,
            "labels": subject.weights.as_ref().and_then(Weights::labels),
            "preset": subject.preset.to_string(),
            "kernels": arguments.kernels.to_string(),
            "activation_bytes": chosen.map(|memory| memory.footprint.activations),
            "peak_device_bytes": chosen.map(|memory| memory.footprint.total()),
            "memory": memory.iter().map(|one| (one.family.to_string(), one.json())).collect::<serde_json::Map<_, _>>(),
            "taps": plan.taps.iter().map(|tap| &tap.name).collect::<Vec<_>>(),
            "plan": arguments.plan.then(|| plan.to_string()),
        }))?;
        return Ok(Verdict::Success);
    }

    let mut table = table::new(&["what", "value", "from"], &[]);
    let mut row = |what: &str, value: String, from: &str| {
        table.add_row([what.to_string(), value, from.to_string()]);
    };
    let named = if subject.weights.is_some() { "" } else { "architecture" };
    row("network", source::name_of(architecture).into(), named);
    if let Some(weights) = &subject.weights {
        let origin = weights.origin();
        row("format", origin.format.clone(), "");
        row("naming scheme", origin.scheme.clone(), "");
        for fact in &origin.facts {
            row(&fact.what, fact.value.clone(), &fact.from);
        }
    }
    if subject.weights.as_ref().is_none_or(|weights| weights.origin().facts.is_empty()) {
        describe(architecture, named, &mut row);
    }
    // A file's facts say it where the file does.
    if subject.weights.as_ref().is_none_or(|weights| weights.origin().facts.iter().all(|fact| fact.what != "preset")) {
        row("preset", subject.preset.to_string(), "default for the network");
    }
    if let Some(labels) = subject.weights.as_ref().and_then(Weights::labels) {
        row("labels", preview(labels), "metadata");
    }
    row("parameters", grouped(architecture.parameter_count()?), "");
    row(&format!("MACs at {size}"), format!("{}, executed {}", grouped(macs), grouped(executed)), "");
    for memory in &memory {
        row("device memory", memory.text(arguments.batch), &format!("{} kernels", memory.family));
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", table.trim_fmt())?;
    if arguments.plan {
        writeln!(out, "\n{}", plan.to_string().trim_end())?;
    }
    Ok(Verdict::Success)
}

fn describe(architecture: &Architecture, from: &str, row: &mut impl FnMut(&str, String, &str)) {
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
    let classes = architecture.classes.map_or("none: it ends with pooled features".into(), |n| n.to_string());
    row("classes", classes, from);
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

/// 12345678 as `12,345,678`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}
