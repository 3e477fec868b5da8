//! `densenet run`: tensors in, tensors out.

mod cli;

use std::path::Path;

use cli::{densenet, errors, names, read_npy, text, write_npy};
use densenet_wgpu::weights::random;
use npyz::Order;

const IMAGE: usize = 28 * 28;

fn run(input: &Path, output: &Path, more: &[&str]) -> assert_cmd::Command {
    let mut command = densenet(&["run", "--input", text(input), "--output", text(output)]);
    command.args(more);
    command
}

#[test]
fn a_batch_of_33_equals_33_single_runs() {
    // Kernels sum in the same order whatever the batch.
    let engine = ["--adapter", "0"];
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
    let images = random::input(7, 33 * IMAGE);
    write_npy(&input, &[33, 1, 28, 28], Order::C, &images);
    run(&input, &output, &engine).assert().success();
    let (shape, batch) = read_npy(&output);
    assert_eq!(shape, [33, 10]);
    for (index, image) in images.chunks(IMAGE).enumerate() {
        write_npy(&input, &[1, 1, 28, 28], Order::C, image);
        run(&input, &output, &engine).assert().success();
        let (shape, single) = read_npy(&output);
        assert_eq!(shape, [1, 10]);
        assert_eq!(single, batch[index * 10..][..10], "image {index}");
    }
}

#[test]
fn logits_and_taps_are_those_of_the_reference() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_npy(&path("x.npy"), &[2, 3, 40, 33], Order::C, &random::input(3, 2 * 3 * 40 * 33));
    let network = ["--arch", "densenet-bc-100-12", "--random", "5", "--tap", "features.denseblock2", "--tap-output"];
    for adapter in ["0", "cpu", "reference"] {
        let tap = path(&format!("t-{adapter}.npy"));
        let mut command = run(&path("x.npy"), &path(&format!("y-{adapter}.npy")), &network);
        command.arg(&tap).args(["--adapter", adapter]).assert().success();
    }
    for (kind, shape) in [("y", &[2, 10][..]), ("t", &[2, 300, 20, 16])] {
        let (want_shape, want) = read_npy(&path(&format!("{kind}-reference.npy")));
        assert_eq!(want_shape, shape);
        let range = want.iter().fold(0.0, |most: f32, x| most.max(x.abs()));
        assert!(range > 0.0);
        for adapter in ["0", "cpu"] {
            let (got_shape, got) = read_npy(&path(&format!("{kind}-{adapter}.npy")));
            assert_eq!(got_shape, shape);
            for (got, want) in got.iter().zip(&want) {
                assert!((got - want).abs() <= 1e-5 * range, "{adapter}: {got} for {want}");
            }
        }
    }
    let left: Vec<_> = names(folder.path());
    assert_eq!(left.len(), 7, "no temporary file stays: {left:?}");
}

#[test]
fn other_elements_and_three_dimensions_are_taken_where_they_are_plain() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let image = random::input(1, IMAGE);
    write_npy(&path("x.npy"), &[1, 1, 28, 28], Order::C, &image);
    run(&path("x.npy"), &path("want.npy"), &[]).assert().success();
    let doubles: Vec<f64> = image.iter().map(|&x| f64::from(x)).collect();
    write_npy(&path("double.npy"), &[1, 28, 28], Order::C, &doubles);
    run(&path("double.npy"), &path("got.npy"), &[]).assert().success();
    assert_eq!(read_npy(&path("got.npy")), read_npy(&path("want.npy")));
}

#[test]
fn bad_input_is_one_clear_error_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("x.npy");
    let image = random::input(1, 2 * IMAGE);
    let mut not_a_number = image[..IMAGE].to_vec();
    not_a_number[5] = f32::NAN;
    type Make<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Make); 9] = [
        ("no .npy file", &|path| std::fs::write(path, "text").unwrap()),
        ("no .npy file", &|path| std::fs::write(path, "").unwrap()),
        ("NaN", &|path| write_npy(path, &[1, 1, 28, 28], Order::C, &not_a_number)),
        ("3 channels", &|path| write_npy(path, &[1, 3, 14, 14], Order::C, &image[..3 * 14 * 14])),
        ("[784]", &|path| write_npy(path, &[784], Order::C, &image[..IMAGE])),
        ("ascontiguousarray", &|path| write_npy(path, &[2, 1, 28, 28], Order::Fortran, &image)),
        ("float32", &|path| write_npy(path, &[1, 1, 28, 28], Order::C, &[7u8; IMAGE])),
        ("no image", &|path| write_npy::<f32>(path, &[0, 1, 28, 28], Order::C, &[])),
        ("cut short", &|path| {
            write_npy(path, &[2, 1, 28, 28], Order::C, &image);
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() - 2000]).unwrap();
        }),
    ];
    for (wanted, make) in cases {
        make(&input);
        let (status, errors) = errors(&mut run(&input, &folder.path().join("y.npy"), &[]));
        assert_eq!(status, 1, "{wanted}");
        assert!(errors.len() == 1 && errors[0].contains(wanted), "{wanted}: {errors:?}");
        assert_eq!(names(folder.path()).len(), 1, "{wanted}: only the input is there");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
    write_npy(&input, &[1, 1, 28, 28], Order::C, &random::input(1, IMAGE));
    let tap = folder.path().join("t.npy");
    for adapter in [["--adapter", "0"], ["--adapter", "cpu"], ["--adapter", "reference"]] {
        let mut command = run(&input, &output, &["--tap", "features.denseblok2", "--tap-output", text(&tap)]);
        let (status, errors) = errors(command.args(adapter));
        assert_eq!(status, 1);
        assert!(errors[0].contains("features.denseblok2"), "{errors:?}");
    }
    run(&input, &output, &["--tap", "features.pool5"]).assert().code(2);
    let nowhere = folder.path().join("missing/y.npy");
    let (status, errors) = errors(&mut run(&input, &nowhere, &[]));
    assert_eq!(status, 1);
    assert!(errors[0].contains("missing/y.npy"), "{errors:?}");
}

// Elsewhere drivers belong to the system, and no variable hides them.
#[cfg(target_os = "linux")]
#[test]
fn without_an_adapter_the_cpu_engine_runs_it_but_an_adapter_that_is_named_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
    write_npy(&input, &[1, 1, 28, 28], Order::C, &random::input(1, IMAGE));
    for more in [["--adapter", "0"], ["--kernels", "buffer"], ["--precision", "f16"]] {
        cli::without_adapter(&mut run(&input, &output, &more)).assert().code(1);
        assert!(!output.exists(), "{more:?}");
    }
    for more in [&[][..], &["--adapter", "cpu"], &["--adapter", "reference"]] {
        cli::without_adapter(&mut run(&input, &output, more)).assert().success();
    }
}

#[test]
fn a_result_that_overflows_is_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    // Every number of the file is finite; the logits are not.
    let embedded = densenet_wgpu::weights::embedded().unwrap();
    let mut tensors = embedded.tensors().clone();
    tensors.get_mut("classifier.weight").unwrap().data.fill(3e38);
    let weights = densenet_wgpu::Weights::new(embedded.architecture().clone(), tensors).unwrap();
    densenet_wgpu::weights::save_safetensors(&weights, path("huge.safetensors")).unwrap();
    write_npy(&path("x.npy"), &[1, 1, 28, 28], Order::C, &random::input(1, IMAGE));
    let file = path("huge.safetensors");
    for adapter in [["--adapter", "0"], ["--adapter", "cpu"], ["--adapter", "reference"]] {
        let mut command = run(&path("x.npy"), &path("y.npy"), &["--weights", text(&file)]);
        let (status, errors) = errors(command.args(adapter));
        assert_eq!(status, 1);
        assert!(errors[0].contains("not finite"), "{errors:?}");
        assert!(!path("y.npy").exists());
    }
    let (status, _) = errors(&mut densenet(&["verify", "--weights", text(&file), "--size", "28"]));
    assert_eq!(status, 1);
}

#[test]
fn two_outputs_in_one_file_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (input, output) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
    write_npy(&input, &[1, 1, 28, 28], Order::C, &random::input(1, IMAGE));
    let tap = ["--tap", "features.pool5", "--tap-output", text(&output)];
    let (status, errors) = errors(&mut run(&input, &output, &tap));
    assert_eq!((status, errors.len()), (2, 1), "{errors:?}");
}

#[cfg(unix)]
#[test]
fn links_are_followed_and_names_need_not_be_unicode() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &[u8]| folder.path().join(std::ffi::OsStr::from_bytes(name));
    write_npy(&path(b"x.npy"), &[1, 1, 28, 28], Order::C, &random::input(1, IMAGE));
    std::fs::write(path(b"target.npy"), b"old").unwrap();
    std::os::unix::fs::symlink(path(b"target.npy"), path(b"link.npy")).unwrap();
    run(&path(b"x.npy"), &path(b"link.npy"), &[]).assert().success();
    assert!(path(b"link.npy").is_symlink());
    assert_eq!(read_npy(&path(b"target.npy")).0, [1, 10]);
    let mut command = densenet(&["run", "--json", "--input", text(&path(b"x.npy")), "--output"]);
    command.arg(path(b"q\xff.npy")).assert().success();
    assert_eq!(read_npy(&path(b"q\xff.npy")).0, [1, 10]);
}
