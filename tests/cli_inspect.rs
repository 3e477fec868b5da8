//! `densenet inspect`, `verify` and `adapters`, and the benchmark.

mod cli;

use cli::{bench, densenet, errors, json, text};
use predicates::prelude::*;
use predicates::str::{contains, is_empty};

#[test]
fn inspect_knows_the_published_networks() {
    for (name, parameters) in [
        ("densenet121", 7_978_856),
        ("densenet161", 28_681_000),
        ("densenet169", 14_149_480),
        ("densenet201", 20_013_928),
    ] {
        let document = json(&mut densenet(&["inspect", name, "--json"]));
        assert_eq!(document["parameters"], parameters, "{name}");
        assert_eq!(document["size"], "224x224");
        assert_eq!(document["classes"], 1000);
        assert_eq!(document["preset"], "torchvision");
    }
    densenet(&["inspect", "densenet121"])
        .assert()
        .success()
        .stdout(contains("7,978,856").and(contains("2,834,161,664")).and(contains("6 12 24 16")));
}

#[test]
fn tables_fit_into_a_hundred_columns() {
    for arguments in
        [&["inspect"][..], &["inspect", "densenet264-k48"], &["inspect", "densenet-bc-190-40"], &["adapters"]]
    {
        let output = densenet(arguments).output().unwrap();
        let table = String::from_utf8(output.stdout).unwrap();
        let widest = table.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 100, "{widest}");
    }
}

#[test]
fn inspect_says_where_each_statement_comes_from() {
    densenet(&["inspect"])
        .assert()
        .success()
        .stdout(contains("64,945").and(contains("metadata")).and(contains("torchvision")).and(contains("mnist")));
    let document = json(&mut densenet(&["inspect", "models/mnist.safetensors", "--json"]));
    assert_eq!(document["parameters"], 64_945);
    assert_eq!(document["labels"].as_array().map(Vec::len), Some(10));
    assert!(document["facts"].as_array().is_some_and(|facts| facts.iter().all(|fact| fact["from"].is_string())));
}

#[test]
fn inspect_prints_the_plan_for_a_size_and_a_batch() {
    let arguments = ["inspect", "densenet-bc-100-12", "--size", "40x33", "--batch", "3", "--plan"];
    densenet(&arguments).assert().success().stdout(
        contains("densenet-bc-100-12 40x33 batch 3:")
            .and(contains("features.denseblock3.denselayer16"))
            .and(contains("features.transition2")),
    );
    let bytes = |batch: &str| {
        let document = json(&mut densenet(&["inspect", "densenet121", "--batch", batch, "--json"]));
        document["activation_bytes"].as_u64().expect("a number")
    };
    assert_eq!(bytes("8"), 8 * bytes("1"));
}

#[test]
fn inspect_knows_the_bytes_that_a_session_will_take() {
    let inspected = json(&mut densenet(&["inspect", "densenet-40-12", "--batch", "2", "--json"]));
    for kernels in ["buffer", "texture"] {
        let memory = &inspected["memory"][kernels];
        let arguments = ["--arch", "densenet-40-12", "--batch", "2", "--runs", "1", "--warmup", "0", "--json"];
        let measured = json(bench(&arguments).args(["--kernels", kernels]));
        assert_eq!(memory["total"], measured["results"][0]["device_bytes"], "{kernels}: {memory}");
        let parts = ["weights", "activations", "parameters", "staging"].map(|key| memory[key].as_u64().unwrap());
        assert_eq!(memory["total"], parts.iter().sum::<u64>());
        assert!(parts.iter().all(|&bytes| bytes > 0) && memory["padding"].as_u64() < memory["total"].as_u64());
    }
    assert_eq!(inspected["peak_device_bytes"], inspected["memory"]["buffer"]["total"]);
    let activations = &inspected["memory"]["cpu"]["activations"];
    assert!(activations.as_u64().is_some_and(|bytes| bytes > 0), "{activations}");
    assert!(inspected["runs_on"].is_string());
    densenet(&["inspect", "densenet-40-12"]).assert().success().stdout(
        contains("texture kernels").and(contains("padding")).and(contains("CPU engine")).and(contains("runs on")),
    );
}

#[test]
fn inspect_reads_a_described_architecture_and_refuses_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.json");
    let description = json(&mut densenet(&["inspect", "densenet-40-12", "--json"]))["architecture"].clone();
    std::fs::write(&path, description.to_string()).unwrap();
    assert_eq!(json(&mut densenet(&["inspect", text(&path), "--json"]))["architecture"], description);
    std::fs::write(&path, "{}").unwrap();
    for (argument, wanted) in [(text(&path), "net.json"), ("densenet122", "densenet121"), ("Cargo.toml", "Cargo.toml")]
    {
        let (status, errors) = errors(&mut densenet(&["inspect", argument]));
        assert_eq!(status, 1);
        assert!(errors.len() == 1 && errors[0].contains(wanted), "{errors:?}");
    }
}

#[test]
fn the_adapter_agrees_with_the_reference() {
    for kernels in ["buffer", "texture"] {
        densenet(&["verify", "--kernels", kernels])
            .assert()
            .success()
            .stdout(contains(format!("{kernels} kernels) agree with the CPU reference")));
    }
    for adapter in ["0", "cpu"] {
        let document = json(&mut densenet(&["verify", "--adapter", adapter, "--json"]));
        assert!(document["first_beyond"].is_null(), "{document}");
        let taps = document["taps"].as_array().expect("taps");
        assert!(taps.len() > 20 && taps.iter().all(|tap| tap["ok"] == true), "{document}");
        assert_eq!(taps.last().map(|tap| &tap["name"]), Some(&"classifier".into()));
        let arguments = ["verify", "--adapter", adapter, "--arch", "densenet-40-12", "--size", "33x20", "--batch", "2"];
        densenet(&arguments)
            .assert()
            .success()
            .stdout(contains("features.denseblock3").and(contains("agree with the CPU reference")));
    }
}

#[test]
fn a_right_adapter_is_not_accused_by_a_network_of_one_class() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.json");
    let mut description = json(&mut densenet(&["inspect", "densenet-bc-100-12", "--json"]))["architecture"].take();
    description["classes"] = 1.into();
    std::fs::write(&path, description.to_string()).unwrap();
    let arguments = ["verify", "--arch", text(&path), "--size", "16"];
    for further in [
        &["--adapter", "0"][..],
        &["--adapter", "cpu"],
        &["--random", "7", "--batch", "2"],
        &["--kernels", "buffer", "--precision", "f16"],
    ] {
        densenet(&[&arguments, further].concat()).assert().success().stdout(contains("agree with the CPU reference"));
    }
    let document =
        json(bench(&["--arch", text(&path), "--size", "16", "--runs", "1", "--json"]).args(["--random", "0"]));
    assert!(document["results"][0]["max_abs_error"].as_f64().is_some_and(|error| error < 1e-3), "{document}");
}

// Elsewhere drivers belong to the system, and no variable hides them.
#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_the_cpu_engine_is_verified_timed_and_listed() {
    for command in [&mut densenet(&["verify"]), &mut bench(&["--runs", "1"]), &mut densenet(&["adapters"])] {
        cli::without_adapter(command).assert().success().stdout(contains("CPU engine (")).stderr(is_empty());
    }
    for command in [&mut densenet(&["verify", "--adapter", "0"]), &mut bench(&["--kernels", "buffer"])] {
        cli::without_adapter(command).assert().code(1).stdout(is_empty()).stderr(contains("no usable GPU adapter"));
    }
}

#[test]
fn the_reference_is_not_compared_with_itself() {
    densenet(&["verify", "--adapter", "reference"]).assert().code(2).stdout(is_empty());
    bench(&["--adapter", "Reference"]).assert().code(2).stdout(is_empty());
}

#[test]
fn adapters_are_listed() {
    let document = json(&mut densenet(&["adapters", "--json"]));
    let adapters = document["adapters"].as_array().expect("a list");
    let (cpu, adapters): (Vec<_>, Vec<_>) = adapters.iter().partition(|engine| engine["kind"] == "cpu");
    assert!(cpu.len() == 1 && cpu[0]["index"].is_null() && cpu[0]["threads"].is_u64(), "{cpu:?}");
    assert!(!adapters.is_empty());
    for (index, adapter) in adapters.iter().enumerate() {
        assert_eq!(adapter["index"], index);
        assert!(adapter["name"].is_string() && adapter["limits"]["max_buffer_size"].is_u64(), "{adapter}");
        assert!(["buffer", "texture"].contains(&adapter["kernels"].as_str().expect("a family")), "{adapter}");
    }
    let name = adapters[0]["name"].as_str().expect("a name").to_uppercase();
    densenet(&["adapters"]).assert().success().stdout(contains("kernels").and(contains("CPU engine")));
    // An adapter is found by a part of its name in any case, and by its index.
    for adapter in [name.as_str(), "0"] {
        densenet(&["verify", "--adapter", adapter]).assert().success();
    }
}

#[test]
fn an_adapter_is_described_alike_by_every_command() {
    let mut listed = json(&mut densenet(&["adapters", "--json"]))["adapters"].take();
    let picture = format!("{}/0-plain.png", cli::DIGITS);
    for listed in listed.as_array_mut().expect("a list") {
        let index = listed.as_object_mut().and_then(|keys| keys.remove("index")).expect("an index");
        let engine = if index.is_null() { "cpu".to_string() } else { index.to_string() };
        let classified = json(&mut densenet(&["classify", "--adapter", &engine, "--json", &picture]));
        let verified = json(&mut densenet(&["verify", "--adapter", &engine, "--json"]));
        let measured = json(&mut bench(&["--adapter", &engine, "--json", "--runs", "1", "--warmup", "0"]));
        for document in [classified, verified, measured] {
            assert_eq!(&document["adapter"], listed);
        }
    }
}

#[test]
fn nothing_is_said_on_stderr_without_a_runtime_folder() {
    let picture = format!("{}/0-plain.png", cli::DIGITS);
    let adapters = json(&mut densenet(&["adapters", "--json"]));
    let found = adapters["adapters"].as_array().expect("a list");
    let named = found.iter().find(|engine| engine["index"] == 0).expect("an adapter");
    let name = named["name"].as_str().expect("a name");
    let commands: [&[&str]; 5] = [
        &["adapters"],
        &["inspect"],
        &["classify", &picture],
        &["classify", "--adapter", "0", &picture],
        &["verify", "--adapter", name],
    ];
    for arguments in commands {
        let mut command = densenet(arguments);
        command.env_remove("XDG_RUNTIME_DIR").env_remove("WAYLAND_DISPLAY");
        command.assert().success().stderr(is_empty());
    }
}

#[test]
fn the_benchmark_reports_every_batch_size_and_keeps_its_keys() {
    let document = json(&mut bench(&["--adapter", "0", "--batch", "1,3", "--runs", "3", "--warmup", "1", "--json"]));
    assert_eq!(document["arch"], "densenet-bc-mnist");
    assert_eq!(document["precision"], "f32");
    assert_eq!(document["kernels"], document["adapter"]["kernels"], "not forced: the adapter's own");
    let results = document["results"].as_array().expect("results");
    assert_eq!(results.iter().map(|result| &result["batch"]).collect::<Vec<_>>(), [1, 3]);
    for result in results {
        let number = |key: &str| result[key].as_f64().unwrap_or_else(|| panic!("{key} in {result}"));
        for key in ["first_ms", "median_ms", "min_ms", "p95_ms", "images_per_s", "gflops", "dispatches", "encode_ms"] {
            assert!(number(key) > 0.0, "{key} in {result}");
        }
        assert!(number("min_ms") <= number("median_ms") && number("median_ms") <= number("p95_ms"), "{result}");
        assert!(number("first_ms") > number("min_ms"), "{result}");
        assert!(number("device_bytes") > 260_000.0 && number("max_abs_error") < 1e-3, "{result}");
        let images_per_s = number("batch") / number("median_ms") * 1e3;
        assert!((images_per_s - number("images_per_s")).abs() < 1e-6 * images_per_s, "{result}");
    }
    bench(&["--runs", "2", "--kernels", "buffer"])
        .assert()
        .success()
        .stdout(contains("GFLOP/s").and(contains("densenet-bc-mnist at 28x28, f32, buffer kernels")));
    let half = json(&mut bench(&["--precision", "f16", "--runs", "1", "--json"]));
    assert_eq!((&half["precision"], &half["kernels"]), (&"f16".into(), &"buffer".into()));
    let bytes = |document: &serde_json::Value| document["results"][0]["device_bytes"].as_f64().expect("device_bytes");
    let whole = json(&mut bench(&["--kernels", "buffer", "--runs", "1", "--json"]));
    assert!(bytes(&half) < bytes(&whole) - 100_000.0, "half the weights' memory");
    bench(&["--precision", "f16", "--kernels", "texture"]).assert().code(1).stderr(contains("ask for buffer kernels"));
    bench(&["--precision", "bf16"]).assert().code(2).stderr(contains("f32 or f16"));
    densenet(&["verify", "--precision", "f16"]).assert().success();
}
