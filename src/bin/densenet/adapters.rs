//! `densenet adapters`: what this machine could run on.

use std::io::Write as _;

use densenet_wgpu::gpu;
use serde_json::json;

use crate::cli::adapter::adapter_json;
use crate::cli::finish::{Verdict, print_json};
use crate::cli::table;

/// List every adapter, the best first, with what matters of its limits and the kernel family chosen for it
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  densenet adapters\n  densenet adapters --json | jq '.adapters[0].name'")]
pub(crate) struct Arguments {
    /// Print one JSON document: {"adapters": [...]}
    #[arg(long)]
    json: bool,
}

pub(crate) fn adapters(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let found = gpu::adapters_blocking();
    if arguments.json {
        let list = found.iter().map(adapter_json).collect::<Result<Vec<_>, _>>()?;
        print_json(&json!({ "adapters": list }))?;
    }
    if found.is_empty() {
        // Opening one says what to do about it.
        densenet_wgpu::Gpu::new_blocking(densenet_wgpu::GpuOptions::default())?;
    }
    if arguments.json {
        return Ok(Verdict::Success);
    }
    let header = ["#", "name", "type", "backend", "driver", "buffer", "binding", "subgroup", "f16", "time", "kernels"];
    let mut table = table::new(&header, &[0, 5, 6, 7]);
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_string();
    for (index, facts) in found.iter().enumerate() {
        let subgroup = match (facts.subgroups, facts.subgroup_min == facts.subgroup_max) {
            (false, _) => "no".into(),
            (true, true) => facts.subgroup_min.to_string(),
            (true, false) => format!("{}-{}", facts.subgroup_min, facts.subgroup_max),
        };
        table.add_row([
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
        ]);
    }
    writeln!(std::io::stdout().lock(), "{}", table::text(table))?;
    Ok(Verdict::Success)
}
