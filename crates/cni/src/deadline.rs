//! One time limit for a whole call (spec cni-ipam §5.3).

use std::{
    io, thread,
    time::{Duration, Instant},
};

/// The moment after which nothing is tried any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    end: Instant,
    /// How long it was when it began, for messages.
    limit: Duration,
}

impl Deadline {
    /// `limit` from now on.
    pub(crate) fn after(limit: Duration) -> Self {
        let end = Instant::now() + limit;
        Self { end, limit }
    }

    /// What is left; zero when it is over.
    pub(crate) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// What is left, or the error of a time limit that ran out.
    pub(crate) fn left_or_timeout(self) -> io::Result<Duration> {
        let left = self.left();
        if left.is_zero() {
            Err(self.ran_out())
        } else {
            Ok(left)
        }
    }

    /// The error of a wait that went on to the end of the time limit; it says how long that was.
    pub(crate) fn ran_out(self) -> io::Error {
        let seconds = self.limit.as_secs_f32();
        io::Error::new(
            io::ErrorKind::TimedOut,
            format!("no answer in time (limit {seconds} s)"),
        )
    }

    /// The earlier of this one and `limit` from now.
    pub(crate) fn at_most(self, limit: Duration) -> Self {
        let shorter = Self::after(limit);
        if shorter.end < self.end { shorter } else { self }
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
