//! Progress bars, on stderr and only where that is a terminal.

use std::fmt::Write;

use densenet_wgpu::Progress;
use indicatif::{HumanCount, ProgressBar, ProgressState, ProgressStyle};

/// Counts pictures.
#[allow(dead_code, reason = "densenet-bench has none to count")]
pub(crate) fn pictures(count: usize) -> ProgressBar {
    bar(count, "{bar:30} {human_pos}/{human_len} images, {rate}, {eta} left")
}

/// Counts the bytes of a file that is fetched, of which `have` are there. Not every server states the length.
#[cfg(feature = "pull")]
pub(crate) fn download(have: u64, length: Option<u64>) -> ProgressBar {
    let bar = match length {
        Some(_) => bar(0, "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"),
        None => bar(0, "{spinner} {bytes}, {bytes_per_sec}"),
    };
    // What was there says nothing about how fast the rest comes.
    let bar = bar.with_position(have);
    bar.reset_eta();
    match length {
        Some(length) => bar.set_length(length),
        None => bar.unset_length(),
    }
    bar
}

/// Shows a model's loading, and disappears when it is loaded.
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

/// Counts kernel variants that answered the self-test, and disappears when all have.
#[allow(dead_code, reason = "densenet-bench asks none")]
pub(crate) fn variants() -> impl FnMut(usize, usize) {
    let bar = bar(0, "self-test {bar:30} {human_pos}/{human_len} variants");
    move |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        if done >= total {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: usize, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let rate = |state: &ProgressState, out: &mut dyn Write| {
        // A writer that fails has no one to tell.
        let _ = write!(out, "{}", rate(state.per_sec()));
    };
    ProgressBar::new(length as u64).with_style(style.with_key("rate", rate).progress_chars("=> "))
}

/// indicatif's own `per_sec` shows four decimals of any number.
fn rate(per_second: f64) -> String {
    match per_second {
        slow if slow < 100.0 => format!("{slow:.1}/s"),
        fast => format!("{}/s", HumanCount(fast as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_rate_has_the_digits_that_mean_something() {
        let shown = [0.0, 0.25, 12.34, 99.94, 1988.7924].map(rate);
        assert_eq!(shown, ["0.0/s", "0.2/s", "12.3/s", "99.9/s", "1,988/s"]);
    }
}
