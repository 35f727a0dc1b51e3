use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::fs::{FlockOperation, Mode, OFlags, flock, openat};
use rustix::io::Errno;

use super::{io_error, turn};
use crate::error::{Error, code};

/// How long a call waits for the lock (spec §4.3). Runtimes give a CNI call minutes; a healthy holder needs
/// milliseconds.
pub const MAX_WAIT: Duration = Duration::from_secs(30);

/// The lock of a network directory, held until dropped: flock(2) on `lock`, as the reference does. Another kind of
/// lock would not keep it out.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "closing it releases the lock")] File);

impl Lock {
    /// # Errors
    /// Code 11 when another process holds it for longer than `wait`; 999 when there can be no lock file.
    ///
    /// `beside` is where calls stand in line, if they can.
    pub(super) fn acquire(
        dir: BorrowedFd<'_>,
        beside: Option<BorrowedFd<'_>>,
        path: &Path,
        wait: Duration,
    ) -> Result<Self, Error> {
        let file = open(dir).map_err(|e| io_error("open the lock in", path, e))?;
        // Not past those who stand in line.
        let awaited = beside.is_some_and(turn::is_awaited);
        if !awaited && try_lock(&file, path)? {
            return Ok(Self(file));
        }
        if let Some(beside) = beside {
            turn::wait_for_turn(beside);
            if try_lock(&file, path)? {
                return Ok(Self(file));
            }
        }
        wait_for(file, path, wait)
    }
}

/// The lock file is made where there is none; on a read-only file system one that exists will do.
fn open(dir: BorrowedFd<'_>) -> Result<File, Errno> {
    let create = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let file: OwnedFd = match openat(dir, "lock", create, Mode::from_raw_mode(0o750)) {
        Err(Errno::ROFS | Errno::ACCESS | Errno::PERM) => {
            let read = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
            openat(dir, "lock", read, Mode::empty())?
        }
        file => file?,
    };
    Ok(file.into())
}

fn try_lock(file: &File, path: &Path) -> Result<bool, Error> {
    match retry(|| flock(file, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(e) => Err(io_error("lock", path, e)),
    }
}

/// Waits in the kernel's queue, on a second thread because flock(2) knows no time limit: polling would cost either
/// processor time or, with many waiting, latency.
fn wait_for(file: File, path: &Path, wait: Duration) -> Result<Lock, Error> {
    let failed = |e: &dyn std::fmt::Display| io_error("lock", path, e);
    // A duplicate is the same lock: if it comes too late, closing both gives it back.
    let waiting = file.try_clone().map_err(|e| failed(&e))?;
    let (granted, answer) = mpsc::sync_channel(1);
    let block = move || {
        let outcome = retry(|| flock(waiting.as_fd(), FlockOperation::LockExclusive));
        // Nobody listens any more: the wait was given up.
        let _ = granted.send(outcome);
    };
    thread::Builder::new().spawn(block).map_err(|e| failed(&e))?;
    match answer.recv_timeout(wait) {
        Ok(Ok(())) => Ok(Lock(file)),
        Ok(Err(e)) => Err(failed(&e)),
        Err(_) => {
            let (seconds, path) = (wait.as_secs(), path.display());
            let msg = format!("waited {seconds} s for the lock in {path}, which another process holds");
            let remedy = format!("fuser {path}/lock names it; end it if it hangs");
            Err(Error::new(code::TRY_AGAIN, msg).with_details(remedy))
        }
    }
}

fn retry(mut call: impl FnMut() -> Result<(), Errno>) -> Result<(), Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            outcome => return outcome,
        }
    }
}
