//! `cargo xtask web`: the web package and the page.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::cargo::{cargo, root, run};
use crate::wasm;

/// The cargo profile of the module: small, and fast.
const PROFILE: &str = "wasm";

/// Every browser since 2023 has these instructions.
const FLAGS: &str = "-Ctarget-feature=+simd128";

/// Builds target/web: the page, and in `pkg` the package. `features`, if any, stand in for the default ones.
pub(crate) fn build(features: Option<&str>) -> Result<(), String> {
    if !wasm::install()? {
        return Err(format!("there is no target {0}: run `rustup target add {0}`", wasm::TARGET));
    }
    let chosen = features.map_or(Vec::new(), |features| vec!["--no-default-features", "--features", features]);
    run(cargo(&["build", "--package", "densenet-web", "--target", wasm::TARGET, "--profile", PROFILE])
        .args(chosen)
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", FLAGS)
        // They would count in place of ours.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS"))?;
    let module = target().join(wasm::TARGET).join(PROFILE).join("densenet_web.wasm");
    let web = root().join("target/web");
    if web.exists() {
        fs::remove_dir_all(&web).map_err(|e| format!("{}: {e}", web.display()))?;
    }
    let package = web.join("pkg");
    fs::create_dir_all(&package).map_err(|e| format!("{}: {e}", package.display()))?;
    run(tools(&["bind"]).args([&module, &package]))?;
    for name in ["web/package.json", "web/README.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(name), &package)?;
    }
    for entry in fs::read_dir(root().join("web/page")).map_err(|e| format!("web/page: {e}"))?.flatten() {
        copy(&entry.path(), &web)?;
    }
    name_version(&web)?;
    let module = package.join("densenet_wgpu_bg.wasm");
    let bytes = fs::metadata(&module).map_err(|e| format!("{}: {e}", module.display()))?.len();
    println!("{}: {:.2} MB of WebAssembly", package.display(), bytes as f64 / 1e6);
    Ok(())
}

/// The service worker keeps the files of one build, whose hash its cache is named after.
fn name_version(web: &Path) -> Result<(), String> {
    let mut files: Vec<PathBuf> = [web.to_path_buf(), web.join("pkg")]
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok())
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        fs::read(&file).map_err(|e| format!("{}: {e}", file.display()))?.hash(&mut hasher);
    }
    let worker = web.join("sw.js");
    let text = fs::read_to_string(&worker).map_err(|e| format!("{}: {e}", worker.display()))?;
    let named = text.replace("densenet-page-unbuilt", &format!("densenet-page-{:016x}", hasher.finish()));
    if named == text {
        return Err(format!("{}: it has no place for the version", worker.display()));
    }
    fs::write(&worker, named).map_err(|e| format!("{}: {e}", worker.display()))
}

/// Serves it.
pub(crate) fn serve(port: &str) -> Result<(), String> {
    run(tools(&["serve"]).arg(root().join("target/web")).arg(port))
}

fn tools(words: &[&str]) -> std::process::Command {
    cargo(&[&["run", "--quiet", "--package", "densenet-web-tools", "--"], words].concat())
}

/// Where cargo puts what it builds.
fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

fn copy(file: &Path, folder: &Path) -> Result<(), String> {
    let to = folder.join(file.file_name().unwrap_or_default());
    fs::copy(file, &to).map(drop).map_err(|e| format!("{}: {e}", file.display()))
}
