//! The clock that leadership is measured with, and a little randomness for pauses.

use std::hash::{BuildHasher, RandomState};
use std::ops::Add;
use std::time::Duration;

/// A point on the machine's own clock since boot, suspend included (`CLOCK_BOOTTIME`).
///
/// It never jumps with the wall clock, it goes on while the process is stopped (SIGSTOP), and unlike
/// `CLOCK_MONOTONIC`, which `std::time::Instant` uses, also while the machine sleeps. Unit: nanoseconds, enough
/// for 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct BootTime(u64);

impl BootTime {
    /// Before every other point; what "never" is stored as.
    pub const ZERO: Self = Self(0);
    /// After every other point.
    pub const MAX: Self = Self(u64::MAX);

    /// The time now. Cost: one vDSO call, no system call on usual kernels.
    #[must_use]
    pub fn now() -> Self {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
        Self(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// For storing it in an atomic.
    #[must_use]
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// The opposite of [`BootTime::as_nanos`].
    #[must_use]
    pub fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }
}

impl Add<Duration> for BootTime {
    type Output = Self;

    /// Saturates at [`BootTime::MAX`].
    fn add(self, duration: Duration) -> Self {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(nanos))
    }
}

/// `base` plus a random part of up to a fifth of it, so that many clients do not come back at once.
///
/// The randomness is the standard library's hash keys: good enough for spreading, not for secrets.
#[must_use]
pub fn jitter(base: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) % 1024;
    base + base * u32::try_from(random).unwrap_or(0) / (1024 * 5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_moves_and_adding_saturates() {
        let start = BootTime::now();
        assert!(start > BootTime::ZERO);
        assert!(BootTime::now() >= start);
        assert_eq!(
            (start + Duration::from_secs(2)).since(start),
            Duration::from_secs(2)
        );
        assert_eq!(start.since(start + Duration::from_secs(1)), Duration::ZERO);
        assert_eq!(BootTime::MAX + Duration::from_secs(1), BootTime::MAX);
    }

    #[test]
    fn jitter_adds_at_most_a_fifth() {
        let base = Duration::from_millis(100);
        for _ in 0..1000 {
            let pause = jitter(base);
            assert!(pause >= base && pause <= base * 6 / 5, "{pause:?}");
        }
    }
}
