//! The report for people.

use std::io::Write as _;

use serde_json::Value;

use crate::cli::table;

/// The first document, with the results of all; none if there are no documents.
pub(crate) fn merge(documents: Vec<Value>) -> Option<Value> {
    documents.into_iter().reduce(|mut all, next| {
        if let (Some(results), Some(more)) = (all["results"].as_array_mut(), next["results"].as_array()) {
            results.extend(more.iter().cloned());
        }
        all
    })
}

pub(crate) fn print(document: &Value) -> anyhow::Result<()> {
    let header = [
        "batch",
        "first ms",
        "median ms",
        "min ms",
        "p95 ms",
        "images/s",
        "GFLOP/s",
        "dispatches",
        "encode ms",
        "device",
        "max error",
    ];
    let mut table = table::new(&header, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    let number = |result: &Value, key: &str| result[key].as_f64().unwrap_or(f64::NAN);
    for result in document["results"].as_array().into_iter().flatten() {
        let fixed = |key: &str, places: usize| format!("{:.places$}", number(result, key));
        table.add_row([
            fixed("batch", 0),
            fixed("first_ms", 0),
            fixed("median_ms", 2),
            fixed("min_ms", 2),
            fixed("p95_ms", 2),
            fixed("images_per_s", 1),
            fixed("gflops", 1),
            fixed("dispatches", 0),
            fixed("encode_ms", 3),
            table::bytes(result["device_bytes"].as_u64().unwrap_or_default()),
            format!("{:.1e}", number(result, "max_abs_error")),
        ]);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let adapter = &document["adapter"];
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} at {}, {}, {} kernels, on {} ({}, {})",
        text(&document["arch"]),
        text(&document["size"]),
        text(&document["precision"]),
        text(&document["kernels"]),
        text(&adapter["name"]),
        text(&adapter["kind"]),
        text(&adapter["backend"])
    )?;
    writeln!(out, "{}", table::text(table))?;
    match document["layers"].as_array() {
        Some(layers) => print_layers(&mut out, layers),
        None => Ok(()),
    }
}

fn print_layers(out: &mut impl std::io::Write, layers: &[Value]) -> anyhow::Result<()> {
    let mut table = table::new(&["step", "kernel", "ms", "GFLOP/s"], &[2, 3]);
    let mut sum = 0.0;
    for layer in layers {
        let text = |key: &str| layer[key].as_str().unwrap_or_default().to_string();
        let number = |key: &str| layer[key].as_f64().unwrap_or(f64::NAN);
        sum += number("ms");
        table.add_row([
            text("name"),
            text("kernel"),
            format!("{:.3}", number("ms")),
            format!("{:.1}", number("gflops")),
        ]);
    }
    writeln!(out, "\n{}", table::text(table))?;
    writeln!(
        out,
        "\n{sum:.1} ms in total. Each step was timed in a compute pass of its own; in a normal run all share one pass, \
         which is faster."
    )?;
    Ok(())
}
