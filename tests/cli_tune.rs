//! `densenet tune`: what it measures is remembered, shown and forgotten, and answers stay what they were.

mod cli;

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use cli::{bench, densenet, errors, json, read_npy, text, write_npy};
use densenet_wgpu::weights::random;
use predicates::str::contains;
use serde_json::Value;

/// The adapter of the tests.
fn adapter() -> String {
    std::env::var("DENSENET_TEST_ADAPTER").unwrap_or_else(|_| "0".into())
}

/// The tool on that adapter, with its memory in `cache`.
fn on_adapter(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = densenet(arguments);
    command.args(["--adapter", &adapter()]).env("DENSENET_CACHE", cache);
    command
}

fn tune(cache: &Path, arguments: &[&str]) -> Value {
    json(&mut on_adapter(cache, &[&["tune", "--json"], arguments].concat()))
}

fn choices(cache: &Path) -> Vec<Value> {
    tune(cache, &["--show"])["choices"].as_array().expect("choices").clone()
}

/// Logits of the embedded model with buffer kernels.
fn run(cache: &Path, folder: &Path, more: &[&str]) -> Vec<f32> {
    let (input, output) = (folder.join("x.npy"), folder.join("y.npy"));
    write_npy(&input, &[1, 1, 28, 28], npyz::Order::C, &random::input(1, 28 * 28));
    let arguments = ["run", "--input", text(&input), "--output", text(&output), "--batch", "1", "--kernels", "buffer"];
    on_adapter(cache, &[&arguments, more].concat()).assert().success();
    read_npy(&output).1
}

/// Measures for a short time: what matters here is not which variants are the fastest.
const SHORT: [&str; 4] = ["--kernels", "buffer", "--within", "3"];

#[test]
fn choices_are_remembered_and_answers_stay_what_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let before = run(&cache, folder.path(), &["--no-tune"]);
    assert!(choices(&cache).is_empty());

    let document = tune(&cache, &SHORT);
    for key in ["adapter", "arch", "size", "batch", "precision", "tuned", "gain_ms", "file"] {
        assert!(document.get(key).is_some(), "{key} in {document}");
    }
    let tuned = document["tuned"].as_array().expect("tuned");
    assert!(!tuned.is_empty());
    for one in tuned {
        assert!(one["layer"].is_string() && one["variant"].is_string() && one["expected"].is_string(), "{one}");
        assert!(one["layers"].as_u64() >= Some(1) && one["measured"].as_u64() >= Some(1), "{one}");
    }
    let file = PathBuf::from(document["file"].as_str().expect("a file"));
    assert!(file.starts_with(&cache) && file.is_file(), "{}", file.display());

    let remembered = choices(&cache);
    assert!(remembered.len() >= tuned.len(), "{remembered:?}");
    let after = run(&cache, folder.path(), &[]);
    let differs = before.iter().zip(&after).any(|(a, b)| (a - b).abs() > 1e-3 * a.abs().max(1.0));
    assert!(!differs, "{before:?} {after:?}");
    assert_eq!(run(&cache, folder.path(), &["--no-tune"]), before, "what was measured is ignored");

    // Another batch has choices of its own, and those stay when these are measured anew.
    assert!(tune(&cache, &[&SHORT[..], &["--batch", "2"]].concat())["tuned"].as_array().is_some_and(|t| !t.is_empty()));
    let both = choices(&cache).len();
    assert!(both > remembered.len());
    assert!(tune(&cache, &SHORT)["tuned"].as_array().is_some_and(Vec::is_empty), "every layer has its choice");
    assert!(!tune(&cache, &[&SHORT[..], &["--again"]].concat())["tuned"].as_array().is_none_or(Vec::is_empty));
    assert_eq!(choices(&cache).len(), both);

    // What is damaged is as good as nothing.
    let whole = std::fs::read(&file).unwrap();
    for damaged in [&whole[..whole.len() / 2], b"{}", b"", b"\xff\xfe"] {
        std::fs::write(&file, damaged).unwrap();
        assert!(choices(&cache).is_empty());
        assert_eq!(run(&cache, folder.path(), &[]), before);
    }
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(choices(&cache).len(), both);

    assert_eq!(tune(&cache, &["--forget"])["forgotten"], both);
    assert!(choices(&cache).is_empty());
    on_adapter(&cache, &["tune", "--forget"]).assert().success().stdout(contains(": 0 choices are forgotten"));
}

#[test]
fn where_there_is_nothing_to_choose_it_says_so() {
    let cache = tempfile::tempdir().unwrap();
    for engine in ["cpu", "reference"] {
        let (status, lines) = errors(densenet(&["tune", "--adapter", engine]).env("DENSENET_CACHE", cache.path()));
        assert!(status == 2 && lines.len() == 1 && lines[0].contains("nothing to choose"), "{engine}: {lines:?}");
    }
    let (status, lines) = errors(&mut on_adapter(cache.path(), &["tune", "--kernels", "texture"]));
    assert!(status == 1 && lines.len() == 1 && lines[0].contains("--kernels buffer"), "{lines:?}");
    for wrong in [&["--no-tune"][..], &["--show", "--forget"], &["--within", "a minute"]] {
        on_adapter(cache.path(), &[&["tune"], wrong].concat()).assert().code(2);
    }
}

#[test]
fn what_is_for_adapters_is_refused_elsewhere() {
    for option in ["--no-self-test", "--no-tune"] {
        for engine in ["cpu", "reference"] {
            let (status, lines) = errors(&mut densenet(&["classify", cli::DIGITS, "--adapter", engine, option]));
            assert!(status == 2 && lines[0].contains(option), "{engine}: {lines:?}");
        }
        let (status, lines) = errors(&mut bench(&["--adapter", "cpu", option]));
        assert!(status == 2 && lines[0].contains(option), "{lines:?}");
        let cache = tempfile::tempdir().unwrap();
        on_adapter(cache.path(), &["verify", option]).assert().success();
    }
}
