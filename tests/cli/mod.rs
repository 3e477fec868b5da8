//! What the tests of the command line share. Each of them starts a binary, as a user does.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

pub(crate) const DIGITS: &str = "tests/images/digits";

/// The tool, in the repository's root.
pub(crate) fn densenet(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_densenet"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_LOG").args(arguments);
    command
}

/// The benchmark.
pub(crate) fn bench(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_densenet-bench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("RUST_LOG").args(arguments);
    command
}

/// A machine without drivers: Vulkan's loader finds no manifest, EGL no vendor.
pub(crate) fn without_adapter(command: &mut Command) -> &mut Command {
    for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "__EGL_VENDOR_LIBRARY_FILENAMES"] {
        command.env(variable, "/nonexistent/driver.json");
    }
    command
}

/// The only thing on stdout, as JSON.
pub(crate) fn json(command: &mut Command) -> Value {
    let output = command.output().expect("the binary starts");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!("no JSON ({e}): {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

/// The lines of stderr that say what went wrong.
pub(crate) fn errors(command: &mut Command) -> (i32, Vec<String>) {
    let output = command.output().expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stderr);
    let lines = text.lines().filter(|line| line.starts_with("error: "));
    (output.status.code().expect("it was not killed"), lines.map(str::to_string).collect())
}

pub(crate) fn write_npy<T: npyz::AutoSerialize + Copy>(path: &Path, shape: &[u64], order: npyz::Order, data: &[T]) {
    use npyz::WriterBuilder as _;
    let file = std::fs::File::create(path).expect("the test's folder can be written");
    let options = npyz::WriteOptions::new().default_dtype().order(order).shape(shape);
    let mut writer = options.writer(file).begin_nd().expect("a header");
    writer.extend(data.iter().copied()).expect("the elements");
    writer.finish().expect("as many elements as the shape says");
}

pub(crate) fn read_npy(path: &Path) -> (Vec<u64>, Vec<f32>) {
    let npy = npyz::NpyFile::new(std::io::BufReader::new(std::fs::File::open(path).expect("the file is there")));
    let npy = npy.expect("it is a .npy file");
    (npy.shape().to_vec(), npy.into_vec().expect("float32"))
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("the test's folder has a plain name")
}

/// Names in a folder, hidden ones too.
pub(crate) fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut names: Vec<PathBuf> = entries.map(|entry| PathBuf::from(entry.expect("an entry").file_name())).collect();
    names.sort();
    names
}
