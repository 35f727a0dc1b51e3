//! What the kernel knows about this process, under the names every Prometheus client library uses.

use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use rustix::time::{ClockId, clock_gettime};

/// Clock ticks per second in `/proc`. `USER_HZ` is 100 on every architecture Rust supports, whatever the kernel
/// ticks with inside: it is part of the system call interface.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc` anew for each page. What cannot be read (no `/proc`, another system) is left out.
#[derive(Debug)]
pub(super) struct Process {
    /// Read once: the kernel's idea of the boot time moves when the clock is set, the start time must not.
    start_seconds: Option<f64>,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { start_seconds: start_seconds() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let mut write = |name, help, metric: &dyn Erased| metric.write(name, help, &mut encoder);
        let cpu = ConstCounter::new(cpu_seconds());
        write("process_cpu_seconds", "User and system CPU time spent, in seconds", &cpu)?;
        if let Some(bytes) = resident_bytes() {
            let help = "Resident memory size, in bytes";
            write("process_resident_memory_bytes", help, &ConstGauge::new(bytes))?;
        }
        if let Some(count) = open_fds() {
            write("process_open_fds", "Open file descriptors", &ConstGauge::new(count))?;
        }
        if let Some(seconds) = self.start_seconds {
            let help = "Start time of the process since the Unix epoch, in seconds";
            write("process_start_time_seconds", help, &ConstGauge::new(seconds))?;
        }
        Ok(())
    }
}

/// Any constant metric, so that one closure can write all of them.
trait Erased {
    fn write(&self, name: &str, help: &str, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result;
}

impl<M: EncodeMetric> Erased for M {
    fn write(&self, name: &str, help: &str, encoder: &mut DescriptorEncoder<'_>) -> std::fmt::Result {
        self.encode(encoder.encode_descriptor(name, help, None, self.metric_type())?)
    }
}

#[expect(clippy::cast_precision_loss, reason = "nanoseconds of a second fit into the 53 bits of a double")]
fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn resident_bytes() -> Option<i64> {
    parse_resident(&fs::read_to_string("/proc/self/status").ok()?)
}

/// `VmRSS:	    8500 kB`, where kB means 1024 bytes (proc(5)).
fn parse_resident(status: &str) -> Option<i64> {
    let value = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kib.checked_mul(1024)
}

/// The descriptor the listing itself needs is not counted.
fn open_fds() -> Option<i64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    i64::try_from(count.saturating_sub(1)).ok()
}

fn start_seconds() -> Option<f64> {
    let ticks = parse_start_ticks(&fs::read_to_string("/proc/self/stat").ok()?)?;
    let boot = parse_boot_seconds(&fs::read_to_string("/proc/stat").ok()?)?;
    Some(boot + ticks / TICKS_PER_SECOND)
}

/// Field 22 of `/proc/self/stat` (proc(5)). Field 2, the name, may contain spaces and brackets: count from its
/// closing bracket, the last one in the line.
fn parse_start_ticks(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

fn parse_boot_seconds(stat: &str) -> Option<f64> {
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn the_files_are_read_as_proc_5_describes_them() {
        assert_eq!(parse_resident("Name:\tx\nVmRSS:\t    8500 kB\nRssAnon:\t 1 kB\n"), Some(8500 * 1024));
        assert_eq!(parse_resident("Name:\tx\n"), None);
        assert_eq!(parse_boot_seconds("cpu  1 2\nbtime 1700000000\nprocesses 5\n"), Some(1.7e9));
        let stat = "77 (a) (b c) S 1 77 77 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 4 0 123456 8 9 10";
        assert_eq!(parse_start_ticks(stat), Some(123_456.0));
        assert_eq!(parse_start_ticks("77 (a"), None);
    }

    #[test]
    fn this_process_has_plausible_values() {
        let resident = resident_bytes().unwrap();
        assert!((1 << 20..1 << 40).contains(&resident), "{resident}");
        let before = open_fds().unwrap();
        assert!(before >= 3, "{before}");
        let now = f64::from(u32::try_from(Timestamp::now().as_second()).unwrap());
        let start = start_seconds().unwrap();
        assert!(start <= now + 2.0 && start > now - 24.0 * 3600.0, "{start} {now}");
    }

    #[test]
    fn cpu_time_grows_with_work() {
        let before = cpu_seconds();
        let mut sum = 0_u64;
        while cpu_seconds() < before + 0.01 {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
        }
        assert!(cpu_seconds() > before, "{sum}");
    }
}
