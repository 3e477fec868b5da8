//! Progress bars, on stderr and only where that is a terminal.

use densenet_wgpu::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar whose message stands behind the counts; invisible where stderr is no terminal.
pub(crate) fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style.progress_chars("=> "))
}

/// Shows a model's loading, and goes away at its end.
pub(crate) fn loading() -> impl FnMut(Progress) + Send {
    let bar = bar(0, "loading {bar:30} {msg}");
    move |progress| {
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(progress.what);
        if progress.done >= progress.total {
            bar.finish_and_clear();
        }
    }
}
