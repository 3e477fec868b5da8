//! `densenet adapters`: what this machine could run on.

use std::io::Write as _;

use densenet_wgpu::{AdapterFacts, AdapterKind, Cpu, CpuOptions, gpu};
use serde_json::{Value, json};

use crate::cli::adapter::{adapter_json, cpu_json};
use crate::cli::finish::{Verdict, print_json};
use crate::cli::table;

/// List every adapter and the CPU engine, the best first, with what matters of their limits and the kernel family chosen
///
/// What stands first runs where no --adapter is given. --adapter takes what stands under #, or a part of an adapter's name.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  densenet adapters\n  densenet adapters --json | jq '.adapters[0].name'")]
pub(crate) struct Arguments {
    /// Print one JSON document: {"adapters": [...]}; the index of the CPU engine is null
    #[arg(long)]
    json: bool,
}

pub(crate) fn adapters(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let found = gpu::adapters_blocking();
    let cpu = Cpu::new(CpuOptions::default())?;
    if arguments.json {
        let mut list = Vec::new();
        for (index, facts) in found.iter().enumerate() {
            list.push(indexed(adapter_json(facts)?, json!(index)));
        }
        list.insert(place(&found), indexed(cpu_json(&cpu), Value::Null));
        print_json(&json!({ "adapters": list }))?;
        return Ok(Verdict::Success);
    }
    let header = ["#", "name", "type", "backend", "driver", "buffer", "binding", "subgroup", "f16", "time", "kernels"];
    let mut table = table::new(&header, &[0, 5, 6, 7]);
    let mut rows: Vec<[String; 11]> = found.iter().enumerate().map(|(index, facts)| row(index, facts)).collect();
    rows.insert(place(&found), cpu_row(&cpu));
    for row in rows {
        table.add_row(row);
    }
    writeln!(std::io::stdout().lock(), "{}", table::text(table))?;
    Ok(Verdict::Success)
}

/// Where the CPU engine stands among adapters: before those that are software.
fn place(adapters: &[AdapterFacts]) -> usize {
    adapters.iter().position(|facts| facts.kind == AdapterKind::Software).unwrap_or(adapters.len())
}

/// With what `--adapter` takes for it besides its name.
fn indexed(mut engine: Value, index: Value) -> Value {
    engine["index"] = index;
    engine
}

fn row(index: usize, facts: &AdapterFacts) -> [String; 11] {
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_string();
    let subgroup = match (facts.subgroups, facts.subgroup_min == facts.subgroup_max) {
        (false, _) => "no".into(),
        (true, true) => facts.subgroup_min.to_string(),
        (true, false) => format!("{}-{}", facts.subgroup_min, facts.subgroup_max),
    };
    [
        index.to_string(),
        facts.name.clone(),
        facts.kind.to_string(),
        facts.backend.clone(),
        facts.driver.clone(),
        table::bytes(facts.limits.max_buffer_size),
        table::bytes(facts.limits.max_storage_buffer_binding_size),
        subgroup,
        yes(facts.shader_f16),
        yes(facts.timestamps),
        facts.family().to_string(),
    ]
}

fn cpu_row(cpu: &Cpu) -> [String; 11] {
    let name = cpu.to_string();
    let cells = ["cpu", &name, "cpu", "-", "-", "-", "-", "-", "no", "yes", "-"];
    cells.map(str::to_string)
}

#[cfg(test)]
mod tests {
    use densenet_wgpu::DeviceLimits;

    use super::*;

    #[test]
    fn the_cpu_engine_stands_before_software() {
        let facts = |kind| AdapterFacts {
            name: String::new(),
            kind,
            backend: String::new(),
            driver: String::new(),
            limits: DeviceLimits::default(),
            subgroups: false,
            subgroup_min: 0,
            subgroup_max: 0,
            shader_f16: false,
            timestamps: false,
        };
        use AdapterKind::{Discrete, Other, Software};
        for (kinds, at) in [(&[][..], 0), (&[Software], 0), (&[Discrete, Software], 1), (&[Discrete, Other], 2)] {
            assert_eq!(place(&kinds.iter().map(|&kind| facts(kind)).collect::<Vec<_>>()), at, "{kinds:?}");
        }
    }
}
