//! The CPU engine from the command line: how it is chosen, what is said about it, what it refuses, and its numbers.

mod cli;

use cli::{DIGITS, bench, densenet, json, read_npy, text, write_npy};
use densenet_wgpu::weights::random;
use predicates::prelude::*;
use predicates::str::{contains, is_empty};

#[test]
fn what_runs_is_stated_with_its_threads() {
    let picture = format!("{DIGITS}/7-paper.png");
    for (arguments, threads) in [
        (&["--adapter", "cpu", "--threads", "1"][..], Some(1)),
        (&["--adapter", "CPU", "--threads", "2"], Some(2)),
        (&["--threads", "1"], Some(1)),
        (&["--adapter", "cpu"], None),
    ] {
        let mut command = densenet(&[&["classify", &picture, "--json"], arguments].concat());
        let engine = json(&mut command)["adapter"].take();
        let mut keys: Vec<&String> = engine.as_object().expect("an object").keys().collect();
        keys.sort();
        assert_eq!(keys, ["instructions", "kernels", "kind", "name", "threads"], "{engine}");
        assert_eq!((&engine["name"], &engine["kind"]), (&"cpu".into(), &"cpu".into()));
        assert!(engine["kernels"].is_null() && engine["instructions"].is_string(), "{engine}");
        match threads {
            Some(threads) => assert_eq!(engine["threads"], threads),
            None => assert!(engine["threads"].as_u64().is_some_and(|threads| threads > 0), "{engine}"),
        }
    }
}

#[test]
fn what_only_adapters_have_is_wrong_usage() {
    let commands = |more: &[&str]| {
        let picture = [&["classify", DIGITS], more].concat();
        [densenet(&picture), densenet(&[&["verify"], more].concat()), bench(more)]
    };
    for (more, wanted) in [
        (&["--adapter", "cpu", "--precision", "f16"][..], "--precision f16 is for adapters"),
        (&["--adapter", "cpu", "--kernels", "buffer"], "--kernels is for adapters"),
        (&["--threads", "2", "--kernels", "buffer"], "--kernels is for adapters"),
        (&["--adapter", "0", "--threads", "2"], "--threads is for the CPU engine"),
        (&["--adapter", "cpu", "--threads", "0"], "a whole number from 1"),
    ] {
        for mut command in commands(more) {
            command.assert().code(2).stdout(is_empty()).stderr(contains(wanted));
        }
    }
    let mut command = densenet(&["classify", DIGITS, "--adapter", "reference", "--threads", "2"]);
    command.assert().code(2).stdout(is_empty()).stderr(contains("--threads is for the CPU engine"));
}

#[test]
fn taps_agree_with_the_reference_for_any_number_of_threads() {
    for threads in ["1", "2", "3"] {
        let arguments = ["verify", "--adapter", "cpu", "--threads", threads, "--arch", "densenet-bc-100-12"];
        densenet(&[&arguments[..], &["--size", "20x16", "--batch", "2"]].concat())
            .assert()
            .success()
            .stdout(contains("of CPU engine (").and(contains("agree with the CPU reference")));
    }
}

#[test]
fn results_are_the_same_bits_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_npy(&path("x.npy"), &[3, 1, 28, 28], npyz::Order::C, &random::input(1, 3 * 28 * 28));
    let mut results = Vec::new();
    for threads in ["1", "2", "3", "1"] {
        let output = path("y.npy");
        let input = path("x.npy");
        let arguments = ["run", "--threads", threads, "--input", text(&input), "--output", text(&output)];
        densenet(&arguments).assert().success();
        results.push(read_npy(&output).1.iter().map(|value| value.to_bits()).collect::<Vec<_>>());
    }
    assert!(results.iter().all(|bits| *bits == results[0]));
}

#[test]
fn the_benchmark_times_it_in_the_same_table() {
    let mut command =
        bench(&["--adapter", "cpu", "--threads", "2", "--batch", "1,3", "--runs", "3", "--layers", "--json"]);
    let document = json(&mut command);
    assert_eq!((&document["precision"], &document["adapter"]["threads"]), (&"f32".into(), &2.into()));
    assert!(document["kernels"].is_null());
    let results = document["results"].as_array().expect("results");
    assert_eq!(results.iter().map(|result| &result["batch"]).collect::<Vec<_>>(), [1, 3]);
    for result in results {
        let number = |key: &str| result[key].as_f64().unwrap_or_else(|| panic!("{key} in {result}"));
        for key in ["first_ms", "median_ms", "min_ms", "p95_ms", "images_per_s", "gflops", "dispatches", "device_bytes"]
        {
            assert!(number(key) > 0.0, "{key} in {result}");
        }
        assert!(result["encode_ms"].is_null(), "nothing is recorded: {result}");
        if cfg!(target_os = "linux") {
            assert!(number("rss_bytes") > number("device_bytes"), "{result}");
        } else {
            assert!(result["rss_bytes"].is_null(), "{result}");
        }
        assert!(number("max_abs_error") < 1e-3, "{result}");
    }
    let layers = document["layers"].as_array().expect("layers");
    assert_eq!(layers.len() as u64, results[0]["dispatches"].as_u64().unwrap());
    assert!(layers.iter().all(|layer| layer["name"].is_string() && layer["kernel"].is_string()), "{layers:?}");
    bench(&["--adapter", "cpu", "--runs", "1"])
        .assert()
        .success()
        .stdout(contains("densenet-bc-mnist at 28x28, f32, on the CPU engine (").and(contains("NaN").not()));
}

#[test]
fn a_picture_of_the_steps_names_the_engine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("layers.svg");
    bench(&["--adapter", "cpu", "--runs", "1", "--plot", text(&path)]).assert().success();
    assert!(std::fs::read_to_string(&path).unwrap().contains("CPU engine"));
}
