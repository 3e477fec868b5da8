//! `cargo xtask circles`: no two files need each other, and rooms stay on their side of the wall.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::graph::circles;
use super::needs::Needs;
use super::tree::Tree;

/// Files that must not name what others define: by the beginnings of their paths, with the reason.
const WALLS: [(&str, &[&str], &str); 6] = [
    (
        "src/reference",
        &["src/plan/", "src/kernels/", "src/engine/", "src/gpu/", "src/cpu/"],
        "the reference answers independently of what it is compared with",
    ),
    ("src/plan/", &["src/kernels/", "src/gpu/", "src/cpu/"], "a plan knows no kernel family and no engine"),
    ("src/kernels/", &["src/gpu/", "src/cpu/"], "a program is plain data"),
    ("src/engine/", &["src/gpu/", "src/cpu/", "src/picture/"], "what engines share knows none of them"),
    ("src/gpu/", &["src/cpu/", "src/picture/"], "an engine knows nothing about the other, nor about preprocessing"),
    (
        "src/cpu/",
        &["src/kernels/", "src/gpu/", "src/picture/"],
        "an engine knows nothing about the other, nor about preprocessing",
    ),
];

/// Crates that only the folder after them may name; `src/lib.rs` re-exports wgpu.
const ENGINES: [(&str, &str); 2] = [("wgpu", "src/gpu/"), ("gemm", "src/cpu/")];

/// Checks the crates of the repository at `root`.
///
/// # Errors
/// Circles and broken walls are printed; the error counts them.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    let needs = read(root)?;
    let faults: Vec<String> = [circle_faults(&needs), wall_faults(&needs), engine_faults(&needs)].concat();
    for fault in &faults {
        println!("{fault}\n");
    }
    if faults.is_empty() {
        println!("{} files, no circle", needs.arrows.len());
        return Ok(());
    }
    let circles = circle_faults(&needs).len();
    let broken = faults.len() - circles;
    Err(format!("{circles} circles of files that need each other, {broken} names that do not belong where they are"))
}

/// What all files of all crates need.
pub(super) fn read(root: &Path) -> Result<Needs, String> {
    let roots = crate_roots(root);
    if roots.is_empty() {
        return Err(format!("{}: there is no src/lib.rs or other crate to check", root.display()));
    }
    let mut needs = Needs::default();
    for file in roots {
        needs.add(&Tree::read(root, &file)?);
    }
    Ok(needs)
}

/// The root files of the library, the binaries, the desktop app and the chores, relative to `root`.
fn crate_roots(root: &Path) -> Vec<PathBuf> {
    let folders = ["src/bin", "examples"].map(|folder| root.join(folder));
    let programs = folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten()).flatten();
    let below = programs.flat_map(|entry| {
        let path = entry.path();
        [path.join("main.rs"), path.join("src/main.rs"), path]
    });
    let fixed = ["src/lib.rs", "src/main.rs", "xtask/src/main.rs"].map(|file| root.join(file));
    let files =
        fixed.into_iter().chain(below).filter(|path| path.extension().is_some_and(|e| e == "rs") && path.is_file());
    let files: BTreeSet<PathBuf> = files.filter_map(|path| Some(path.strip_prefix(root).ok()?.to_path_buf())).collect();
    files.into_iter().collect()
}

/// Each circle with what ties its files together.
pub(super) fn circle_faults(needs: &Needs) -> Vec<String> {
    let describe = |circle: BTreeSet<&str>| {
        let files: Vec<&str> = circle.iter().copied().collect();
        let ties = arrows(needs, |from, to| circle.contains(from) && circle.contains(to));
        format!("{} files need each other: {}\n  {}", files.len(), files.join(", "), ties.join("\n  "))
    };
    circles(&needs.arrows).into_iter().map(describe).collect()
}

/// The arrows for which `is_wanted` holds, each with the names that tie it.
fn arrows(needs: &Needs, is_wanted: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let all = needs.arrows.iter().flat_map(|(from, arrows)| arrows.iter().map(move |(to, names)| (from, to, names)));
    all.filter(|(from, to, _)| is_wanted(from, to))
        .map(|(from, to, names)| format!("{from} -> {to}: {}", list(names)))
        .collect()
}

/// Prints what every file needs.
///
/// # Errors
/// A crate that cannot be read.
pub(crate) fn print_arrows(root: &Path) -> Result<(), String> {
    arrows(&read(root)?, |_, _| true).iter().for_each(|arrow| println!("{arrow}"));
    Ok(())
}

/// Names of items behind a wall.
pub(super) fn wall_faults(needs: &Needs) -> Vec<String> {
    let mut faults = Vec::new();
    for (from, arrows) in &needs.arrows {
        for (to, names) in arrows {
            for (here, there, reason) in WALLS {
                if from.starts_with(here) && there.iter().any(|there| to.starts_with(there)) {
                    faults.push(format!("{from} names {} of {to}: {reason}", list(names)));
                }
            }
        }
    }
    faults
}

/// Engines named outside of their rooms.
pub(super) fn engine_faults(needs: &Needs) -> Vec<String> {
    let mut faults = Vec::new();
    for (file, crates) in &needs.foreign {
        for (engine, room) in ENGINES {
            let is_free = file.starts_with(room) || !file.starts_with("src/") || file == "src/lib.rs";
            if let Some(line) = crates.get(engine).filter(|_| !is_free) {
                faults.push(format!("{file}:{line} names {engine}: only {room} does"));
            }
        }
    }
    faults
}

fn list(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}
