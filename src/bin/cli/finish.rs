//! How a run ends: exit status 0 for success, 1 where the work failed, 2 for wrong usage (clap's own status too), 130 where
//! it was interrupted.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// Arguments that make no sense together.
#[derive(Debug)]
pub(crate) struct Usage(String);

impl Usage {
    pub(crate) fn error(message: impl Into<String>) -> anyhow::Error {
        Usage(message.into()).into()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Whether everything worked, or some of it failed and was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Success,
    Failure,
    /// Ctrl-C ended it, and that was reported.
    #[allow(dead_code, reason = "densenet-bench has no results to keep")]
    Interrupted,
}

/// The exit status of a shell's command that SIGINT ended.
pub(crate) const INTERRUPTED: u8 = 130;

/// Sends logs to stderr. wgpu's layers warn about every driver they look at, so only their errors are shown; that there is no
/// driver is none here. Vulkan's loader calls it one, in builds with debug assertions.
pub(crate) fn start_logging() {
    let quiet =
        "warn,wgpu_hal=error,wgpu_core=error,wgpu=error,naga=error,wgpu_hal::gles=off,wgpu_hal::vulkan::instance=off";
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(quiet)).init();
}

/// Prints an error with its causes on one line, and chooses the exit status.
pub(crate) fn finish(result: anyhow::Result<Verdict>) -> ExitCode {
    match result {
        Ok(Verdict::Success) => ExitCode::SUCCESS,
        Ok(Verdict::Failure) => ExitCode::from(1),
        Ok(Verdict::Interrupted) => ExitCode::from(INTERRUPTED),
        // The reader of our output has seen enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}

/// Prints a JSON document on stdout.
pub(crate) fn print_json(document: &serde_json::Value) -> anyhow::Result<()> {
    use io::Write as _;
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, document)?;
    writeln!(out)?;
    Ok(())
}
