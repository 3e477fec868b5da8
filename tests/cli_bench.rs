//! `densenet-bench --plot`: the picture, and what is found before anything is timed.

mod cli;

use std::collections::HashMap;
use std::path::Path;

use cli::{bench, errors, json, names, text};

/// A network of few steps, quickly timed.
const QUICK: [&str; 4] = ["--runs", "1", "--warmup", "0"];

/// Everything in a picture: rectangles by colour, and texts.
fn read(path: &Path) -> (HashMap<String, usize>, Vec<String>) {
    let svg = std::fs::read_to_string(path).expect("the picture is there");
    let document = roxmltree::Document::parse(&svg).expect("it is well-formed");
    assert_eq!(document.root_element().tag_name().name(), "svg");
    let mut rectangles = HashMap::new();
    for rectangle in document.descendants().filter(|node| node.has_tag_name("rect")) {
        *rectangles.entry(rectangle.attribute("fill").expect("a colour").to_string()).or_default() += 1;
    }
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    (rectangles, texts.map(|node| node.text().unwrap_or_default().trim().to_string()).collect())
}

#[test]
fn the_picture_has_a_bar_and_a_name_for_every_dispatch() {
    let folder = tempfile::tempdir().unwrap();
    for kernels in ["buffer", "texture"] {
        let path = folder.path().join(format!("{kernels}.svg"));
        let mut command = bench(&["--json", "--layers", "--kernels", kernels, "--plot", text(&path)]);
        let document = json(command.args(QUICK));
        let layers = document["layers"].as_array().expect("layers");
        assert_eq!(layers.len() as u64, document["results"][0]["dispatches"].as_u64().unwrap());
        let (mut rectangles, texts) = read(&path);
        assert_eq!(rectangles.remove("#FFFFFF"), Some(1), "the background");
        assert_eq!(rectangles.values().sum::<usize>(), layers.len(), "{rectangles:?}");
        for layer in layers {
            let name = layer["name"].as_str().unwrap();
            assert!(texts.iter().any(|text| text == name), "{name}");
        }
        // As many colours as kernels, each with its total in the legend.
        let mut totals = HashMap::<&str, (usize, f64)>::new();
        for layer in layers {
            let kernel = layer["kernel"].as_str().unwrap().split(['/', '+']).nth(1).unwrap();
            let total = totals.entry(kernel).or_default();
            *total = (total.0 + 1, total.1 + layer["ms"].as_f64().unwrap());
        }
        let (mut bars, mut steps) = (Vec::from_iter(rectangles.into_values()), Vec::new());
        for (kernel, (number, ms)) in &totals {
            steps.push(*number);
            assert!(texts.contains(&kernel.to_string()), "{kernel} in {texts:?}");
            assert!(texts.contains(&format!("{ms:.2} ms")), "{kernel} {ms}");
        }
        bars.sort();
        steps.sort();
        assert_eq!(bars, steps);
        assert!(
            texts[0].contains("densenet-bc-mnist") && texts[0].contains(&format!("{kernels} kernels")),
            "{}",
            texts[0]
        );
    }
    assert_eq!(names(folder.path()).len(), 2, "nothing but the pictures");
}

#[test]
fn several_batch_sizes_draw_the_first_and_say_no_more_than_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layers.svg");
    std::fs::write(&path, "old").unwrap();
    let plot = format!("--plot={}", text(&path));
    let document = json(bench(&["--json", "--batch", "2,1", &plot]).args(QUICK));
    assert_eq!(document["results"].as_array().map(Vec::len), Some(2));
    assert!(document.get("layers").is_none(), "not asked for");
    let (_, texts) = read(&path);
    assert!(texts[0].contains("batch 2"), "{}", texts[0]);
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn a_place_that_takes_no_picture_is_refused_before_anything_is_timed() {
    let folder = tempfile::tempdir().unwrap();
    // So many runs that the test would not end if they were run.
    let endless = ["--runs", "1000000", "--plot"];
    let path = |name: &str| folder.path().join(name);
    std::fs::create_dir(path("folder.svg")).unwrap();
    for (path, status, wanted) in [
        (path("missing/layers.svg"), 1, "missing' does not exist"),
        (path("folder.svg"), 1, "name a file in it"),
        (path("layers.png"), 2, "ends in .svg is expected"),
        (path("layers"), 2, "ends in .svg is expected"),
    ] {
        let (code, errors) = errors(bench(&endless).arg(&path));
        assert_eq!(code, status, "{errors:?}");
        assert!(errors.len() == 1 && errors[0].contains(wanted), "{errors:?}");
    }
    assert_eq!(names(folder.path()).len(), 1);
}
