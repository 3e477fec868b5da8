//! `densenet doctor`: what it finds out about the adapter that is there, the CPU engine, and what it refuses.

mod cli;

use assert_cmd::Command;
use cli::{densenet, errors, json};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

/// The adapter of the tests.
fn adapter() -> String {
    std::env::var("DENSENET_TEST_ADAPTER").unwrap_or_else(|_| "0".into())
}

/// The quick examination, with a memory of its own.
fn doctor(arguments: &[&str]) -> (Command, tempfile::TempDir) {
    let cache = tempfile::tempdir().unwrap();
    let mut command = densenet(&[&["doctor", "--quick"], arguments].concat());
    command.env("DENSENET_CACHE", cache.path());
    (command, cache)
}

fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn the_document_has_every_key_and_nothing_is_wrong() {
    let (mut command, _cache) = doctor(&["--adapter", &adapter(), "--json"]);
    let document = json(&mut command);
    assert_eq!(keys(&document), ["choices", "engines", "kernels", "os", "times", "variants", "verify", "version"]);
    let [engine] = document["engines"].as_array().expect("engines").as_slice() else {
        panic!("one engine: {document}")
    };
    for key in ["name", "kind", "backend", "driver", "limits", "subgroups", "f16", "timestamps", "kernels", "error"] {
        assert!(engine.get(key).is_some(), "{key} in {engine}");
    }
    assert!(engine["error"].is_null() && engine["limits"]["max_buffer_size"].is_u64(), "{engine}");
    let variants = document["variants"].as_array().expect("variants");
    assert!(variants.len() > 5, "{variants:?}");
    for variant in variants {
        assert_eq!(keys(variant), ["adapter", "kernel", "reason", "result", "variant"]);
        assert_eq!((&variant["adapter"], &variant["result"]), (&0.into(), &"ok".into()), "{variant}");
    }
    let networks = document["verify"].as_array().expect("networks");
    let archs: Vec<&str> = networks.iter().filter_map(|network| network["arch"].as_str()).collect();
    assert!(archs.contains(&"densenet121") && archs.contains(&"densenet-bc-mnist"), "{archs:?}");
    for network in networks {
        assert!(network["ok"] == true && network["first_beyond"].is_null() && network["error"].is_null(), "{network}");
        assert!(network["size"].is_string() && network["precision"].is_string(), "{network}");
    }
    assert_eq!(
        (&document["times"], &document["choices"]),
        (&Value::Array(vec![]), &Value::Array(vec![])),
        "it is quick"
    );
    command.assert().success();
}

#[test]
fn the_report_begins_with_the_verdict() {
    let (mut command, _cache) = doctor(&["--adapter", &adapter()]);
    command.assert().success().stdout(
        contains(" variants ok, 0 wrong, ")
            .and(contains("networks agree with the reference"))
            .and(contains("| # | engine |")),
    );
}

#[test]
fn the_cpu_engine_is_an_engine_too() {
    let (mut command, _cache) = doctor(&["--adapter", "cpu", "--json"]);
    let document = json(&mut command);
    let engine = &document["engines"][0];
    assert!(engine["name"] == "cpu" && engine["threads"].is_u64() && engine["limits"].is_null(), "{engine}");
    assert_eq!(document["variants"], Value::Array(vec![]));
    let networks = document["verify"].as_array().expect("networks");
    assert!(networks.len() == 2 && networks.iter().all(|network| network["ok"] == true), "{networks:?}");
}

#[test]
fn what_is_not_there_is_an_error_that_says_so() {
    let (mut command, _cache) = doctor(&["--adapter", "no such adapter"]);
    let (status, lines) = errors(&mut command);
    assert!(status == 1 && lines.len() == 1 && lines[0].contains("no such adapter"), "{lines:?}");
    let (mut command, _cache) = doctor(&["--adapter", "reference"]);
    assert_eq!(errors(&mut command).0, 2);
}

// Elsewhere drivers belong to the system, and no variable hides them.
#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_the_cpu_engine_is_examined() {
    let (mut command, _cache) = doctor(&[]);
    cli::without_adapter(&mut command)
        .assert()
        .success()
        .stdout(contains("CPU engine").and(contains("llvmpipe").not()));
}
