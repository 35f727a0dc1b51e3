//! Reservations from before the machine's last start: network namespaces do not survive it (spec §11.1).

use std::fs;
use std::net::IpAddr;
use std::os::fd::BorrowedFd;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, renameat, statat};
use rustix::time::{ClockId, clock_gettime};

use super::{Reservation, Session, files, filesystem, io_error};
use crate::error::Error;

const NAME: &str = "boot";
const NEW: &str = "boot.new";

impl Session<'_> {
    /// At the first call after a start of the machine, drops the reservations from before it, and records the start.
    /// Without a record of an earlier start nothing is dropped, nor on a file system that machines may share.
    ///
    /// Returns how many were dropped.
    ///
    /// # Errors
    /// Code 999 when the new start cannot be recorded: the next call would drop what this one reserves.
    pub fn reclaim_after_boot(&mut self) -> Result<usize, Error> {
        let (Some(dir), Some(now)) = (self.store.index_dir(), Boot::current()) else {
            return Ok(0);
        };
        if recorded(dir).as_ref() == Some(&now) {
            return Ok(0);
        }
        let path = self.store.path.clone();
        files::replace(dir, NEW, now.text().as_bytes())
            .map_err(|e| io_error("record the boot of", &path, e))?;
        let old = self.from_before_boot()?;
        if let Some(e) = self.release_all(&old).pop() {
            return Err(e);
        }
        renameat(dir, NEW, dir, NAME).map_err(|e| io_error("record the boot of", &path, e))?;
        Ok(old.len())
    }

    /// What [`Session::reclaim_after_boot`] would drop now.
    ///
    /// # Errors
    /// Code 999.
    pub fn from_before_boot(&self) -> Result<Vec<Reservation>, Error> {
        let recorded = self.store.index_dir().and_then(recorded);
        let rebooted = recorded
            .zip(Boot::current())
            .is_some_and(|(recorded, now)| recorded.machine == now.machine && recorded.boot != now.boot);
        if rebooted {
            self.older_than_boot()
        } else {
            Ok(Vec::new())
        }
    }

    /// Reservations that were written before the machine's last start by the clock as it stands now. For somebody who
    /// knows that the clock was right; none on a file system that machines may share.
    ///
    /// What was written since the start stays: another program may share the directory with us.
    ///
    /// # Errors
    /// Code 999.
    pub fn older_than_boot(&self) -> Result<Vec<Reservation>, Error> {
        if filesystem::is_shared(self.store.dir()) {
            return Ok(Vec::new());
        }
        let start = boot_time();
        let is_old = |address: &&IpAddr| {
            written(self.store.dir(), &address.to_string()).is_some_and(|written| written < start)
        };
        let old = self
            .addresses()
            .iter()
            .filter(is_old)
            .map(|address| self.reservation(*address));
        old.filter_map(Result::transpose).collect()
    }
}

/// A start of a machine.
#[derive(Debug, PartialEq, Eq)]
struct Boot {
    machine: String,
    boot: String,
}

impl Boot {
    /// `None` where the system does not say: then nothing is ever dropped.
    fn current() -> Option<Self> {
        let read = |path: &str| {
            let text = fs::read_to_string(path).ok()?;
            let word = text.split_whitespace().next()?;
            Some(word.to_owned())
        };
        Some(Self {
            machine: read("/etc/machine-id")?,
            boot: read("/proc/sys/kernel/random/boot_id")?,
        })
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (machine, boot) = std::str::from_utf8(text).ok()?.trim_end().split_once(' ')?;
        let whole = !machine.is_empty() && !boot.is_empty();
        whole.then(|| Self {
            machine: machine.to_owned(),
            boot: boot.to_owned(),
        })
    }

    fn text(&self) -> String {
        format!("{} {}\n", self.machine, self.boot)
    }
}

fn recorded(dir: BorrowedFd<'_>) -> Option<Boot> {
    files::read_own(dir, NAME, 256).and_then(|text| Boot::parse(&text))
}

/// When the machine started, since the epoch by the clock as it stands now.
fn boot_time() -> Duration {
    let up = clock_gettime(ClockId::Boottime);
    let up = Duration::from_secs(u64::try_from(up.tv_sec).unwrap_or(u64::MAX));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(up)
}

/// When a file was last written, since the epoch.
pub(super) fn written(dir: BorrowedFd<'_>, name: &str) -> Option<Duration> {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let seconds = u64::try_from(stat.st_mtime).ok()?;
    Some(Duration::from_secs(seconds))
}

/// The clock in seconds since the epoch; what we keep beside the reservations uses no finer time.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |now| now.as_secs())
}

/// Identity of the running system, as far as it can be told.
pub(super) fn boot_id() -> Option<String> {
    Boot::current().map(|boot| boot.boot)
}
