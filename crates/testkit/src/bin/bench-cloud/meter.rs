//! What a process costs.

use anyhow::{Context, Result};
use testkit::Process;

/// CPU seconds it has used so far, in user and system mode (proc_pid_stat(5)).
///
/// # Errors
/// When it has ended.
#[expect(clippy::cast_precision_loss, reason = "clock ticks of a process")]
pub(crate) fn cpu(process: &Process) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid()))
        .context("the controller has ended")?;
    // Linux counts 100 ticks a second for user space on every architecture we run on.
    Ok(ticks(&stat).context("no times in /proc/<pid>/stat")? as f64 / 100.0)
}

fn ticks(stat: &str) -> Option<u64> {
    // After the name, which may hold blanks: state is field 3, utime 14, stime 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

/// The most memory it has had at once. Unit: MiB.
///
/// # Errors
/// When it has ended.
pub(crate) fn peak_mib(process: &Process) -> Result<f64> {
    let kib = process.peak_rss_kib();
    kib.map(mebibytes).context("cannot read the controller's memory")
}

/// The memory it has now. Unit: MiB.
///
/// # Errors
/// When it has ended.
pub(crate) fn rss_mib(process: &Process) -> Result<f64> {
    let kib = process.rss_kib();
    kib.map(mebibytes).context("cannot read the controller's memory")
}

#[expect(clippy::cast_precision_loss, reason = "kibibytes of a process")]
fn mebibytes(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_after_the_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 0 0 0 31 11 0 0 20 0 4 0 1 1 1";
        assert_eq!(ticks(stat), Some(42));
        assert_eq!(ticks("7 (a) S 1"), None);
    }
}
