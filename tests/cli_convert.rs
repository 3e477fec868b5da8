//! `densenet convert`.

mod cli;

use std::path::{Path, PathBuf};

use cli::{densenet, errors, json, read_npy, write_npy};
use densenet_wgpu::weights::random;
use predicates::prelude::*;
use predicates::str::contains;

/// Files that people come with, and the folder that they are in.
fn files() -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (archive, file) in [
        ("ports.zip", "new-first.pth"),
        ("torch-files.zip", "legacy.pth"),
        ("keras-files.zip", "keras2-applications.h5"),
    ] {
        let mut archive = zip::ZipArchive::new(std::fs::File::open(golden.join(archive)).unwrap()).unwrap();
        let mut member = archive.by_name(file).unwrap();
        std::io::copy(&mut member, &mut std::fs::File::create(folder.path().join(file)).unwrap()).unwrap();
    }
    let files = ["new-first.pth", "legacy.pth", "keras2-applications.h5"].map(|file| folder.path().join(file));
    (folder, files.to_vec())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("the folder's name is Unicode")
}

/// The logits of two images, by the CPU reference.
fn logits(folder: &Path, weights: &Path) -> Vec<f32> {
    let (input, output) = (folder.join("x.npy"), folder.join("y.npy"));
    write_npy(&input, &[2, 3, 64, 64], npyz::Order::C, &random::input(1, 2 * 3 * 64 * 64));
    let arguments =
        ["run", "--adapter", "cpu", "--input", text(&input), "--output", text(&output), "--weights", text(weights)];
    densenet(&arguments).assert().success();
    read_npy(&output).1
}

#[test]
fn what_is_converted_answers_the_same_and_needs_no_inference() {
    let (folder, files) = files();
    let (converted, again) = (folder.path().join("converted.safetensors"), folder.path().join("again.safetensors"));
    for file in files {
        densenet(&["convert", text(&file), text(&converted)])
            .assert()
            .success()
            .stdout(contains(" -> ").and(contains(", f32, ")));
        let before = json(&mut densenet(&["inspect", text(&file), "--json"]));
        let after = json(&mut densenet(&["inspect", text(&converted), "--json"]));
        assert_eq!((&after["format"], &after["scheme"]), (&"safetensors".into(), &"torchvision".into()));
        for stated in ["name", "architecture", "preset", "labels", "parameters"] {
            assert_eq!(after[stated], before[stated], "{}: {stated}", file.display());
        }
        let facts = after["facts"].as_array().unwrap();
        assert!(facts.len() > 5 && facts.iter().all(|fact| fact["from"] == "metadata"), "{facts:?}");
        assert_eq!(logits(folder.path(), &converted), logits(folder.path(), &file));
        densenet(&["convert", text(&converted), text(&again)]).assert().success();
        assert_eq!(std::fs::read(&again).unwrap(), std::fs::read(&converted).unwrap());
    }
}

#[test]
fn half_precision_halves_the_file_and_moves_logits_a_little() {
    let folder = tempfile::tempdir().unwrap();
    let (single, half) = (folder.path().join("single.safetensors"), folder.path().join("half.safetensors"));
    densenet(&["convert", "models/mnist.safetensors", text(&single)]).assert().success();
    let document = json(&mut densenet(&["convert", "models/mnist.safetensors", text(&half), "--f16", "--json"]));
    assert_eq!(document["output"]["stored"], "f16");
    let bytes = |path| std::fs::metadata(path).unwrap().len();
    assert_eq!(document["output"]["bytes"], bytes(&half));
    assert!((0.45..0.65).contains(&(bytes(&half) as f64 / bytes(&single) as f64)));
    let probability = |weights: &Path| {
        let picture = "tests/images/digits/2-enlarged.png";
        let arguments = ["classify", picture, "--adapter", "cpu", "--weights", text(weights), "--top", "1", "--json"];
        let top = json(&mut densenet(&arguments))["images"][0]["top"][0].clone();
        (top["label"].clone(), top["probability"].as_f64().unwrap())
    };
    let ((label, whole), (half_label, halved)) = (probability(&single), probability(&half));
    assert_eq!(label, half_label);
    assert!(whole != halved && (whole - halved).abs() < 1e-2, "{whole} and {halved}");
}

#[test]
fn statements_of_the_user_go_into_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (labels, output) = (folder.path().join("labels.txt"), folder.path().join("stated.safetensors"));
    std::fs::write(&labels, "null\neins\nzwei\ndrei\nvier\nfünf\nsechs\nsieben\nacht\nneun\n").unwrap();
    let arguments = ["convert", "models/mnist.safetensors", text(&output), "--labels", text(&labels)];
    let more = ["--activation", "sigmoid", "--eps", "2e-5", "--preset", "resize=28,crop=28,mean=0.5,std=0.25"];
    densenet(&[&arguments[..], &more].concat()).assert().success();
    let after = json(&mut densenet(&["inspect", text(&output), "--json"]));
    assert_eq!((&after["labels"][5], &after["eps"]), (&"fünf".into(), &2e-5.into()));
    assert_eq!(after["architecture"]["activation"], "sigmoid");
    assert!(after["preset"].as_str().unwrap().starts_with("resize=28,crop=28"), "{}", after["preset"]);
}

#[test]
fn what_cannot_be_converted_leaves_everything_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (text_file, output) = (folder.path().join("notes.pth"), folder.path().join("there.safetensors"));
    std::fs::write(&text_file, "epoch,loss\n").unwrap();
    std::fs::write(&output, "precious").unwrap();
    let missing = folder.path().join("no/folder/out.safetensors");
    let embedded = "models/mnist.safetensors";
    let three = folder.path().join("three.txt");
    std::fs::write(&three, "a\nb\nc\n").unwrap();
    for (arguments, status, reason) in [
        (vec!["convert", text(&text_file), text(&output)], 1, "not a weight file"),
        (vec!["convert", embedded, text(&output), "--labels", text(&three)], 1, "3 "),
        (vec!["convert", embedded, text(&output), "--arch", "densenet121"], 1, "input channels: the file has 1"),
        (vec!["convert", embedded, text(&missing)], 1, "no/folder' does not exist: create it first"),
        (vec!["convert", text(&output), text(&output)], 2, "are the same file"),
        (vec!["convert", embedded, "weights.pth"], 2, "ends in .safetensors"),
    ] {
        let (code, lines) = errors(&mut densenet(&arguments));
        assert_eq!(code, status, "{arguments:?}: {lines:?}");
        assert!(lines.len() == 1 && lines[0].contains(reason), "{arguments:?}: {lines:?}");
        assert_eq!(std::fs::read(&output).unwrap(), b"precious");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn replacing_a_file_is_said_and_can_be_forbidden() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out.safetensors");
    let arguments = ["convert", "models/mnist.safetensors", text(&output)];
    let replaced = |more: &[&str]| json(&mut densenet(&[&arguments[..], more].concat()))["output"]["replaced"].clone();
    assert_eq!(replaced(&["--no-clobber", "--json"]), false);
    assert_eq!(replaced(&["--json"]), true);
    densenet(&arguments).assert().success().stdout(contains(", replaced)"));
    std::fs::write(&output, "precious").unwrap();
    let (status, lines) = errors(densenet(&arguments).arg("--no-clobber"));
    assert_eq!((status, lines.len()), (1, 1), "{lines:?}");
    assert!(lines[0].contains("out.safetensors: this file exists and may not be replaced"), "{lines:?}");
    assert_eq!(std::fs::read(&output).unwrap(), b"precious");
    assert_eq!(cli::names(folder.path()).len(), 1);
}

#[cfg(unix)]
#[test]
fn links_and_permissions_are_kept() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link.safetensors"));
    symlink("target", &link).unwrap();
    // The first time the link dangles.
    densenet(&["convert", "models/mnist.safetensors", text(&link)]).assert().success();
    std::fs::set_permissions(&target, std::fs::Permissions::from_mode(0o600)).unwrap();
    densenet(&["convert", "models/mnist.safetensors", text(&link)]).assert().success();
    assert!(link.is_symlink());
    let found = std::fs::metadata(&target).unwrap();
    assert!(found.is_file() && found.len() > 100_000 && found.permissions().mode() & 0o777 == 0o600);
    assert_eq!(cli::names(folder.path()).len(), 2);
}
