//! One time limit for a whole call (spec cni-ipam §5.3).

use std::{
    io, thread,
    time::{Duration, Instant},
};

/// The moment after which nothing is tried any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// `limit` from now on.
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit)
    }

    /// What is left; zero when it is over.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// What is left, or the error of a time limit that ran out.
    pub(crate) fn left_or_timeout(self) -> io::Result<Duration> {
        let left = self.left();
        if left.is_zero() {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the time limit is over"))
        } else {
            Ok(left)
        }
    }

    /// The earlier of this one and `limit` from now.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        Self(self.0.min(Instant::now() + limit))
    }

    /// Waits for `pause`; false, at once, when less than that is left.
    pub(crate) fn pause(self, pause: Duration) -> bool {
        let fits = pause < self.left();
        if fits {
            thread::sleep(pause);
        }
        fits
    }
}
