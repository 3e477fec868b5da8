//! Finds a Vulkan driver, or installs one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cargo::run;

const PACKAGE: &str = "mesa-vulkan-drivers";

/// Makes sure that there is a Vulkan driver. On Debian and Ubuntu, Mesa's software driver is installed if there is none.
pub(crate) fn ensure() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        // Metal comes with macOS, and DX12 (with WARP, its software adapter) with Windows.
        return Ok(());
    }
    if let Some(manifest) = manifest() {
        eprintln!("Vulkan driver: {}", manifest.display());
        return Ok(());
    }
    eprintln!("No Vulkan driver was found.");
    if !is_apt() {
        return Err(format!(
            "there is no Vulkan driver, and this is neither Debian nor Ubuntu: install your GPU's driver or Mesa's software \
             driver lavapipe (Fedora: dnf install mesa-vulkan-drivers; Arch: pacman -S vulkan-swrast vulkan-icd-loader; Alpine: \
             apk add mesa-vulkan-swrast vulkan-loader; Debian's name is {PACKAGE}), then try again"
        ));
    }
    eprintln!("Installing Mesa's software driver ({PACKAGE}):");
    install(&[PACKAGE, "libvulkan1"])?;
    match manifest() {
        Some(manifest) => {
            eprintln!("Vulkan driver: {}", manifest.display());
            Ok(())
        }
        None => Err(format!("{PACKAGE} is installed but has no Vulkan driver for this machine")),
    }
}

/// The programs that test the desktop app's window, and their Debian packages.
const SCREEN: [(&str, &str); 3] = [("Xvfb", "xvfb"), ("xdotool", "xdotool"), ("import", "imagemagick")];

/// Makes sure that the desktop app's window can be tested: on Debian and Ubuntu by installing what is missing. Returns false,
/// and has said why, if it cannot be.
///
/// # Errors
/// In CI, if something is missing and cannot be installed.
pub(crate) fn ensure_screen() -> Result<bool, String> {
    if !cfg!(target_os = "linux") {
        println!("NOT TESTED: the window is tested on Linux only.");
        return Ok(false);
    }
    ensure_programs(&SCREEN, "the window")
}

/// Installs what is missing of these programs, and says what could not be tested without them.
fn ensure_programs(programs: &[(&str, &'static str)], tested: &str) -> Result<bool, String> {
    let missing = || programs.iter().filter(|(program, _)| !is_there(program)).map(|(_, package)| *package);
    let packages: Vec<&str> = missing().collect();
    if packages.is_empty() {
        return Ok(true);
    }
    println!("Installing what tests {tested} ({}):", packages.join(", "));
    let reason = match is_apt() {
        true => install(&packages).err(),
        false => Some("this is neither Debian nor Ubuntu".to_string()),
    };
    if missing().next().is_none() {
        return Ok(true);
    }
    let reason = reason.unwrap_or_else(|| "the packages do not contain it".into());
    let reason = format!("{tested} cannot be tested without {}: {reason}", packages.join(", "));
    if std::env::var_os("CI").is_some() {
        return Err(reason);
    }
    println!("NOT TESTED: {reason}");
    Ok(false)
}

/// What tests the web package: programs and their Debian packages.
const BROWSER: [(&str, &str); 2] = [("chromium", "chromium"), ("chromedriver", "chromium-driver")];

/// Makes sure that the web package can be tested in Chromium: on Debian by installing it. Returns false, and has said why, if it
/// cannot be.
///
/// # Errors
/// In CI, if it is missing and cannot be installed.
pub(crate) fn ensure_browser() -> Result<bool, String> {
    ensure_programs(&BROWSER, "the web package")
}

fn is_there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn is_apt() -> bool {
    Path::new("/usr/bin/apt-get").exists()
}

/// Installs Debian packages.
fn install(packages: &[&str]) -> Result<(), String> {
    let sudo = if is_root() {
        None
    } else if works(Command::new("sudo").args(["-n", "true"])) {
        Some("sudo")
    } else {
        return Err(format!(
            "installing needs root: run `sudo apt-get install --no-install-recommends {}`, then try again",
            packages.join(" ")
        ));
    };
    let apt = |arguments: &[&str]| {
        let mut words: Vec<&str> = sudo.into_iter().collect();
        words.push("apt-get");
        words.extend(arguments);
        eprintln!("+ {}", words.join(" "));
        run(Command::new(words[0]).args(&words[1..]).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    // Old package lists may do; what counts is whether the installation works.
    if let Err(reason) = apt(&["update", "-q"]) {
        eprintln!("{reason}; going on with the old package lists");
    }
    apt(&[&["install", "-q", "-y", "--no-install-recommends"], packages].concat())
}

/// The first driver manifest that the Vulkan loader would read.
fn manifest() -> Option<PathBuf> {
    // As in the loader: the newer variable takes precedence, and either replaces the search.
    for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
        if let Some(list) = std::env::var_os(variable).filter(|list| !list.is_empty()) {
            return std::env::split_paths(&list).find_map(|path| {
                if path.is_dir() { json_in(&path) } else { Some(path).filter(|path| path.is_file()) }
            });
        }
    }
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    let data = std::env::var_os("XDG_DATA_DIRS").filter(|dirs| !dirs.is_empty());
    let data = data.map_or_else(
        || vec!["/usr/local/share".into(), "/usr/share".into()],
        |dirs| std::env::split_paths(&dirs).collect::<Vec<_>>(),
    );
    let roots = home.into_iter().chain(["/etc", "/usr/local/etc"].map(PathBuf::from)).chain(data);
    roots.into_iter().find_map(|root| json_in(&root.join("vulkan/icd.d")))
}

fn json_in(folder: &Path) -> Option<PathBuf> {
    let mut manifests: Vec<PathBuf> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .collect();
    // Mesa's package has manifests for GPUs that may not be here; its software driver always works.
    manifests.sort_by_key(|path| (!path.to_string_lossy().contains("lvp"), path.clone()));
    manifests.into_iter().next()
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn works(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
