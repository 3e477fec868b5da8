//! The time of every step as a picture: horizontal bars in the order of the steps, coloured by kernel.

use std::fmt::Display;

use anyhow::{Context as _, anyhow};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use serde_json::Value;

const WIDTH: i32 = 1100;
/// A step's row, high enough for its name.
const ROW: i32 = 15;
/// Pixels of a letter of a step's name, and room beside the names.
const LETTER: f64 = 5.8;
const MARGIN: i32 = 20;
/// The title's two lines, then a line of the legend for each kernel, then the axis.
const TITLE: i32 = 62;
const LEGEND_ROW: i32 = 19;
const AXIS: i32 = 40;
/// Room behind the longest bar, for its time.
const BEHIND: i32 = 60;

/// Okabe and Ito's colours, which colour-blind people can tell apart, then darker ones; no network has more kernels.
const COLOURS: [RGBColor; 12] = [
    RGBColor(230, 159, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(150, 140, 20),
    RGBColor(86, 180, 233),
    RGBColor(110, 110, 110),
    RGBColor(120, 60, 160),
    RGBColor(120, 80, 40),
    RGBColor(20, 70, 60),
    RGBColor(160, 20, 60),
];

struct Step<'a> {
    name: &'a str,
    class: usize,
    ms: f64,
}

/// All steps of one kernel.
struct Class<'a> {
    name: &'a str,
    steps: usize,
    ms: f64,
}

/// `texture/conv3x3+subgroup/8` is a variant of the kernel `conv3x3`.
fn kernel_of(variant: &str) -> &str {
    let file = variant.split('/').nth(1).unwrap_or(variant);
    file.split('+').next().unwrap_or(file)
}

fn read(document: &Value) -> anyhow::Result<(Vec<Step<'_>>, Vec<Class<'_>>)> {
    let (mut steps, mut classes) = (Vec::new(), Vec::<Class<'_>>::new());
    for layer in document["layers"].as_array().context("no step was timed")? {
        let text = |key: &str| layer[key].as_str().with_context(|| format!("a step without {key}"));
        let (name, kernel) = (text("name")?, kernel_of(text("kernel")?));
        let ms = layer["ms"].as_f64().with_context(|| format!("the step '{name}' has no time"))?;
        let class = classes.iter().position(|class| class.name == kernel).unwrap_or_else(|| {
            classes.push(Class { name: kernel, steps: 0, ms: 0.0 });
            classes.len() - 1
        });
        classes[class].steps += 1;
        classes[class].ms += ms;
        steps.push(Step { name, class, ms });
    }
    Ok((steps, classes))
}

/// The picture of a benchmark's document, whose `layers` must be there.
pub(crate) fn svg(document: &Value) -> anyhow::Result<String> {
    let (steps, classes) = read(document)?;
    let mut svg = String::new();
    draw(&mut svg, document, &steps, &classes).map_err(|error| anyhow!("the picture could not be drawn: {error}"))?;
    Ok(svg)
}

fn draw(
    svg: &mut String,
    document: &Value,
    steps: &[Step<'_>],
    classes: &[Class<'_>],
) -> Result<(), Box<dyn std::error::Error>> {
    let top = MARGIN + TITLE + classes.len() as i32 * LEGEND_ROW;
    let rows = steps.len() as i32 * ROW;
    let height = top + AXIS + rows + AXIS + MARGIN;
    let letters = steps.iter().map(|step| step.name.chars().count()).max().unwrap_or(0);
    let left = MARGIN + (letters as f64 * LETTER).ceil() as i32 + 10;
    let sum: f64 = steps.iter().map(|step| step.ms).sum();
    let longest = steps.iter().map(|step| step.ms).fold(f64::MIN_POSITIVE, f64::max);

    let root = SVGBackend::with_string(svg, (WIDTH as u32, height as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    let plain = |size: i32, colour: &RGBColor| ("sans-serif", size).into_font().color(colour);
    let write = |text: &dyn Display, at: (i32, i32), size: i32, colour: &RGBColor, side: HPos| {
        let style = plain(size, colour).pos(Pos::new(side, VPos::Center));
        root.draw(&Text::new(text.to_string(), at, style))
    };
    write(&title(document), (MARGIN, MARGIN + 10), 20, &BLACK, HPos::Left)?;
    write(&subtitle(document, sum), (MARGIN, MARGIN + 36), 13, &BLACK, HPos::Left)?;

    let mut order: Vec<usize> = (0..classes.len()).collect();
    order.sort_by(|&a, &b| classes[b].ms.total_cmp(&classes[a].ms));
    for (row, class) in (0..).zip(order) {
        let (y, Class { name, steps, ms }) = (MARGIN + TITLE + row * LEGEND_ROW, &classes[class]);
        root.draw(&Circle::new((MARGIN + 6, y), 6, COLOURS[class % COLOURS.len()].filled()))?;
        write(name, (MARGIN + 20, y), 13, &BLACK, HPos::Left)?;
        write(&format!("{ms:.2} ms"), (MARGIN + 205, y), 13, &BLACK, HPos::Right)?;
        write(
            &format!("{:.1} %", ms / sum.max(f64::MIN_POSITIVE) * 100.0),
            (MARGIN + 275, y),
            13,
            &BLACK,
            HPos::Right,
        )?;
        let count = if *steps == 1 { "1 step".to_string() } else { format!("{steps} steps") };
        write(&count, (MARGIN + 350, y), 13, &BLACK, HPos::Right)?;
    }

    let (_, below) = root.split_vertically(top);
    let (below, _) = below.split_vertically(AXIS + rows + AXIS);
    let mut chart = ChartBuilder::on(&below)
        .margin_right(MARGIN + BEHIND)
        .set_label_area_size(LabelAreaPosition::Left, left)
        .set_label_area_size(LabelAreaPosition::Top, AXIS)
        .set_label_area_size(LabelAreaPosition::Bottom, AXIS)
        .build_cartesian_2d(0.0..longest, 0.0..steps.len() as f64)?;
    chart
        .configure_mesh()
        .disable_y_mesh()
        .disable_y_axis()
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(205, 205, 205))
        .x_labels(10)
        .x_label_formatter(&|ms| format!("{} ms", (ms * 1e6).round() / 1e6))
        .label_style(plain(12, &BLACK))
        .draw()?;
    for (index, step) in steps.iter().enumerate() {
        let (start, upper) = chart.backend_coord(&(0.0, (steps.len() - index) as f64));
        let (end, _) = chart.backend_coord(&(step.ms, 0.0));
        // A step of no length still shows.
        let end = end.max(start + 1);
        let middle = upper + ROW / 2;
        root.draw(&Rectangle::new(
            [(start, upper + 2), (end, upper + ROW - 2)],
            COLOURS[step.class % COLOURS.len()].filled(),
        ))?;
        write(&step.name, (left - 6, middle), 11, &BLACK, HPos::Right)?;
        write(&format!("{:.3}", step.ms), (end + 5, middle), 10, &RGBColor(90, 90, 90), HPos::Left)?;
    }
    root.present()?;
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn title(document: &Value) -> String {
    let batch = document["results"][0]["batch"].as_u64().unwrap_or(0);
    let (arch, size) = (text(&document["arch"]), text(&document["size"]));
    let kernels = document["kernels"].as_str().map_or(String::new(), |kernels| format!(", {kernels} kernels"));
    format!("Time per step: {arch}, {size}, batch {batch}, {}{kernels}", text(&document["precision"]))
}

fn subtitle(document: &Value, sum: f64) -> String {
    let adapter = &document["adapter"];
    let median = document["results"][0]["median_ms"].as_f64().unwrap_or(f64::NAN);
    if document["kernels"].is_null() {
        return format!(
            "CPU engine (threads: {}; {}). Median of whole runs {median:.2} ms; steps in all: {sum:.2} ms",
            adapter["threads"],
            text(&adapter["instructions"])
        );
    }
    format!(
        "{} ({}, {}). Median of whole runs {median:.2} ms; steps timed alone, in a compute pass of their own each: {sum:.2} ms",
        text(&adapter["name"]),
        text(&adapter["kind"]),
        text(&adapter["backend"])
    )
}

#[cfg(test)]
mod tests {
    use super::{kernel_of, svg};
    use serde_json::json;

    #[test]
    fn a_variant_belongs_to_its_kernel() {
        for variant in ["buffer/conv3x3/64", "texture/conv3x3+norm+shuffle/8", "conv3x3"] {
            assert_eq!(kernel_of(variant), "conv3x3");
        }
    }

    #[test]
    fn what_has_no_times_is_refused_and_what_takes_none_is_drawn() {
        assert!(svg(&json!({ "layers": null })).is_err());
        assert!(svg(&json!({ "layers": [{ "name": "a", "kernel": "buffer/stem/8", "ms": null }] })).is_err());
        let still = json!({ "layers": [{ "name": "a<b", "kernel": "buffer/stem/8", "ms": 0.0 }] });
        assert!(svg(&still).unwrap().contains("a&lt;b"));
    }
}
