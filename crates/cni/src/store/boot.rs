//! Reservations from before the machine's last start: network namespaces do not survive it (spec §11.1).

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::OnceLock;

use rustix::fs::{AtFlags, renameat, statat};
use rustix::io::Errno;
use rustix::time::{ClockId, clock_gettime};

use super::{Reservation, Session, files, hash, io_error};
use crate::error::Error;
use crate::{clock, machine};

const NAME: &str = "boot";
const NEW: &str = "boot.new";

/// What was written less than this many seconds before the start of the machine counts as written since.
///
/// Both times are told by clocks: the file's by the clock as it stood then, the start's by the clock as it stands now.
/// A clock that was set since then moves the start, and what a running pod holds must never look older than it. Two
/// minutes are more than the clock of a machine that was switched off for a month is wrong.
const MARGIN: u64 = 2 * 60;

/// What became of the reservations from before a start of the machine.
#[derive(Debug, Default)]
pub struct Reclaimed {
    /// How many were dropped.
    pub dropped: usize,
    /// What could not be dropped, and why; it stays taken.
    pub errors: Vec<Error>,
}

impl Session<'_> {
    /// At the first call after a start of the machine, drops the reservations from before it, and records the start.
    /// Without a record of an earlier start nothing is dropped, nor on a file system that machines may share.
    ///
    /// # Errors
    /// Code 999 when the new start cannot be recorded: the next call would judge what this one reserves, by a clock
    /// that may have been set meanwhile.
    pub fn reclaim_after_boot(&mut self) -> Result<Reclaimed, Error> {
        let (Some(dir), Some(now)) = (self.store.index_dir(), Boot::current()) else {
            return Ok(Reclaimed::default());
        };
        if recorded(dir).as_ref() == Some(&now) {
            return Ok(Reclaimed::default());
        }
        let path = self.store.path.clone();
        let failed = |e: &dyn std::fmt::Display| io_error("record the boot of", &path, e);
        match files::replace(dir, NEW, now.text().as_bytes()) {
            Ok(()) => {}
            // The index was deleted just now, which it may be at any time. Without a record nothing is ever judged.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Reclaimed::default()),
            Err(e) => return Err(failed(&e)),
        }
        let old = self.from_before_boot();
        let errors = self.release_all(&old);
        match renameat(dir, NEW, dir, NAME) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(failed(&e)),
        }
        Ok(Reclaimed {
            dropped: old.len().saturating_sub(errors.len()),
            errors,
        })
    }

    /// What [`Session::reclaim_after_boot`] would drop now.
    #[must_use]
    pub fn from_before_boot(&self) -> Vec<Reservation> {
        let recorded = self.store.index_dir().and_then(recorded);
        let rebooted = recorded
            .zip(Boot::current())
            .is_some_and(|(recorded, now)| recorded.machine == now.machine && recorded.boot != now.boot);
        if rebooted {
            self.older_than_boot()
        } else {
            Vec::new()
        }
    }

    /// Reservations that were written at least two minutes before the machine's last start, by the clock as it stands
    /// now. For somebody who knows that the clock was right; none on a file system that machines may share.
    ///
    /// What was written since the start stays: another program may share the directory with us. So does what cannot be
    /// read.
    #[must_use]
    pub fn older_than_boot(&self) -> Vec<Reservation> {
        if self.store.is_shared() {
            return Vec::new();
        }
        let limit = boot_time().saturating_sub(MARGIN);
        let names = self.addresses().iter().map(ToString::to_string);
        let old = names.filter(|name| written(self.store.dir(), name).is_some_and(|written| written < limit));
        old.filter_map(|name| Some(self.read(&name).ok()??.0)).collect()
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
        Some(Self {
            machine: machine::ids().ok()?.into_iter().next()?,
            boot: boot_id()?.to_owned(),
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

/// When the machine started, in seconds since the epoch by the clock as it stands now. Rounded down.
fn boot_time() -> u64 {
    let up = clock_gettime(ClockId::Boottime);
    // The part of a second that was cut off counts as a whole one.
    let up = u64::try_from(up.tv_sec).map_or(u64::MAX, |up| up.saturating_add(1));
    clock::now().saturating_sub(up)
}

/// When a file was last written, in seconds since the epoch.
pub(super) fn written(dir: BorrowedFd<'_>, name: &str) -> Option<u64> {
    let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    u64::try_from(stat.st_mtime).ok()
}

/// Identity of the running system; `None` where the kernel does not say. Asked once.
pub(super) fn boot_id() -> Option<&'static str> {
    static ID: OnceLock<String> = OnceLock::new();
    Some(ID.get_or_init(machine::boot_id).as_str()).filter(|id| !id.is_empty())
}

/// The same as a word; one word for all starts where the kernel does not say.
pub(super) fn current() -> u64 {
    hash::hash(boot_id().unwrap_or_default().as_bytes())
}
