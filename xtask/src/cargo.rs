//! Running cargo in the repository's root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The package of the desktop app, which is built apart from the others.
pub(crate) const APP: &str = "densenet-desktop";

/// The repository's root: the folder above this package.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The cargo that runs this task, in the root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root()).args(arguments);
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // Mesa's GL driver complains at every start without it. Nothing is written there.
        command.env("XDG_RUNTIME_DIR", std::env::temp_dir());
    }
    command
}

/// Runs a command whose output the user sees.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let status = command.status().map_err(|e| format!("{} could not be started: {e}", name(command)))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", name(command))) }
}

/// Runs a command and returns what it printed on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|e| format!("{} could not be started: {e}", name(command)))?;
    if !output.status.success() {
        return Err(format!("`{}` failed ({})", name(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|e| format!("`{}` printed no UTF-8: {e}", name(command)))
}

fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
