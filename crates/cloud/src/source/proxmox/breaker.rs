//! The circuit breaker of one host: three time-outs in a row, then 30 s of peace (§17.4).

use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row that open it.
const FAILURES: u32 = 3;
/// How long nothing is sent. A dead host costs one request per pause after that.
const PAUSE: Duration = Duration::from_secs(30);

/// Counts the failures of one host in a row. Time is an argument.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    /// Nothing is sent before.
    closed_until: Option<Instant>,
}

impl Breaker {
    /// Whether a request may be sent now.
    ///
    /// After a pause one request goes out as a probe, and the next pause begins at once, so that
    /// the others do not follow it into a host that is still dead.
    pub(super) fn admits(&mut self, now: Instant) -> bool {
        let Some(until) = self.closed_until else {
            return true;
        };
        if now < until {
            return false;
        }
        self.closed_until = Some(now + PAUSE);
        true
    }

    /// The host answered, whatever it said.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// The host did not answer.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES {
            self.closed_until = Some(now + PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_in_a_row_make_a_pause_and_one_probe() {
        let (mut breaker, start) = (Breaker::default(), Instant::now());
        for _ in 0..2 {
            breaker.failed(start);
            assert!(breaker.admits(start));
        }
        breaker.failed(start);
        assert!(!breaker.admits(start));
        let probe = start + PAUSE;
        assert!(!breaker.admits(probe.checked_sub(Duration::from_millis(1)).unwrap()));
        assert!(breaker.admits(probe));
        assert!(!breaker.admits(probe), "one probe, not a crowd");
        breaker.answered();
        assert!(breaker.admits(probe));
    }

    #[test]
    fn an_answer_in_between_begins_the_count_anew() {
        let (mut breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..10 {
            breaker.failed(now);
            breaker.failed(now);
            breaker.answered();
        }
        assert!(breaker.admits(now));
    }
}
