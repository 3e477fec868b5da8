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
        "RSS",
        "max error",
    ];
    let mut table = table::new(&header, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    let number = |result: &Value, key: &str| result[key].as_f64().unwrap_or(f64::NAN);
    for result in document["results"].as_array().into_iter().flatten() {
        let fixed = |key: &str, places: usize| match result[key].as_f64() {
            Some(number) => format!("{number:.places$}"),
            None => "-".into(),
        };
        let bytes = |key: &str| result[key].as_u64().map_or("-".into(), table::bytes);
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
            bytes("device_bytes"),
            bytes("rss_bytes"),
            format!("{:.1e}", number(result, "max_abs_error")),
        ]);
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let mut out = std::io::stdout().lock();
    let what = ["arch", "size", "precision"].map(|key| text(&document[key]));
    writeln!(out, "{} at {}, {}, {}", what[0], what[1], what[2], engine(document))?;
    writeln!(out, "{}", table::text(table))?;
    match document["layers"].as_array() {
        Some(layers) => print_layers(&mut out, layers, document["kernels"].is_string()),
        None => Ok(()),
    }
}

/// What ran, such as `buffer kernels, on NAME (discrete, vulkan)`.
fn engine(document: &Value) -> String {
    let adapter = &document["adapter"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    match document["kernels"].as_str() {
        Some(kernels) => {
            let facts = ["name", "kind", "backend"].map(|key| text(&adapter[key]));
            format!("{kernels} kernels, on {} ({}, {})", facts[0], facts[1], facts[2])
        }
        None => {
            let threads = adapter["threads"].as_u64().unwrap_or_default();
            let plural = if threads == 1 { "" } else { "s" };
            format!("on the CPU engine ({threads} thread{plural}, {})", text(&adapter["instructions"]))
        }
    }
}

fn print_layers(out: &mut impl std::io::Write, layers: &[Value], in_passes: bool) -> anyhow::Result<()> {
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
    let how = match in_passes {
        true => {
            " Each step was timed in a compute pass of its own; in a normal run all share one pass, which is faster."
        }
        false => "",
    };
    writeln!(out, "\n{sum:.1} ms in total.{how}")?;
    Ok(())
}
