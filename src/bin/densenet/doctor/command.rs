//! The command: its arguments, and the order of it all.

use std::io::Write as _;

use densenet_wgpu::{AdapterFacts, Cpu, CpuOptions, GpuOptions, gpu};

use super::cases::Networks;
use super::document::document;
use super::examine::Examination;
use super::report::report;
use crate::cli::finish::{Usage, Verdict, print_json};

/// Examine this machine: which engines it has, whether they compute right, how fast they are and by which kernels
///
/// Every kernel variant answers questions with known answers; small networks are compared with the CPU reference, layer by layer;
/// densenet121 is timed. What earlier runs found right is asked again. It may take minutes. One report comes out, in Markdown: paste it
/// into an issue. The exit status is 1 if something answered wrongly, or if the adapter that is named could not be examined.
///
/// Adapters of GL run only where a device has no other driver, and build shaders slowly: without --adapter they are asked the variants
/// that densenet121 and the embedded model take.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  densenet doctor
  densenet doctor --adapter 0 --quick
  densenet doctor --json > doctor.json")]
pub(crate) struct Arguments {
    /// Examine only this: part of an adapter's name, its index in `densenet adapters`, or `cpu`
    #[arg(long, value_name = "NAME", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    adapter: Option<String>,
    /// Ask only the variants that densenet121 and the embedded model take, and time nothing
    #[arg(long)]
    quick: bool,
    /// Print one JSON document: {"engines": [..], "variants": [..], "verify": [..], "times": [..], "kernels": [..], "choices": [..]}
    #[arg(long)]
    json: bool,
}

pub(crate) fn doctor(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let (adapters, with_cpu) = engines(arguments.adapter.as_deref())?;
    let networks = Networks::new()?;
    let cases = networks.cases()?;
    let examination = Examination {
        networks: &networks,
        cases: &cases,
        every_variant: !arguments.quick,
        gl_too: arguments.adapter.is_some(),
        times: !arguments.quick,
    };
    let mut all: Vec<_> = adapters.iter().map(|(index, facts)| examination.of_adapter(*index, facts)).collect();
    if with_cpu {
        all.push(examination.of_cpu(Cpu::new(CpuOptions::default())?));
    }
    if arguments.json {
        print_json(&document(&all)?)?;
    } else {
        writeln!(std::io::stdout().lock(), "{}", report(&all)?)?;
    }
    let is_bad =
        all.iter().any(|findings| findings.is_wrong() || (arguments.adapter.is_some() && findings.error.is_some()));
    Ok(if is_bad { Verdict::Failure } else { Verdict::Success })
}

/// Adapters with their indices, and whether the CPU engine is among what is examined.
fn engines(named: Option<&str>) -> anyhow::Result<(Vec<(usize, AdapterFacts)>, bool)> {
    match named {
        Some(name) if name.eq_ignore_ascii_case("reference") => {
            Err(Usage::error("doctor compares engines with the CPU reference: --adapter reference compares nothing"))
        }
        Some(name) if name.eq_ignore_ascii_case("cpu") => Ok((Vec::new(), true)),
        Some(name) => {
            let found = gpu::adapters_blocking();
            let Some(index) = GpuOptions::default().adapter(name).position(&found) else {
                anyhow::bail!("no adapter matches '{name}': `densenet adapters` lists those that exist");
            };
            Ok((found.into_iter().enumerate().filter(|(place, _)| *place == index).collect(), false))
        }
        None => Ok((gpu::adapters_blocking().into_iter().enumerate().collect(), true)),
    }
}
