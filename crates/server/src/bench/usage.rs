//! What the process used: memory at its peak, and processor time. Linux only; elsewhere nothing is known.

use std::fs;
use std::time::Duration;

/// Forgets the highest memory so far, so that making the data does not count.
pub(super) fn forget_peak() {
    // Where the kernel does not offer it, the peak covers the whole run.
    let _forgotten = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that was resident at once, in bytes.
pub(super) fn peak() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Processor time of all threads that live.
pub(super) fn processor() -> Duration {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.fold(0, u64::saturating_add))
}
