//! Runs `cargo test` and counts the tests.

use std::io::{BufRead, BufReader, Write as _};
use std::ops::AddAssign;
use std::process::Stdio;

use crate::cargo::cargo;

/// How many tests ran, and how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) ignored: usize,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Count) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

/// The beginning of the reason with which tests are ignored whose files are too large for the repository.
const LARGE: &str = "ignored, needs a folder that ";

/// Runs tests and adds up libtest's summaries; also whether cargo succeeded. Tests that need large files do not count as
/// ignored: `--large` runs them.
pub(crate) fn cargo_test(targets: &[&str]) -> Result<(Count, bool), String> {
    let mut command = cargo(&["test", "--no-fail-fast"]);
    command.args(targets).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("cargo test could not be started: {e}"))?;
    let (mut count, mut large) = (Count::default(), 0);
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|e| format!("cargo test: {e}"))?;
            println!("{line}");
            large += usize::from(line.contains(LARGE));
            count += summary(&line).unwrap_or_default();
        }
    }
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
