//! What this process has used.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on fails")]

use std::time::Duration;

/// User and system time.
pub(crate) fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |n: usize| fields[n].parse::<u64>().unwrap();
    // In hundredths of a second on Linux.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}

/// Resident memory in megabytes.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
