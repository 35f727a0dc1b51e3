use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

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
            Duration::from_secs_f32(1.0 / rate)
        } else {
            Duration::ZERO
        };
        Self {
            pause,
            ahead: pause * burst.saturating_sub(1),
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
