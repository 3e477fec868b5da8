//! What the command line says of a head that a file does not state, and what states it.

#![cfg(feature = "pytorch")]

mod cli;

use std::path::{Path, PathBuf};

use cli::{densenet, errors, json, read_npy, text, write_npy};
use densenet_wgpu::weights::random;
use npyz::Order;

const HEAD: &str = "relu, avg, linear 6, relu, linear 3";

/// Files of `tests/golden/torch-heads.zip`, and a picture for them.
fn unpacked() -> (tempfile::TempDir, impl Fn(&str) -> PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch-heads.zip");
    zip::ZipArchive::new(std::fs::File::open(golden).unwrap()).unwrap().extract(folder.path()).unwrap();
    write_npy(&folder.path().join("x.npy"), &[1, 3, 32, 32], Order::C, &random::input(3, 3 * 32 * 32));
    let path = folder.path().to_path_buf();
    (folder, move |name: &str| path.join(name))
}

/// The lines of stderr that warn.
fn warnings(command: &mut assert_cmd::Command) -> Vec<String> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().filter(|line| line.starts_with("warning: ")).map(str::to_string).collect()
}

#[test]
fn what_is_assumed_is_said_once_and_stated_by_an_option() {
    let (_folder, path) = unpacked();
    let run = |more: &[&str]| {
        let mut command = densenet(&["run", "--adapter", "cpu", "--weights", text(&path("mlp.pth"))]);
        command.args(["--input", text(&path("x.npy")), "--output", text(&path("y.npy"))]).args(more);
        let said = warnings(&mut command);
        (said, read_npy(&path("y.npy")).1)
    };
    let (said, logits) = run(&[]);
    let [warning] = &said[..] else { panic!("{said:?}") };
    assert!(warning.contains("mlp.pth: ") && warning.contains("'classifier.1' is a ReLU"), "{warning}");
    assert!(warning.contains(&format!("--head \"{HEAD}\"")), "{warning}");
    assert_eq!(run(&["--head", HEAD]), (vec![], logits.clone()));
    let (said, other) = run(&["--head", "relu, avg, linear, gelu, linear"]);
    assert!(said.is_empty() && other != logits);
    // What was converted asks no more.
    let saved = path("saved.safetensors");
    let mut convert = densenet(&["convert", text(&path("mlp.pth")), text(&saved)]);
    assert_eq!(warnings(&mut convert).len(), 1);
    let mut again = densenet(&["run", "--adapter", "cpu", "--weights", text(&saved), "--input", text(&path("x.npy"))]);
    assert_eq!(warnings(again.args(["--output", text(&path("z.npy"))])), Vec::<String>::new());
    assert_eq!(read_npy(&path("z.npy")).1, logits);
}

#[test]
fn inspect_shows_head_and_warnings() {
    let (_folder, path) = unpacked();
    let file = path("mlp.pth");
    let document = json(&mut densenet(&["inspect", text(&file), "--size", "32", "--json"]));
    assert_eq!(document["warnings"].as_array().unwrap().len(), 1, "{document}");
    let head = document["facts"].as_array().unwrap().iter().find(|fact| fact["what"] == "head").unwrap();
    assert_eq!((&head["value"], &head["from"]), (&HEAD.into(), &"names and shapes, in part assumed".into()));
    let stated = json(&mut densenet(&["inspect", text(&file), "--size", "32", "--json", "--head", HEAD]));
    assert_eq!(stated["warnings"].as_array().unwrap().len(), 0);
    let output = densenet(&["inspect", text(&file), "--size", "32"]).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("warning") && shown.contains("Assumed"), "{shown}");
}

#[test]
fn a_part_of_a_larger_network_is_named_and_read() {
    let (_folder, path) = unpacked();
    let features = |more: &[&str]| {
        let mut command = densenet(&["run", "--adapter", "cpu", "--weights", text(&path("encoder.pth"))]);
        command.args(["--input", text(&path("x.npy")), "--output", text(&path("y.npy"))]).args(more);
        errors(&mut command)
    };
    let (status, said) = features(&[]);
    assert!(status == 1 && said[0].ends_with("--part encoder reads the DenseNet alone, for features"), "{said:?}");
    assert_eq!(features(&["--part", "encoder"]), (0, vec![]));
    assert_eq!(read_npy(&path("y.npy")).0, [1, 14]);
}

#[test]
fn wrong_words_are_wrong_usage() {
    let (_folder, path) = unpacked();
    let output = densenet(&["inspect", text(&path("mlp.pth")), "--head", "relu, avg, linaer"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("'linaer' is no layer of a head; the nearest is 'linear'"), "{said}");
    let output = densenet(&["classify", "--head", HEAD, "tests/images/digits"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("add --weights FILE"), "{said}");
}
