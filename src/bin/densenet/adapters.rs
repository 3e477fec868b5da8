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
    let places = places(&found);
    if arguments.json {
        let json_of = |place: &Option<usize>| match *place {
            Some(index) => Ok(indexed(adapter_json(&found[index])?, json!(index))),
            None => Ok(indexed(cpu_json(&cpu), Value::Null)),
        };
        let list = places.iter().map(json_of).collect::<serde_json::Result<Vec<_>>>()?;
        print_json(&json!({ "adapters": list }))?;
        return Ok(Verdict::Success);
    }
    let header = ["#", "name", "type", "backend", "driver", "buffer", "binding", "subgroup", "f16", "time", "kernels"];
    let mut table = table::new(&header, &[0, 5, 6, 7]);
    for place in places {
        table.add_row(place.map_or_else(|| cpu_row(&cpu), |index| row(index, &found[index])));
    }
    writeln!(std::io::stdout().lock(), "{}", table::text(table))?;
    Ok(Verdict::Success)
}

/// Indices of adapters in the order in which they are chosen, with none for the CPU engine: GPUs stand before it, even
/// those of GL, and software behind.
fn places(adapters: &[AdapterFacts]) -> Vec<Option<usize>> {
    let is_software = |&index: &usize| adapters[index].kind == AdapterKind::Software;
    let (software, gpus): (Vec<usize>, Vec<usize>) = (0..adapters.len()).partition(is_software);
    gpus.into_iter().map(Some).chain([None]).chain(software.into_iter().map(Some)).collect()
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
    fn gpus_stand_before_the_cpu_engine_and_software_behind() {
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
        for (kinds, order) in [
            (&[][..], &[None][..]),
            (&[Software], &[None, Some(0)]),
            (&[Discrete, Software], &[Some(0), None, Some(1)]),
            (&[Software, Discrete, Software], &[Some(1), None, Some(0), Some(2)]),
            (&[Discrete, Other], &[Some(0), Some(1), None]),
        ] {
            assert_eq!(places(&kinds.iter().map(|&kind| facts(kind)).collect::<Vec<_>>()), order, "{kinds:?}");
        }
    }
}
