//! An answer that is asked for at most once per period, by whoever needs it first.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

/// Keeps the last answer for a while. Everybody who asks while it is being fetched waits for the same answer.
#[derive(Debug)]
pub(super) struct Cached<T> {
    period: Duration,
    last: Mutex<Option<(Instant, T)>>,
}

impl<T: Clone> Cached<T> {
    /// Empty; answers are kept for `period`, also those that are failures.
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            last: Mutex::new(None),
        }
    }

    /// The kept answer, or that of `fetch`. The period is counted from when the request was sent.
    pub(super) async fn get(&self, fetch: impl Future<Output = T>) -> T {
        let mut last = self.last.lock().await;
        if let Some((_, answer)) = last.as_ref().filter(|(at, _)| at.elapsed() < self.period) {
            return answer.clone();
        }
        let at = Instant::now();
        let answer = fetch.await;
        *last = Some((at, answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::{advance, sleep};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_request_per_period_also_for_many_at_once() {
        let (cached, asked) = (Cached::new(Duration::from_secs(60)), Cell::new(0_u32));
        let ask = || {
            cached.get(async {
                sleep(Duration::from_secs(1)).await;
                asked.set(asked.get() + 1);
                asked.get()
            })
        };
        let (a, b) = tokio::join!(ask(), ask());
        assert_eq!((a, b), (1, 1));
        advance(Duration::from_secs(58)).await;
        assert_eq!(ask().await, 1);
        advance(Duration::from_secs(2)).await;
        assert_eq!(ask().await, 2);
    }
}
