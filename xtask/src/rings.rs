//! `cargo xtask test`: runs what was chosen of the suite and sums up.

use std::time::Instant;

use crate::cargo::{APP, root};
use crate::count::{Count, cargo_test};
use crate::suite::{LARGE, Step, beginnings, chosen};
use crate::{driver, web};

/// Folders of files too large for the repository, and what fills them.
const LARGE_FOLDERS: [(&str, &str); 2] =
    [("DENSENET_LARGE_KERAS", "make_large_keras.py"), ("DENSENET_LARGE_TORCH", "make_large_torch.py")];

/// What was run and what became of it.
#[derive(Default)]
struct Run {
    tests: Count,
    failures: Vec<String>,
}

/// Runs the groups and rules of these names or numbers, or everything.
pub(crate) fn test(names: &[&String], large: bool) -> Result<(), String> {
    let missing = LARGE_FOLDERS.into_iter().find(|(folder, _)| std::env::var_os(folder).is_none());
    if let Some((folder, script)) = missing.filter(|_| large) {
        return Err(format!(
            "--large tests files of a gigabyte and more: make them with `python tests/golden/{script} FOLDER` (it needs \
             PyTorch, Keras and timm: tests/golden/requirements.txt), then set {folder}=FOLDER"
        ));
    }
    let steps = chosen(names);
    let integration = integration_tests()?;
    let mut all = Run::default();
    if steps.iter().any(|(group, _)| group.needs_driver) {
        all.check("a Vulkan driver", driver::ensure);
    }
    for (group, step) in steps {
        all.step(&group.title(), step, &integration);
    }
    if large {
        all.step("ring 4: network", &LARGE, &integration);
    }
    for name in integration.iter().filter(|name| !beginnings().any(|beginning| name.starts_with(beginning))) {
        all.failures.push(format!("tests/{name}.rs belongs to no ring: name it in xtask/src/suite.rs"));
    }
    all.report()
}

impl Run {
    fn step(&mut self, group: &str, step: &Step, integration: &[String]) {
        match step {
            Step::Check(name, check) => self.check(&format!("{group}: {name}"), check),
            Step::Tests(name, targets) => self.tests(&format!("{group}: {name}"), targets),
            Step::Integration(beginnings) => self.integration(group, beginnings, integration),
            Step::Browser(beginning) => match driver::ensure_browser() {
                Ok(true) => {
                    self.check(&format!("{group}: its package"), || web::build(None));
                    self.integration(group, &[beginning], integration);
                }
                Ok(false) => {}
                Err(reason) => self.failures.push(reason),
            },
            Step::Window => match driver::ensure_screen() {
                Ok(true) => self.tests(&format!("{group}: its window"), &["--package", APP, "--test", "window"]),
                Ok(false) => {}
                Err(reason) => self.failures.push(reason),
            },
        }
    }

    fn integration(&mut self, group: &str, beginnings: &[&str], integration: &[String]) {
        let of_ring = |name: &&String| beginnings.iter().any(|beginning| name.starts_with(beginning));
        let names = integration.iter().filter(of_ring);
        let targets: Vec<&str> = names.flat_map(|name| ["--test", name.as_str()]).collect();
        if targets.is_empty() {
            self.failures.push(format!("{group}: it has no tests"));
        } else {
            self.tests(group, &targets);
        }
    }

    fn check(&mut self, name: &str, check: impl FnOnce() -> Result<(), String>) {
        let start = heading(name);
        if let Err(reason) = check() {
            eprintln!("error: {reason}");
            self.failures.push(format!("{name}: {reason}"));
        }
        ended(start);
    }

    fn tests(&mut self, name: &str, targets: &[&str]) {
        let start = heading(name);
        match cargo_test(targets) {
            Ok((count, succeeded)) => {
                self.tests += count;
                if !succeeded {
                    self.failures.push(format!("{name}: {} failed", count.failed));
                }
                if count.ignored > 0 {
                    self.failures.push(format!("{name}: {} tests were skipped, which proves nothing", count.ignored));
                }
            }
            Err(reason) => self.failures.push(format!("{name}: {reason}")),
        }
        ended(start);
    }

    fn report(self) -> Result<(), String> {
        println!("\n{} passed, {} failed", self.tests.passed, self.tests.failed);
        if self.failures.is_empty() {
            return Ok(());
        }
        Err(format!("not everything holds:\n  {}", self.failures.join("\n  ")))
    }
}

fn heading(name: &str) -> Instant {
    println!("\n=== {name}");
    Instant::now()
}

fn ended(start: Instant) {
    println!("=== {:.1} s", start.elapsed().as_secs_f64());
}

/// Names of the integration tests.
fn integration_tests() -> Result<Vec<String>, String> {
    let folder = root().join("tests");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_string()))
        .collect();
    names.sort();
    Ok(names)
}
