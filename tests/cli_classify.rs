//! `densenet classify`, as a user types it, on the bundled pictures.

mod cli;

use cli::{DIGITS, densenet, errors, json, text};
use predicates::prelude::*;
use predicates::str::{contains, is_empty};

/// Path and best label of every picture, and that the label is what the file's name says.
fn assert_digits_are_read(document: &serde_json::Value) {
    let images = document["images"].as_array().expect("images");
    assert_eq!(images.len(), 10);
    for image in images {
        let path = image["path"].as_str().expect("a path");
        let digit = path.rsplit('/').next().and_then(|name| name.get(..1)).expect("a name");
        assert_eq!(image["top"][0]["label"], digit, "{path}");
        assert_eq!(image["top"][0]["class"].to_string(), digit, "{path}");
        assert!(image["top"][0]["probability"].as_f64().expect("a number") > 0.5, "{image}");
        assert!(image["error"].is_null(), "{image}");
    }
}

#[test]
fn the_bundled_digits_are_read_on_the_adapter() {
    for kernels in ["buffer", "texture"] {
        let forced = json(&mut densenet(&["classify", DIGITS, "--kernels", kernels, "--json"]));
        assert_digits_are_read(&forced);
        assert_eq!(forced["adapter"]["kernels"], kernels);
    }
    let arguments = ["classify", DIGITS, "--adapter", "0", "--top", "3", "--batch", "4", "--json"];
    let document = json(&mut densenet(&arguments));
    assert_digits_are_read(&document);
    assert_eq!(document["images"][0]["top"].as_array().map(Vec::len), Some(3));
    assert_ne!(document["adapter"]["name"], "cpu");
    assert_eq!(document["model"]["name"], "densenet-bc-mnist");
    assert_eq!(document["model"]["preset"], "mnist");
}

#[test]
fn every_engine_reads_them_with_the_same_scores() {
    let on = |engine: &[&str]| json(&mut densenet(&[&["classify", DIGITS, "--json"], engine].concat()));
    let slow = on(&["--adapter", "reference"]);
    assert_digits_are_read(&slow);
    assert_eq!((&slow["adapter"]["name"], &slow["adapter"]["kind"]), (&"cpu".into(), &"reference".into()));
    for engine in [&[][..], &["--adapter", "0"], &["--adapter", "cpu"]] {
        let fast = on(engine);
        assert_digits_are_read(&fast);
        for (a, b) in slow["images"].as_array().into_iter().flatten().zip(fast["images"].as_array().unwrap()) {
            let score = |image: &serde_json::Value| image["top"][0]["probability"].as_f64().expect("a number");
            assert!((score(a) - score(b)).abs() < 1e-5, "{engine:?}: {a}\n{b}");
        }
    }
}

#[test]
fn people_get_a_line_for_each_picture_and_nothing_on_stderr_is_an_error() {
    densenet(&["classify", "tests/images/digits/7-paper.png", "--top", "1"])
        .assert()
        .success()
        .stdout(predicate::str::is_match(r"^tests/images/digits/7-paper.png: 7 \(\d\d\.\d\d %\)\n$").unwrap())
        .stderr(contains("panicked").not());
    densenet(&["classify", "tests/images/digits/7-paper.png", "--top", "2"]).assert().success().stdout(
        predicate::str::is_match(r"^tests/images/digits/7-paper.png\n +\d+\.\d\d %  7\n +\d+\.\d\d %  \d\n$").unwrap(),
    );
}

#[test]
fn a_bad_picture_is_reported_and_the_others_are_classified() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("b");
    std::fs::create_dir(&inner).unwrap();
    std::fs::copy("tests/images/digits/3-inverted.png", inner.join("three.PNG")).unwrap();
    std::fs::copy("tests/images/digits/5-plain.png", folder.path().join("z.png")).unwrap();
    std::fs::write(folder.path().join("a.png"), b"not a picture").unwrap();
    std::fs::write(folder.path().join("notes.txt"), b"no picture by its ending").unwrap();
    let mut command = densenet(&["classify", text(folder.path()), "--json"]);
    let document = json(&mut command);
    let images = document["images"].as_array().unwrap();
    let labels: Vec<String> = images.iter().map(|image| image["top"][0]["label"].to_string()).collect();
    assert_eq!(labels, ["null", "\"3\"", "\"5\""], "sorted by name, folders walked: {document}");
    assert!(images[0]["error"].as_str().unwrap().contains("a.png"), "{document}");
    let (status, errors) = errors(&mut command);
    assert_eq!(status, 1);
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn standard_input_is_a_picture_and_labels_name_classes() {
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n").unwrap();
    densenet(&["classify", "-", "--top", "1", "--labels", text(&labels)])
        .write_stdin(std::fs::read("tests/images/digits/2-enlarged.png").unwrap())
        .assert()
        .success()
        .stdout(predicate::str::starts_with("-: two ("));
    std::fs::write(&labels, "zero\none\n").unwrap();
    let (status, errors) = errors(&mut densenet(&["classify", DIGITS, "--labels", text(&labels)]));
    assert_eq!(status, 1);
    assert!(errors[0].contains("2 class names") && errors[0].contains("10 classes"), "{errors:?}");
}

#[test]
fn pictures_of_several_sizes_share_a_batch_where_the_preset_leaves_sizes_alone() {
    let arguments =
        ["classify", DIGITS, "--arch", "densenet-40-12", "--random", "1", "--preset", "none", "--top", "1", "--json"];
    let document = json(densenet(&arguments).env("RUST_LOG", "off"));
    let images = document["images"].as_array().unwrap();
    assert_eq!(images.len(), 10);
    for image in images {
        assert!(image["error"].is_null() && image["top"][0]["class"].is_u64(), "{image}");
    }
}

#[test]
fn a_picture_too_small_for_the_network_is_that_pictures_error() {
    let arguments =
        ["classify", "tests/images/digits/0-plain.png", "--arch", "densenet121", "--random", "0", "--preset", "none"];
    let (status, errors) = errors(&mut densenet(&arguments));
    assert_eq!(status, 1);
    assert!(errors[0].contains("0-plain.png") && errors[0].contains("too small"), "{errors:?}");
}

// Elsewhere drivers belong to the system, and no variable hides them.
#[cfg(target_os = "linux")]
#[test]
fn a_machine_without_an_adapter_computes_on_the_cpu_engine_and_says_so() {
    cli::without_adapter(&mut densenet(&["classify", DIGITS, "--top", "1"]))
        .assert()
        .success()
        .stdout(contains("7-paper.png: 7"))
        .stderr("left out: 1 .md\n");
    cli::without_adapter(densenet(&["classify", DIGITS]).env("RUST_LOG", "info"))
        .assert()
        .success()
        .stderr(contains("running on CPU engine ("));
    let document = json(cli::without_adapter(&mut densenet(&["classify", DIGITS, "--json"])));
    assert_eq!(document["adapter"]["kind"], "cpu");
    // An adapter that was asked for by name must be there.
    cli::without_adapter(&mut densenet(&["classify", DIGITS, "--adapter", "geforce"]))
        .assert()
        .code(1)
        .stdout(is_empty());
}

#[test]
fn wrong_usage_has_status_2() {
    for arguments in [
        &["classify"][..],
        &["classify", DIGITS, "--top", "0"],
        &["classify", DIGITS, "--preset", "imaginary"],
        &["classify", DIGITS, "--kernels", "imaginary"],
        &["classify", DIGITS, "--size", "0x3"],
        &["classify", DIGITS, "--random", "1"],
        &["classify", DIGITS, "--arch", "densenet121"],
        &["classify", DIGITS, "--arch", "imaginary", "--random", "1"],
        &["classify", "-", "-"],
        &["imaginary"],
    ] {
        densenet(arguments).assert().code(2).stdout(is_empty()).stderr(contains("error: "));
    }
}

#[test]
fn every_command_shows_examples() {
    for command in ["classify", "features", "convert", "run", "verify", "inspect", "adapters"] {
        densenet(&[command, "--help"]).assert().success().stdout(contains("Examples:\n  densenet"));
    }
    cli::bench(&["--help"]).assert().success().stdout(contains("Examples:\n  densenet-bench"));
}
