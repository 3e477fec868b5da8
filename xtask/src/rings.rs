//! `cargo xtask test`: the rules, then the rings of tests, from the middle outwards.

use std::io::{BufRead, BufReader, Write as _};
use std::process::Stdio;
use std::time::Instant;

use crate::cargo::{cargo, output, run};
use crate::{driver, licences, wasm};

/// Integration tests (`tests/*.rs`) of each ring, by the beginning of their names.
const RINGS: [(&str, &[&str]); 4] = [
    ("2: shaders without a GPU", &["shaders", "noop"]),
    ("3: kernels against naive loops", &["kernels"]),
    (
        "4: the network against the reference and the goldens",
        &["network", "golden", "images", "weights", "in_flight", "memory", "cam"],
    ),
    ("5: through the front door", &["cli_"]),
];

/// The package of the desktop app.
const APP: &str = "densenet-desktop";

/// How many tests ran, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    failed: usize,
    ignored: usize,
}

/// What was run and what became of it.
#[derive(Default)]
struct Run {
    tests: Count,
    failures: Vec<String>,
}

/// How the tests that need files too large for the repository begin to say why they are left out.
const LARGE: &str = "ignored, needs a folder that ";

/// The folders those files are in, and what fills them.
const LARGE_FOLDERS: [(&str, &str); 2] =
    [("DENSENET_LARGE_KERAS", "make_large_keras.py"), ("DENSENET_LARGE_TORCH", "make_large_torch.py")];

pub(crate) fn test(large: bool) -> Result<(), String> {
    let missing = LARGE_FOLDERS.into_iter().find(|(folder, _)| std::env::var_os(folder).is_none());
    if let Some((folder, script)) = missing.filter(|_| large) {
        return Err(format!(
            "--large tests files of a gigabyte and more: make them with `python tests/golden/{script} FOLDER` (it needs \
             PyTorch, Keras and timm: tests/golden/requirements.txt), then set {folder}=FOLDER"
        ));
    }
    let mut all = Run::default();
    all.check("a Vulkan driver", driver::ensure);
    all.check("rules: formatting", || run(&mut cargo(&["fmt", "--all", "--check"])));
    all.check("rules: clippy", || {
        run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--exclude",
            APP,
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]))
    });
    all.check("rules: documentation", || {
        run(cargo(&["doc", "--workspace", "--exclude", APP, "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
    });
    all.check("rules: the library without features", without_features);
    all.check("rules: the library for the browser", wasm::check);
    all.check("rules: licences", licences::check);

    all.tests("ring 1: arithmetic", &["--lib", "--bins"]);
    let integration = integration_tests()?;
    for (ring, beginnings) in RINGS {
        let of_ring = |name: &&String| beginnings.iter().any(|beginning| name.starts_with(beginning));
        let targets: Vec<&str> =
            integration.iter().filter(of_ring).flat_map(|name| ["--test", name.as_str()]).collect();
        if targets.is_empty() {
            all.failures.push(format!("ring {ring}: it has no tests"));
            continue;
        }
        all.tests(&format!("ring {ring}"), &targets);
    }
    let beginnings = || RINGS.iter().flat_map(|(_, beginnings)| beginnings.iter());
    for name in &integration {
        if !beginnings().any(|beginning| name.starts_with(beginning)) {
            all.failures.push(format!("tests/{name}.rs belongs to no ring: name it in xtask/src/rings.rs"));
        }
    }
    if large {
        all.tests(
            "large files",
            &[
                "--test",
                "weights_keras",
                "--test",
                "weights_keras_memory",
                "--test",
                "weights_torch_large",
                "--",
                "--ignored",
            ],
        );
    }
    all.tests("examples and documentation", &["--doc"]);
    all.check("examples", || run(&mut cargo(&["test", "--quiet", "--examples", "--no-run"])));
    all.tests("the chores themselves", &["--package", "xtask"]);
    // Last: eframe is built for nothing else.
    all.check("rules: the desktop app", || {
        run(&mut cargo(&["clippy", "--package", APP, "--all-targets", "--quiet", "--", "-D", "warnings"]))?;
        run(cargo(&["doc", "--package", APP, "--no-deps", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"))
    });
    all.tests("ring 6: the desktop app's widgets", &["--package", APP, "--bins"]);
    match driver::ensure_screen() {
        Ok(true) => all.tests("ring 6: the desktop app's window", &["--package", APP, "--test", "window"]),
        Ok(false) => {}
        Err(reason) => all.failures.push(reason),
    }
    all.report()
}

impl Run {
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
                self.tests.passed += count.passed;
                self.tests.failed += count.failed;
                self.tests.ignored += count.ignored;
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

/// The library must build without any feature, and then without wgpu: the arithmetic needs no GPU.
fn without_features() -> Result<(), String> {
    run(&mut cargo(&["check", "--lib", "--no-default-features"]))?;
    let arithmetic = output(&mut cargo(&[
        "tree",
        "--no-default-features",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]))?;
    let graphics = ["wgpu", "naga", "ash"];
    match arithmetic.lines().find(|line| graphics.iter().any(|name| line.starts_with(name))) {
        Some(line) => Err(format!("the library without features depends on {line}: wgpu belongs to the feature `gpu`")),
        None => Ok(()),
    }
}

/// Names of the integration tests.
fn integration_tests() -> Result<Vec<String>, String> {
    let folder = crate::cargo::root().join("tests");
    let entries = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_string()))
        .collect();
    names.sort();
    Ok(names)
}

/// Runs tests; the counts are those of libtest's summaries. The tests fail where there is no adapter.
fn cargo_test(targets: &[&str]) -> Result<(Count, bool), String> {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    command.args(targets).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("cargo test could not be started: {e}"))?;
    let (mut count, mut large) = (Count::default(), 0);
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|e| format!("cargo test: {e}"))?;
            println!("{line}");
            if line.contains(LARGE) {
                large += 1;
            }
            if let Some(of_line) = summary(&line) {
                count.passed += of_line.passed;
                count.failed += of_line.failed;
                count.ignored += of_line.ignored;
            }
        }
    }
    // They are asked for by --large, and left out in the open.
    count.ignored = count.ignored.saturating_sub(large);
    std::io::stdout().flush().map_err(|e| e.to_string())?;
    let status = child.wait().map_err(|e| format!("cargo test: {e}"))?;
    Ok((count, status.success()))
}

/// `test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`
fn summary(line: &str) -> Option<Count> {
    let rest = line.trim_start().strip_prefix("test result: ")?;
    let number = |word: &str| -> Option<usize> {
        let before = rest[..rest.find(word)?].trim_end();
        before.rsplit([' ', ';', '.']).next()?.parse().ok()
    };
    Some(Count { passed: number("passed")?, failed: number("failed")?, ignored: number("ignored")? })
}

#[cfg(test)]
mod tests {
    use super::{Count, summary};

    #[test]
    fn summaries_are_read() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(summary(line), Some(Count { passed: 12, failed: 3, ignored: 1 }));
        assert_eq!(summary("test compare::it ... ok"), None);
    }
}
