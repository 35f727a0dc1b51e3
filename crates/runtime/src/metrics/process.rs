//! What `/proc` says of this process.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// A reading of `/proc/self`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Resident memory. Unit: bytes.
    pub resident_bytes: u64,
    /// Virtual memory. Unit: bytes.
    pub virtual_bytes: u64,
    /// User and system time. Unit: seconds.
    pub cpu_seconds: f64,
    /// Start. Unit: seconds since 1970.
    pub start_seconds: f64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors.
    pub open_fds: u64,
}

impl Process {
    /// Reads it now; `None` where there is no `/proc`. Cost: three small files and one directory.
    #[must_use]
    pub fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let boot = boot_seconds(&fs::read_to_string("/proc/stat").ok()?)?;
        let open_fds = fs::read_dir("/proc/self/fd").ok()?.count();
        let ticks = rustix::param::clock_ticks_per_second();
        let page = rustix::param::page_size();
        let mut process = parse(&stat, boot, ticks as f64, u64::try_from(page).ok()?)?;
        process.open_fds = u64::try_from(open_fds).ok()?;
        Some(process)
    }
}

/// `/proc/PID/stat`, see proc(5); the name in parentheses may itself contain both.
fn parse(stat: &str, boot: f64, ticks: f64, page: u64) -> Option<Process> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // The first field after the name is number 3 of the manual page.
    let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
    Some(Process {
        resident_bytes: field(24)?.saturating_mul(page),
        virtual_bytes: field(23)?,
        cpu_seconds: (field(14)? + field(15)?) as f64 / ticks,
        start_seconds: boot + field(22)? as f64 / ticks,
        threads: field(20)?,
        open_fds: 0,
    })
}

/// `btime` of `/proc/stat`: when the machine was started.
fn boot_seconds(stat: &str) -> Option<f64> {
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(process) = Process::read() else {
            return Ok(());
        };
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Resident memory size in bytes",
                process.resident_bytes as f64,
            ),
            (
                "process_virtual_memory_bytes",
                "Virtual memory size in bytes",
                process.virtual_bytes as f64,
            ),
            (
                "process_start_time_seconds",
                "Start time since unix epoch in seconds",
                process.start_seconds,
            ),
            ("process_threads", "Number of threads", process.threads as f64),
            (
                "process_open_fds",
                "Number of open file descriptors",
                process.open_fds as f64,
            ),
        ];
        for (name, help, value) in gauges {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let cpu = ConstCounter::new(process.cpu_seconds);
        let help = "Total user and system CPU time spent in seconds";
        cpu.encode(encoder.encode_descriptor("process_cpu_seconds", help, None, cpu.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0 1000 8192 3 18446744073709551615 1";
        let process = parse(stat, 1_000.0, 100.0, 4096).unwrap();
        let want = Process {
            resident_bytes: 3 * 4096,
            virtual_bytes: 8192,
            cpu_seconds: 2.0,
            start_seconds: 1_010.0,
            threads: 7,
            open_fds: 0,
        };
        assert_eq!(process, want);
        assert_eq!(parse("", 0.0, 100.0, 4096), None);
        assert_eq!(parse("1 (x) S 1", 0.0, 100.0, 4096), None);
    }
}
