//! Pictures of every kind through the command line: which way up they are read, and what folders hold besides.

mod cli;

use cli::{densenet, errors, json, text};
use predicates::prelude::*;
use predicates::str::{contains, is_empty};

fn features(arguments: &[&str]) -> serde_json::Value {
    let output = densenet(&[&["features", "--adapter", "cpu", "--preset", "none", "--jsonl"], arguments].concat());
    json(&mut { output })["features"].take()
}

#[test]
fn pictures_are_read_as_a_person_sees_them_unless_told_otherwise() {
    let upright = features(&["tests/pictures/upright.png"]);
    assert!(upright.as_array().is_some_and(|features| features.len() > 10), "{upright}");
    let turned = "tests/pictures/orientation-6.png";
    assert_eq!(features(&[turned]), upright);
    assert_eq!(features(&[turned, "--orient", "exif"]), upright);
    assert_ne!(features(&[turned, "--orient", "stored"]), upright);
    let as_input = |orient: &str| {
        let mut command =
            densenet(&["classify", "-", "--adapter", "cpu", "--preset", "none", "--json", "--orient", orient]);
        json(command.write_stdin(std::fs::read(turned).unwrap()))
    };
    let (exif, stored) = (as_input("exif"), as_input("stored"));
    assert_ne!(exif["images"][0]["top"], stored["images"][0]["top"]);
    assert_eq!((&exif["orient"], &stored["orient"]), (&"exif".into(), &"stored".into()));
    assert_eq!(json(&mut densenet(&["inspect", "--json"]))["orient"], "exif");
    densenet(&["inspect"]).assert().success().stdout(contains("orientation").and(contains("--orient stored")));
    let (status, lines) = errors(&mut densenet(&["classify", turned, "--orient", "upright"]));
    assert!(status == 2 && lines[0].contains("`exif`"), "{lines:?}");
}

#[test]
fn what_a_folder_holds_besides_is_counted_by_kind() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    for name in ["a.txt", "b.TXT", "c.heic", "README"] {
        file(name, b"no picture");
    }
    let arguments = ["classify", text(folder.path()), "--adapter", "cpu", "--top", "1"];
    let (status, lines) = errors(&mut densenet(&arguments));
    let want = "PNG, JPEG, WebP, BMP, GIF or TIFF file (left out: 2 .txt, 1 .heic, 1 without ending)";
    assert!(status == 1 && lines.len() == 1 && lines[0].contains(want), "{lines:?}");
    // The bundled digit in every format that is read, its ending in capitals.
    let digit = image::open("tests/images/digits/2-enlarged.png").unwrap().into_rgb8();
    for ending in ["png", "jpeg", "WEBP", "bmp", "gif", "TIF"] {
        let path = folder.path().join(format!("digit.{ending}"));
        let format = image::ImageFormat::from_path(&path).unwrap();
        digit.save_with_format(path, format).unwrap();
    }
    let line = "left out: 2 .txt, 1 .heic, 1 without ending\n";
    densenet(&arguments)
        .assert()
        .success()
        .stdout(predicate::function(|out: &str| out.lines().filter(|line| line.contains(": 2 (")).count() == 6))
        .stderr(predicate::str::ends_with(line));
    let document = json(&mut densenet(&[&arguments[..], &["--json"]].concat()));
    assert_eq!(document["left_out"], serde_json::json!({ ".heic": 1, ".txt": 2, "without ending": 1 }));
    assert_eq!((document["images"].as_array().unwrap().len(), &document["left"]), (6, &0.into()));
    for form in ["--jsonl", "--csv"] {
        densenet(&[&arguments[..], &[form]].concat()).assert().success().stderr(contains(line));
    }
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_named_and_never_opened() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(folder.path(), inside("again")).unwrap();
    std::os::unix::fs::symlink("nowhere", inside("gone.png")).unwrap();
    std::os::unix::fs::symlink(std::fs::canonicalize("tests/images/digits/2-enlarged.png").unwrap(), inside("two.png"))
        .unwrap();
    assert!(std::process::Command::new("mkfifo").arg(inside("pipe.png")).status().unwrap().success());
    densenet(&["classify", text(folder.path()), "--adapter", "cpu", "--top", "1"])
        .assert()
        .success()
        .stdout(contains("two.png: 2 ("))
        .stderr(predicate::str::ends_with("left out: 1 broken link, 1 linked folder, 1 special file\n"));
}

#[test]
fn a_cut_off_jpeg_is_an_error_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read("tests/pictures/orientation-6.jpg").unwrap();
    std::fs::write(folder.path().join("cut.jpg"), &whole[..whole.len() - 40]).unwrap();
    std::fs::write(folder.path().join("whole.jpg"), &whole).unwrap();
    let mut command = densenet(&["classify", text(folder.path()), "--adapter", "cpu", "--jsonl"]);
    let (status, lines) = errors(&mut command);
    assert!(status == 1 && lines.len() == 1 && lines[0].contains("cut.jpg: the picture is cut off"), "{lines:?}");
    command.assert().stdout(contains("whole.jpg")).stdout(is_empty().not());
}
