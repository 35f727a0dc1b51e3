//! A line that tells how far a long look has come, for somebody who waits.

use std::{
    io::{self, IsTerminal as _, Write as _},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

/// Nobody needs a word before that.
const PATIENCE: Duration = Duration::from_secs(2);

/// Counts what has been read, and says so on a terminal once it takes long. Cleared when it goes.
pub(crate) struct Meter {
    started: Instant,
    is_watched: bool,
    total: AtomicUsize,
    is_shown: AtomicBool,
}

impl Meter {
    /// Starts counting.
    pub(crate) fn start() -> Self {
        Self {
            started: Instant::now(),
            is_watched: io::stderr().is_terminal(),
            total: AtomicUsize::new(0),
            is_shown: AtomicBool::new(false),
        }
    }
}

impl pools::survey::Progress for Meter {
    fn read(&self, _: &str, count: usize) {
        let total = self.total.fetch_add(count, Ordering::Relaxed) + count;
        if self.is_watched && self.started.elapsed() > PATIENCE {
            self.is_shown.store(true, Ordering::Relaxed);
            // A line that cannot be shown is not missed.
            let _ = write!(io::stderr(), "\r\x1b[Kreading objects: {total}");
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.is_shown.load(Ordering::Relaxed) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
