//! An orderly queue in front of the lock.
//!
//! flock(2) wakes everybody who waits and lets the quickest win. With 64 calls at once that is most of the work done,
//! and the unlucky wait five times as long as the others. So whoever finds the lock taken stands in line: the file
//! `queue` names the processes that came last, and a new one waits for the [`AHEAD`]th before it to end until it asks
//! for the lock. A process that is killed ends, too.
//!
//! Only a courtesy: whatever goes wrong here, the lock itself keeps everybody else out.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::{Errno, pread, pwrite};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, test_kill_process};
use rustix::time::{ClockId, clock_gettime};

use super::{boot, files, hash};

const NAME: &str = "queue";

/// How long one call waits for the one before it. Calls end in milliseconds, but one may go on to ask the API server
/// after it has given back the lock.
const PATIENCE: Duration = Duration::from_secs(1);

/// So many calls may ask for the lock at once. With one, the lock would lie idle while a process that gave it back
/// still ends.
const AHEAD: usize = 2;

/// A place in the line that was taken longer ago means nothing any more: its process id may be somebody else's by now.
const STALE: u64 = 5_000_000_000;

/// A place in the line: process id, where that means something, and when it was taken, in nanoseconds since the boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    pid: Pid,
    namespace: u64,
    time: u64,
}

/// Its bytes: three little endian words.
const PLACE: usize = 24;

/// The last places, in the order in which they were taken.
type Line = [u8; AHEAD * PLACE];

/// Whether somebody stands in line.
pub(super) fn is_awaited(dir: BorrowedFd<'_>) -> bool {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let Ok(file) = openat(dir, NAME, flags, Mode::empty()) else {
        return false;
    };
    let last = read(file.as_fd()).and_then(|line| Place::of(line.last_chunk()?));
    let before = last.and_then(|last| last.before(Place::own()?));
    // Refused is an answer of somebody who lives.
    before.is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
}

/// Stands in line and waits until the process before has ended.
pub(super) fn wait_for_turn(dir: BorrowedFd<'_>) {
    let Some(before) = stand_in_line(dir) else {
        return;
    };
    // It has ended already, or the kernel is older than 5.3.
    let Ok(process) = pidfd_open(before, PidfdFlags::empty()) else {
        return;
    };
    let patience = Timespec::try_from(PATIENCE).ok();
    let mut ended = [PollFd::new(&process, PollFlags::IN)];
    // Interrupted or timed out: the lock decides.
    let _ = poll(&mut ended, patience.as_ref());
}

/// Puts this process at the end of the line and returns the one to wait for.
fn stand_in_line(dir: BorrowedFd<'_>) -> Option<Pid> {
    let own = Place::own()?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file = openat(dir, NAME, flags, files::owner_only()).ok()?;
    lock_briefly(&file)?;
    let mut line = read(file.as_fd()).unwrap_or([0; AHEAD * PLACE]);
    let before = line.first_chunk().and_then(Place::of);
    line.copy_within(PLACE.., 0);
    *line.last_chunk_mut()? = own.bytes();
    pwrite(&file, &line, 0).ok()?;
    before?.before(own)
}

fn read(file: BorrowedFd<'_>) -> Option<Line> {
    let mut line: Line = [0; AHEAD * PLACE];
    (pread(file, &mut line, 0) == Ok(line.len())).then_some(line)
}

/// Who holds this lock needs microseconds, unless it was stopped: then the line is not worth waiting for.
fn lock_briefly(file: &OwnedFd) -> Option<()> {
    (0..100).find_map(|_| {
        let locked = flock(file, FlockOperation::NonBlockingLockExclusive);
        if locked.is_err() {
            std::thread::yield_now();
        }
        locked.ok()
    })
}

/// Process ids mean something within their namespace only, and the first namespace has the same number on every
/// machine: machines may share a file system.
fn namespace() -> Option<u64> {
    let inode = std::fs::metadata("/proc/self/ns/pid").ok()?.ino();
    Some(hash::mix(inode ^ boot::current()))
}

impl Place {
    /// This process, now.
    fn own() -> Option<Self> {
        let now = clock_gettime(ClockId::Boottime);
        let (seconds, nanoseconds) = (u64::try_from(now.tv_sec).ok()?, u64::try_from(now.tv_nsec).ok()?);
        Some(Self {
            pid: getpid(),
            namespace: namespace()?,
            time: seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)?,
        })
    }

    fn of(bytes: &[u8; PLACE]) -> Option<Self> {
        let (words, _) = bytes.as_chunks::<8>();
        let mut words = words.iter().map(|word| u64::from_le_bytes(*word));
        Some(Self {
            pid: Pid::from_raw(i32::try_from(words.next()?).ok()?)?,
            namespace: words.next()?,
            time: words.next()?,
        })
    }

    fn bytes(self) -> [u8; PLACE] {
        let pid = u64::from(self.pid.as_raw_nonzero().get().unsigned_abs());
        let mut bytes = [0; PLACE];
        let (places, _) = bytes.as_chunks_mut::<8>();
        for (place, word) in places.iter_mut().zip([pid, self.namespace, self.time]) {
            *place = word.to_le_bytes();
        }
        bytes
    }

    /// The process in this place, if it is another one than `own` and may still be waiting.
    fn before(self, own: Self) -> Option<Pid> {
        let age = own.time.checked_sub(self.time)?;
        let there = self.namespace == own.namespace && self.pid != own.pid && age < STALE;
        there.then_some(self.pid)
    }
}
