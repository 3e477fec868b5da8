//! `densenet classify --cam`, as a user types it.

mod cli;

use cli::{DIGITS, densenet, errors, json, names, text};
use densenet_wgpu::picture::Picture;

/// A box of pixels: left, top, right, bottom, the last two exclusive.
type Bounds = [usize; 4];

/// The box around the pixels of a picture that are `wanted`.
fn bounds(width: usize, wanted: impl Iterator<Item = bool>) -> Bounds {
    let nothing = [usize::MAX, usize::MAX, 0, 0];
    wanted.enumerate().filter(|(_, wanted)| *wanted).fold(nothing, |[left, top, right, bottom], (i, _)| {
        let (x, y) = (i % width, i / width);
        [left.min(x), top.min(y), right.max(x + 1), bottom.max(y + 1)]
    })
}

#[test]
fn each_picture_gets_a_map_that_lies_on_the_digit() {
    let folder = tempfile::tempdir().unwrap();
    let maps = folder.path().join("new/maps");
    let document = json(&mut densenet(&["classify", DIGITS, "--cam", text(&maps), "--json", "--batch", "3"]));
    let images = document["images"].as_array().unwrap();
    assert_eq!(images.len(), 10);
    for image in images {
        let path = image["path"].as_str().unwrap();
        let map = std::path::PathBuf::from(image["cam"].as_str().unwrap());
        assert_eq!((map.parent(), map.file_stem()), (Some(maps.as_path()), std::path::Path::new(path).file_stem()));
        let [before, after] = [Picture::open(path), Picture::open(&map)].map(Result::unwrap);
        let (width, height) = (before.width(), before.height());
        assert_eq!((after.width(), after.height()), (width, height), "{path}");
        let grey = before.pixels(1).unwrap();
        let ink = bounds(width, grey.iter().map(|&x| x.abs_diff(grey[0]) > 60));
        let [before, after] = [before, after].map(|picture| picture.pixels(3).unwrap());
        let heat = bounds(width, before.chunks(3).zip(after.chunks(3)).map(|(b, a)| b != a));
        // Beside the digit lie 4 of its field's 28 pixels on each side, or more.
        assert!(
            heat[0] <= ink[0] && heat[1] <= ink[1] && heat[2] >= ink[2] && heat[3] >= ink[3],
            "{path}: {heat:?} {ink:?}"
        );
        let side = |bounds: Bounds| (bounds[2] - bounds[0]).max(bounds[3] - bounds[1]);
        assert!(side(heat) * 18 <= side(ink) * 28, "{path}: {heat:?} reaches far beyond {ink:?}");
    }
    assert_eq!(names(&maps).len(), 10, "nothing but the maps is left: {:?}", names(&maps));
}

#[test]
fn every_engine_writes_the_same_maps() {
    let folder = tempfile::tempdir().unwrap();
    let picture = "tests/images/digits/5-plain.png";
    let write = |name: &str, more: &[&str]| {
        let maps = folder.path().join(name);
        let arguments = [&["classify", picture, "--cam", text(&maps)], more].concat();
        densenet(&arguments).assert().success();
        let png = names(&maps).pop().unwrap();
        Picture::open(maps.join(png)).unwrap().pixels(3).unwrap()
    };
    let reference = write("reference", &["--adapter", "reference"]);
    for engine in [["--kernels", "buffer"], ["--kernels", "texture"], ["--adapter", "cpu"]] {
        let apart = write(engine[1], &engine);
        let most = reference.iter().zip(&apart).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(most <= Some(1), "{engine:?}: {most:?}");
    }
}

#[test]
fn pictures_are_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("5.png");
    std::fs::copy("tests/images/digits/5-plain.png", &picture).unwrap();
    let before = std::fs::read(&picture).unwrap();
    let (status, said) = errors(&mut densenet(&["classify", text(&picture), "--cam", text(folder.path())]));
    assert_eq!((status, said.len()), (2, 1), "{said:?}");
    assert!(said[0].contains("would be overwritten"), "{said:?}");
    // A relative path names the same folder.
    densenet(&["classify", "5.png", "--cam", "."]).current_dir(folder.path()).assert().code(2);
    assert_eq!(std::fs::read(&picture).unwrap(), before);
    // A file where the folder should be.
    let (status, said) = errors(&mut densenet(&["classify", text(&picture), "--cam", text(&picture)]));
    assert_eq!(status, 1);
    assert!(said[0].contains("cannot be made"), "{said:?}");
}

#[test]
fn standard_input_and_equal_names_get_names_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    for inner in ["a", "b"] {
        std::fs::create_dir(folder.path().join(inner)).unwrap();
        std::fs::copy("tests/images/digits/3-inverted.png", folder.path().join(inner).join("x.png")).unwrap();
    }
    let maps = folder.path().join("maps");
    let [a, b] = ["a", "b"].map(|inner| folder.path().join(inner));
    densenet(&["classify", text(&a), "-", text(&b), "--cam", text(&maps)])
        .write_stdin(std::fs::read("tests/images/digits/2-enlarged.png").unwrap())
        .assert()
        .success();
    assert_eq!(names(&maps), ["stdin.png", "x-2.png", "x.png"].map(std::path::PathBuf::from));
}

#[test]
fn the_maps_of_a_run_are_a_tap_too() {
    let folder = tempfile::tempdir().unwrap();
    let [input, output, maps] = ["x.npy", "y.npy", "maps.npy"].map(|name| folder.path().join(name));
    cli::write_npy(&input, &[2, 1, 28, 28], npyz::Order::C, &vec![0.25f32; 2 * 28 * 28]);
    let run = ["run", "--input", text(&input), "--output", text(&output), "--tap", "cam", "--tap-output", text(&maps)];
    let on = |adapter: &str| {
        densenet(&[&run[..], &["--adapter", adapter]].concat()).assert().success();
        cli::read_npy(&maps)
    };
    let (shape, want) = on("reference");
    assert_eq!(shape[..2], [2, 10]);
    let most = want.iter().fold(0f32, |most, x| most.max(x.abs()));
    for adapter in ["0", "cpu"] {
        let (_, got) = on(adapter);
        assert!(want.iter().zip(&got).all(|(a, b)| (a - b).abs() < 1e-4 * most), "{adapter}");
    }
}
