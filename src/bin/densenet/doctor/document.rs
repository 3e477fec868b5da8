//! What was found out, as JSON.

use serde_json::{Value, json};

use super::findings::{Examined, Findings};
use crate::cli::adapter::cpu_json;

/// The whole document.
pub(crate) fn document(all: &[Findings]) -> anyhow::Result<Value> {
    let each = |list: fn(usize, &Findings) -> Vec<Value>| -> Vec<Value> {
        all.iter().enumerate().flat_map(|(index, findings)| list(index, findings)).collect()
    };
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "os": super::report::system(),
        "engines": all.iter().map(engine).collect::<serde_json::Result<Vec<_>>>()?,
        "variants": each(variants),
        "verify": each(verify),
        "times": each(times),
        "kernels": each(kernels),
        "choices": each(choices),
    }))
}

fn engine(findings: &Findings) -> serde_json::Result<Value> {
    let mut engine = match &findings.engine {
        Examined::Adapter(index, facts) => json!({
            "index": index,
            "name": facts.name,
            "kind": facts.kind,
            "backend": facts.backend,
            "driver": facts.driver,
            "limits": serde_json::to_value(facts.limits)?,
            "subgroups": facts.subgroups.then_some([facts.subgroup_min, facts.subgroup_max]),
            "f16": facts.shader_f16,
            "timestamps": facts.timestamps,
            "kernels": facts.family().to_string(),
            "remembered": findings.remembered,
        }),
        Examined::Cpu(cpu) => {
            let mut engine = cpu_json(cpu);
            for key in ["index", "backend", "driver", "limits", "subgroups", "remembered"] {
                engine[key] = Value::Null;
            }
            engine["f16"] = json!(false);
            engine["timestamps"] = json!(true);
            engine
        }
    };
    engine["error"] = json!(findings.error);
    Ok(engine)
}

fn variants(adapter: usize, findings: &Findings) -> Vec<Value> {
    let answers = findings.variants.iter().map(|answer| {
        json!({
            "adapter": adapter,
            "kernel": answer.variant.kernel.name(),
            "variant": answer.variant.to_string(),
            "result": answer.result(),
            "reason": answer.reason,
        })
    });
    answers.collect()
}

fn verify(adapter: usize, findings: &Findings) -> Vec<Value> {
    let networks = findings.verified.iter().map(|network| {
        json!({
            "adapter": adapter,
            "arch": network.arch,
            "size": network.size,
            "precision": network.precision.to_string(),
            "ok": network.ok,
            "first_beyond": network.first_beyond,
            "error": network.error,
        })
    });
    networks.collect()
}

fn times(adapter: usize, findings: &Findings) -> Vec<Value> {
    let times = findings.times.iter().map(|times| {
        json!({
            "adapter": adapter,
            "arch": times.arch,
            "size": times.size,
            "batch": times.batch,
            "first_ms": times.first,
            "median_ms": times.median,
        })
    });
    times.collect()
}

fn kernels(adapter: usize, findings: &Findings) -> Vec<Value> {
    let kernels = findings.times.iter().flat_map(|times| &times.kernels);
    kernels
        .map(|(kernel, steps, ms)| json!({ "adapter": adapter, "kernel": kernel, "steps": steps, "ms": ms }))
        .collect()
}

fn choices(adapter: usize, findings: &Findings) -> Vec<Value> {
    let choices = findings.times.iter().flat_map(|times| &times.choices).map(|choice| {
        json!({
            "adapter": adapter,
            "layer": choice.layer,
            "variant": choice.variant,
            "ms": choice.ms,
            "measured": choice.measured,
        })
    });
    choices.collect()
}
