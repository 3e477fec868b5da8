//! How much memory this process took.

/// The most bytes that were resident so far; none where the system has no file that says it.
pub(crate) fn peak() -> Option<u64> {
    peak_of(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// As Linux writes it: `VmHWM:     61234 kB`.
fn peak_of(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::{peak, peak_of};

    #[test]
    fn the_peak_is_read_where_it_is_written() {
        assert_eq!(peak_of("Name:\tx\nVmHWM:\t   61234 kB\nVmRSS:\t   10 kB\n"), Some(61234 << 10));
        for status in ["", "VmRSS:\t 10 kB\n", "VmHWM:\t many kB\n", "VmHWM:\t 10 MB\n"] {
            assert_eq!(peak_of(status), None, "{status:?}");
        }
        assert!(peak().is_none_or(|bytes| bytes > 1 << 20));
    }
}
