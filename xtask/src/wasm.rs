//! The library must build for the browser, where nothing may block.

use std::process::Command;

use crate::cargo::{cargo, output, run};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Checks the library for the browser. Without the target, which cannot be installed offline, this is an error in CI and a
/// message elsewhere.
pub(crate) fn check() -> Result<(), String> {
    if !install()? {
        let reason = format!("there is no target {TARGET}");
        if std::env::var_os("CI").is_some() {
            return Err(format!("the library cannot be checked for the browser: {reason}"));
        }
        println!("NOT CHECKED: {reason}. CI checks the library for it.");
        return Ok(());
    }
    // Without WebGPU. With everything that a browser can have, clippy checks it in ring 7.
    let features = ["--no-default-features", "--features", "cpu,images,safetensors"];
    run(cargo(&["check", "--lib", "--target", TARGET]).args(features))
}

/// Installs the target if it is missing; returns whether it is there.
pub(crate) fn install() -> Result<bool, String> {
    if is_installed()? {
        return Ok(true);
    }
    println!("+ rustup target add {TARGET}");
    if let Err(reason) = run(Command::new("rustup").args(["target", "add", TARGET])) {
        println!("{reason}");
    }
    is_installed()
}

fn is_installed() -> Result<bool, String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let folder = output(Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]))?;
    Ok(std::path::Path::new(folder.trim()).is_dir())
}
