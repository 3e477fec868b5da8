//! What was found out, for people: one text in Markdown, to read or to paste into an issue.

use std::fmt::Write as _;

use super::findings::{Examined, Findings, Times};

/// The operating system and processor.
pub(crate) fn system() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The whole report.
pub(crate) fn report(all: &[Findings]) -> Result<String, std::fmt::Error> {
    let mut text = format!("# densenet doctor {}, {}\n\n", env!("CARGO_PKG_VERSION"), system());
    for findings in all {
        writeln!(text, "- {}: {}", findings.engine.name(), summary(findings))?;
    }
    text += "\n";
    let header = ["#", "engine", "kind", "driver", "subgroup", "f16", "timestamps", "kernels"];
    text += &table(&header, all.iter().map(|findings| engine(&findings.engine)));
    for findings in all {
        section(&mut text, findings)?;
    }
    Ok(text.trim_end().to_string())
}

/// The verdict on an engine, on one line.
fn summary(findings: &Findings) -> String {
    let mut parts = Vec::new();
    if !findings.variants.is_empty() {
        let count = |what: &str| findings.variants.iter().filter(|answer| answer.result() == what).count();
        let [ok, wrong, failed, unsupported] = ["ok", "wrong", "failed", "unsupported"].map(count);
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        parts.push(format!("{ok} variants ok, {wrong} wrong{failed}, {unsupported} unsupported"));
    }
    if !findings.verified.is_empty() {
        let agree = findings.verified.iter().filter(|network| network.ok == Some(true)).count();
        parts.push(format!("{agree} of {} networks agree with the reference", findings.verified.len()));
    }
    parts.extend(findings.times.as_ref().map(|times| format!("{} in {:.1} ms", times.arch, times.median)));
    parts.extend(findings.error.as_ref().map(|error| format!("ENDED: {error}")));
    parts.join("; ")
}

fn engine(engine: &Examined) -> Vec<String> {
    let yes = |flag: bool| if flag { "yes" } else { "no" }.to_string();
    match engine {
        Examined::Adapter(index, facts) => vec![
            index.to_string(),
            engine.name(),
            facts.kind.to_string(),
            facts.driver.clone(),
            match (facts.subgroups, facts.subgroup_lanes()) {
                (false, _) => "no".into(),
                (true, Some(lanes)) => lanes.to_string(),
                (true, None) => format!("{}-{}", facts.subgroup_min, facts.subgroup_max),
            },
            yes(facts.shader_f16),
            yes(facts.timestamps),
            facts.family().to_string(),
        ],
        Examined::Cpu(_) => {
            ["cpu", &engine.name(), "cpu", "-", "-", "no", "yes", "-"].into_iter().map(str::to_string).collect()
        }
    }
}

/// What is wrong or interesting about an engine.
fn section(text: &mut String, findings: &Findings) -> std::fmt::Result {
    writeln!(text, "\n## {}\n", findings.engine.name())?;
    if let Some(error) = &findings.error {
        writeln!(text, "**Ended before the end**: {error}\n")?;
    }
    let wrong = findings.wrong().map(|answer| {
        vec![answer.variant.to_string(), answer.result().to_string(), answer.reason.clone().unwrap_or_default()]
    });
    if findings.wrong().next().is_some() {
        *text += &table(&["variant", "result", "reason"], wrong);
        *text += "\n";
    }
    for network in &findings.verified {
        let verdict = match (&network.error, &network.first_beyond) {
            (Some(error), _) => format!("**no answer**: {error}"),
            (None, Some(tap)) => format!("**wrong**, first at {tap}"),
            (None, None) => "ok".into(),
        };
        writeln!(text, "- verify {} at {}, {}: {verdict}", network.arch, network.size, network.precision)?;
    }
    if let Examined::Adapter(..) = findings.engine {
        writeln!(text, "- remembered choices: {}", findings.remembered)?;
    }
    match &findings.times {
        Some(times) => timed(text, times),
        None => Ok(()),
    }
}

fn timed(text: &mut String, times: &Times) -> std::fmt::Result {
    let Times { arch, size, batch, first, median, kernels, choices } = times;
    writeln!(
        text,
        "- {arch} at {size}, batch {batch}: first answer {first:.0} ms after loading began, then {median:.2} ms"
    )?;
    if !choices.is_empty() {
        let measured = choices.iter().filter(|choice| choice.measured).count();
        writeln!(text, "- variants of {} kinds of layers: {measured} chosen by measurement", choices.len())?;
    }
    if !kernels.is_empty() {
        let sum: f64 = kernels.iter().map(|(_, _, ms)| ms).sum();
        let rows = kernels.iter().map(|(kernel, steps, ms)| {
            let share = 100.0 * ms / sum.max(f64::MIN_POSITIVE);
            vec![kernel.clone(), steps.to_string(), format!("{ms:.3}"), format!("{share:.1} %")]
        });
        write!(text, "\n{}", table(&["kernel", "steps", "ms", "share"], rows))?;
    }
    Ok(())
}

/// A table in Markdown.
fn table(header: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let line = |cells: Vec<String>| {
        let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut text = line(header.iter().map(ToString::to_string).collect());
    text += &format!("|{}\n", "---|".repeat(header.len()));
    rows.for_each(|row| text += &line(row));
    text
}

#[cfg(test)]
mod tests {
    use densenet_wgpu::gpu::Verdict;
    use densenet_wgpu::low_level::kernels::{Kernel, Variant};
    use densenet_wgpu::{Cpu, CpuOptions, Precision};

    use super::super::findings::{Answer, Verified};
    use super::*;

    #[test]
    fn what_is_wrong_stands_out_and_what_is_right_is_counted() {
        let cpu = Cpu::new(CpuOptions::default()).expect("threads can be started");
        let mut findings = Findings::new(Examined::Cpu(cpu));
        let variant = Variant::plain(Kernel::named("buffer/pointwise_split").expect("it exists"), 64);
        let answer = |verdict, reason: Option<&str>| Answer { variant, verdict, reason: reason.map(str::to_string) };
        findings.variants = vec![answer(Some(Verdict::Right), None), answer(None, Some("subgroups of 16 lanes only"))];
        let verified = |ok, first_beyond: Option<&str>| Verified {
            arch: "small".into(),
            size: "8x8".into(),
            precision: Precision::F32,
            ok,
            first_beyond: first_beyond.map(str::to_string),
            error: None,
        };
        findings.verified = vec![verified(Some(true), None)];
        assert!(!findings.is_wrong());
        let text = report(&[findings]).expect("strings can be written");
        assert!(text.contains("1 variants ok, 0 wrong, 1 unsupported; 1 of 1 networks agree"), "{text}");
        assert!(!text.contains("pointwise_split"), "{text}");

        let cpu = Cpu::new(CpuOptions::default()).expect("threads can be started");
        let mut findings = Findings::new(Examined::Cpu(cpu));
        findings.variants = vec![answer(Some(Verdict::Wrong("1|2".into())), Some("1|2"))];
        assert!(findings.is_wrong());
        findings.verified = vec![verified(Some(false), Some("features.relu0"))];
        let text = report(&[findings]).expect("strings can be written");
        assert!(text.contains("| wrong | 1\\|2 |") && text.contains("first at features.relu0"), "{text}");
    }
}
