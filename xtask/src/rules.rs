//! The rules that are no tests: formatting, lints, documentation, features.

use crate::cargo::{APP, cargo, output, root, run};

pub(crate) fn formatting() -> Result<(), String> {
    run(&mut cargo(&["fmt", "--all", "--check"]))
}

pub(crate) fn clippy() -> Result<(), String> {
    let everything_else = ["clippy", "--workspace", "--exclude", APP, "--all-targets", "--quiet"];
    run(cargo(&everything_else).args(["--", "-D", "warnings"]))
}

pub(crate) fn documentation() -> Result<(), String> {
    let everything_else = ["doc", "--workspace", "--exclude", APP, "--no-deps", "--quiet"];
    run(cargo(&everything_else).env("RUSTDOCFLAGS", "-D warnings"))
}

pub(crate) fn circles() -> Result<(), String> {
    crate::circles::check(&root())
}

/// The library must build without any feature, and then without wgpu: the arithmetic needs no GPU. It must classify pictures
/// without wgpu, too. The programs must build without the network.
pub(crate) fn without_features() -> Result<(), String> {
    run(&mut cargo(&["check", "--lib", "--no-default-features"]))?;
    run(&mut cargo(&["check", "--lib", "--no-default-features", "--features", CPU_DOOR]))?;
    run(&mut cargo(&["check", "--bins", "--no-default-features", "--features", "cli"]))?;
    for features in ["", CPU_DOOR] {
        without_graphics(features)?;
    }
    Ok(())
}

/// What classifies pictures on the CPU engine.
const CPU_DOOR: &str = "cpu,images,safetensors";

/// Nothing of wgpu is needed with these features alone.
fn without_graphics(features: &str) -> Result<(), String> {
    let tree = ["tree", "--no-default-features", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    let needed = output(cargo(&tree).args(["--features", features]))?;
    let graphics = ["wgpu", "naga", "ash"];
    match needed.lines().find(|line| graphics.iter().any(|name| line.starts_with(name))) {
        Some(line) => Err(format!(
            "the library with the features [{features}] depends on {line}: wgpu belongs to the feature `gpu`"
        )),
        None => Ok(()),
    }
}

/// The examples compile.
pub(crate) fn examples() -> Result<(), String> {
    run(&mut cargo(&["test", "--quiet", "--examples", "--no-run"]))
}

/// The desktop app's lints and documentation.
pub(crate) fn app() -> Result<(), String> {
    run(&mut cargo(&["clippy", "--package", APP, "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
    run(cargo(&["doc", "--package", APP, "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// The lints of the web package, and of the library as a browser has it.
pub(crate) fn web() -> Result<(), String> {
    if !crate::wasm::install()? {
        return Err(format!("there is no target {}", crate::wasm::TARGET));
    }
    let target =
        ["clippy", "--package", "densenet-web", "--target", crate::wasm::TARGET, "--quiet", "--", "-D", "warnings"];
    run(&mut cargo(&target))
}
