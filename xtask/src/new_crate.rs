//! The library as a stranger meets it: packaged as for publishing, it is the one dependency of a new crate with the README's
//! three lines.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo::{cargo, output, root, run};

/// Reads one of the bundled digits with the bundled model; the first line that it prints is the likeliest class.
const PROGRAM: &str = r#"fn main() -> densenet_wgpu::Result<()> {
    let classifier = densenet_wgpu::Classifier::open_blocking(MODEL)?;
    for place in classifier.classify_blocking(PICTURE)?.top(5) {
        println!("{:6.2} %  {}", 100.0 * place.score, place.label);
    }
    Ok(())
}
"#;

const MODEL: &str = "models/mnist.safetensors";
const PICTURE: &str = "tests/images/digits/3-inverted.png";
const CLASS: &str = "3";

/// Packages the library, builds the new crate with it and compares what it prints.
pub(crate) fn check() -> Result<(), String> {
    let package = package()?;
    let folder = root().join("target/tmp/new-crate");
    write(&folder, &package)?;
    let printed = output(&mut run_command(&folder))?;
    print!("{printed}");
    let likeliest = printed.lines().next().and_then(|line| line.split_whitespace().last());
    if likeliest == Some(CLASS) { Ok(()) } else { Err(format!("{PICTURE} shows a {CLASS}, not {likeliest:?}")) }
}

/// Packages the library and unpacks it again; returns its folder.
fn package() -> Result<PathBuf, String> {
    let name = output(&mut cargo(&["pkgid"]))?;
    let version = name.trim().rsplit(['#', '@']).next().unwrap_or_default();
    let name = format!("densenet-wgpu-{version}");
    // Cargo would build the package by itself; here the new crate does.
    run(&mut cargo(&["package", "--package", "densenet-wgpu", "--allow-dirty", "--no-verify"]))?;
    let folder = root().join("target/package");
    let _ = std::fs::remove_dir_all(folder.join(&name)); // an older one's files
    run(Command::new("tar").args(["-xzf", &format!("{name}.crate")]).current_dir(&folder))?;
    Ok(folder.join(name))
}

fn write(folder: &Path, package: &Path) -> Result<(), String> {
    let say = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(folder.join("src")).map_err(say)?;
    // Without [workspace] cargo would take the crate for a member of the repository around it.
    let manifest = format!(
        "[package]\nname = \"new-crate\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         densenet-wgpu = {{ path = {package:?} }}\n\n[workspace]\n"
    );
    let constants = [("MODEL", MODEL), ("PICTURE", PICTURE)]
        .map(|(name, file)| format!("const {name}: &str = {:?};\n", root().join(file)));
    std::fs::write(folder.join("Cargo.toml"), manifest).map_err(say)?;
    std::fs::write(folder.join("src/main.rs"), constants.concat() + PROGRAM).map_err(say)?;
    // The versions that are tested here, not the newest.
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map(drop).map_err(say)
}

fn run_command(folder: &Path) -> Command {
    // The repository's folder and the profile of its tests, so that most dependencies are built already.
    let profile = ["--config", "profile.dev.opt-level=2", "--config", "profile.dev.debug='line-tables-only'"];
    let mut command = cargo(&["run"]);
    command.args(profile).current_dir(folder).env("CARGO_TARGET_DIR", root().join("target"));
    command
}
