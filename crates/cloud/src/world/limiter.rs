use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How far ahead writes may be at most: a burst beyond it would never end.
const LONGEST: Duration = Duration::from_hours(24);

/// Lets a number of writes through at once and then so many per second (`--kube-api-burst`, `--kube-api-qps`).
///
/// Whoever comes is given a time; who waits keeps its place, and dropping the wait gives nothing back.
#[derive(Debug)]
pub struct Limiter {
    /// Time between two writes; zero does not limit.
    pause: Duration,
    /// How far writes may be ahead of their pace.
    ahead: Duration,
    /// When the next write would be at an even pace.
    next: Mutex<Option<Instant>>,
}

impl Limiter {
    /// `rate` per second; zero or less does not limit, as with client-go.
    #[must_use]
    pub fn new(rate: f32, burst: u32) -> Self {
        let pause = if rate > 0.0 {
            // Slower than one in an hour is as good as never, and the sums below stay far from their limits.
            Duration::from_secs_f32((1.0 / rate).min(3600.0))
        } else {
            Duration::ZERO
        };
        Self {
            pause,
            ahead: pause.saturating_mul(burst.saturating_sub(1)).min(LONGEST),
            next: Mutex::default(),
        }
    }

    /// Waits for a place.
    pub async fn acquire(&self) {
        if self.pause.is_zero() {
            return;
        }
        let at = self.reserve(Instant::now());
        sleep_until(at).await;
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = next.map_or(now, |next| next.max(now));
        *next = Some(planned + self.pause);
        planned.checked_sub(self.ahead).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn absurd_flags_limit_and_do_not_panic() {
        for (rate, burst) in [
            (1e-20, u32::MAX),
            (f32::MIN_POSITIVE, 1),
            (f32::INFINITY, 3),
            (f32::NAN, 3),
        ] {
            let limiter = Limiter::new(rate, burst);
            limiter.acquire().await;
            limiter.acquire().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let (limiter, start) = (Limiter::new(50.0, 100), Instant::now());
        for _ in 0..100 {
            limiter.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            limiter.acquire().await;
        }
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(1_990) && took <= Duration::from_millis(2_110),
            "{took:?}"
        );
        tokio::time::sleep(Duration::from_secs(2)).await;
        let start = Instant::now();
        for _ in 0..99 {
            limiter.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO, "a quiet time fills the burst");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rate_of_zero_does_not_limit() {
        let (limiter, start) = (Limiter::new(0.0, 0), Instant::now());
        for _ in 0..10_000 {
            limiter.acquire().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
