//! The library as a stranger meets it: a new crate with one dependency and the README's three lines.

use std::path::Path;

use crate::cargo::{cargo, output, root};

/// Off until the library has its `Classifier`.
const ENABLED: bool = false;

/// Reads one of the bundled digits with the bundled model; the first line is the likeliest class.
const PROGRAM: &str = r#"fn main() -> densenet_wgpu::Result<()> {
    let mut classifier = densenet_wgpu::Classifier::open_blocking(MODEL)?;
    for place in classifier.classify_blocking(PICTURE)?.top(5) {
        println!("{:6.2} %  {}", 100.0 * place.score, place.label);
    }
    Ok(())
}
"#;

const MODEL: &str = "models/mnist.safetensors";
const PICTURE: &str = "tests/images/digits/3-inverted.png";
const CLASS: &str = "3";

/// Makes the crate, builds it and compares what it prints.
pub(crate) fn check() -> Result<(), String> {
    if !ENABLED {
        println!("NOT CHECKED: the library has no Classifier yet.");
        return Ok(());
    }
    let folder = root().join("target/tmp/new-crate");
    write(&folder)?;
    let printed = output(&mut run_command(&folder))?;
    print!("{printed}");
    let likeliest = printed.lines().next().and_then(|line| line.split_whitespace().last());
    if likeliest == Some(CLASS) { Ok(()) } else { Err(format!("{PICTURE} shows a {CLASS}, not {likeliest:?}")) }
}

fn write(folder: &Path) -> Result<(), String> {
    let say = |e: std::io::Error| format!("{}: {e}", folder.display());
    std::fs::create_dir_all(folder.join("src")).map_err(say)?;
    // The empty [workspace] parts it from the repository, in whose folder it lies.
    let manifest = format!(
        "[package]\nname = \"new-crate\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
         densenet-wgpu = {{ path = {:?} }}\n\n[workspace]\n",
        root()
    );
    let constants = [("MODEL", MODEL), ("PICTURE", PICTURE)]
        .map(|(name, file)| format!("const {name}: &str = {:?};\n", root().join(file)));
    std::fs::write(folder.join("Cargo.toml"), manifest).map_err(say)?;
    std::fs::write(folder.join("src/main.rs"), constants.concat() + PROGRAM).map_err(say)?;
    // The versions that are tested here, not those of the day.
    std::fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map(drop).map_err(say)
}

fn run_command(folder: &Path) -> std::process::Command {
    // The same profile and folder as the repository's, so that most dependencies are built already.
    let profile = ["--config", "profile.dev.opt-level=1", "--config", "profile.dev.debug='line-tables-only'"];
    let mut command = cargo(&["run"]);
    command.args(profile).current_dir(folder).env("CARGO_TARGET_DIR", root().join("target"));
    command
}
