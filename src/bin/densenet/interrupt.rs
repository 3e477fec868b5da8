//! Ctrl-C: the work at hand ends within a step, and what is finished is kept.

use densenet_wgpu::{CancelToken, Error};
use indicatif::HumanCount;

use crate::cli::finish::{INTERRUPTED, Verdict};

/// Makes Ctrl-C, and the system's request to terminate, cancel this token. A second time they end the process at once.
pub(crate) fn token() -> CancelToken {
    let token = CancelToken::new();
    let switch = token.clone();
    let handler = move || {
        if switch.is_cancelled() {
            exit_now();
        }
        switch.cancel();
    };
    if let Err(error) = hangups_as_they_were(|| ctrlc::set_handler(handler)) {
        log::warn!("Ctrl-C will end the process at once: {error}");
    }
    token
}

/// Says how much is left of a run that was interrupted.
pub(crate) fn told(done: usize, all: usize) -> Verdict {
    let [done, left, all] = [done, all - done, all].map(|count| HumanCount(count as u64));
    eprintln!("interrupted: {done} of {all} pictures are done, {left} left");
    Verdict::Interrupted
}

/// The verdict where the work was interrupted before its pictures were counted.
pub(crate) fn settled(result: anyhow::Result<Verdict>) -> anyhow::Result<Verdict> {
    match result {
        Err(error) if is_cancelled(&error) => {
            eprintln!("interrupted: all pictures are left");
            Ok(Verdict::Interrupted)
        }
        result => result,
    }
}

/// Whether the token stopped the work.
pub(crate) fn is_cancelled(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| matches!(cause.downcast_ref(), Some(Error::Cancelled)))
}

/// `nohup` starts a program with hangups ignored, so that it outlives the terminal. ctrlc takes them for requests to
/// terminate, whoever ignored them.
#[cfg(unix)]
fn hangups_as_they_were<T>(set: impl FnOnce() -> T) -> T {
    // SAFETY: zeros are a valid `sigaction` to be filled in; without a new action, nothing changes.
    let before = unsafe {
        let mut before: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut before);
        before.sa_sigaction
    };
    let result = set();
    if before == libc::SIG_IGN {
        // SAFETY: it installs no code.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
    }
    result
}

#[cfg(not(unix))]
fn hangups_as_they_were<T>(set: impl FnOnce() -> T) -> T {
    set()
}

/// Without the farewells of drivers, which another thread may be using.
fn exit_now() -> ! {
    #[cfg(unix)]
    // SAFETY: `_exit` may be called from any thread at any time. Lines were flushed one by one.
    unsafe {
        libc::_exit(i32::from(INTERRUPTED))
    };
    #[cfg(not(unix))]
    std::process::exit(i32::from(INTERRUPTED));
}
