//! An answer that is asked for at most once per period, by whoever needs it first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::answer::Answer;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Keeps the last answer for a while. Everybody who asks while it is being fetched waits for the same answer.
///
/// Whoever loses patience stops waiting and not the request: its answer is there for the next one who asks. Otherwise a
/// region that is slower than the patience would be asked by everybody and known to nobody.
#[derive(Debug)]
pub(super) struct Cached<T> {
    period: Duration,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    last: Option<watch::Receiver<Option<Arrived<T>>>>,
    /// The request under way, if any. It ends with us.
    requests: JoinSet<()>,
}

/// An answer and when it came.
#[derive(Clone, Debug)]
struct Arrived<T> {
    at: Instant,
    answer: Answer<T>,
}

impl<T: Clone + Send + Sync + 'static> Cached<T> {
    /// Empty; answers are kept for `period`, also those that are failures.
    pub(super) fn new(period: Duration) -> Self {
        Self {
            period,
            state: Mutex::new(State {
                last: None,
                requests: JoinSet::new(),
            }),
        }
    }

    /// The kept answer, or that of `fetch`. The period is counted from when the answer came.
    pub(super) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Answer<T>
    where
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let mut current = self.current(fetch);
        let arrived = current.wait_for(Option::is_some).await;
        match arrived.as_deref() {
            Ok(Some(arrived)) => arrived.answer.clone(),
            Ok(None) | Err(_) => Answer::Unknown("the request was given up".to_owned()),
        }
    }

    /// Where the answer is or will be. Needs a running tokio runtime.
    fn current<F>(&self, fetch: impl FnOnce() -> F) -> watch::Receiver<Option<Arrived<T>>>
    where
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let mut state = self.state();
        if let Some(last) = state.last.as_ref().filter(|last| self.is_of_use(last)) {
            return last.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let request = fetch();
        // The one before is over, or it would have been of use.
        while state.requests.try_join_next().is_some() {}
        state.requests.spawn(async move {
            let answer = request.await;
            let at = Instant::now();
            sender.send_replace(Some(Arrived { at, answer }));
        });
        state.last = Some(receiver.clone());
        receiver
    }

    /// Whether this answer is young enough, or still to come.
    fn is_of_use(&self, last: &watch::Receiver<Option<Arrived<T>>>) -> bool {
        match last.borrow().as_ref() {
            Some(arrived) => arrived.at.elapsed() < self.period,
            // An error: its request ended without an answer.
            None => last.has_changed().is_ok(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::time::{advance, sleep, timeout};

    use super::*;

    const PERIOD: Duration = Duration::from_secs(60);

    /// Asks once; the request takes `seconds` and its answer is its number.
    async fn ask(cached: &Cached<u32>, asked: &Arc<AtomicU32>, seconds: u64) -> Answer<u32> {
        let asked = asked.clone();
        let fetch = || async move {
            let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
            sleep(Duration::from_secs(seconds)).await;
            Answer::Known(number)
        };
        cached.get(fetch).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_per_period_also_for_many_at_once() {
        let (cached, asked) = (Cached::new(PERIOD), Arc::default());
        let (a, b) = tokio::join!(ask(&cached, &asked, 1), ask(&cached, &asked, 1));
        assert_eq!((a, b), (Answer::Known(1), Answer::Known(1)));
        advance(Duration::from_secs(59)).await;
        assert_eq!(ask(&cached, &asked, 1).await, Answer::Known(1));
        advance(Duration::from_secs(1)).await;
        assert_eq!(ask(&cached, &asked, 1).await, Answer::Known(2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_comes_after_everybody_went_is_kept() {
        let (cached, asked) = (Cached::new(PERIOD), Arc::default());
        for _ in 0..3 {
            let patience = Duration::from_secs(1);
            assert!(timeout(patience, ask(&cached, &asked, 4)).await.is_err());
        }
        sleep(Duration::from_secs(2)).await;
        assert_eq!(ask(&cached, &asked, 4).await, Answer::Known(1));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_ends_without_an_answer_is_unknown_and_sent_anew() {
        let (cached, asked) = (Cached::new(PERIOD), Arc::default());
        let fetch = || async { panic!("a defect") };
        assert!(cached.get(fetch).await.is_unknown());
        assert_eq!(ask(&cached, &asked, 1).await, Answer::Known(1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_under_way_ends_with_its_owner() {
        let (cached, alive) = (Cached::<u32>::new(PERIOD), Arc::new(()));
        let held = alive.clone();
        let fetch = || async move {
            sleep(Duration::from_secs(600)).await;
            drop(held);
            Answer::Absent
        };
        assert!(timeout(Duration::from_secs(1), cached.get(fetch)).await.is_err());
        assert_eq!(Arc::strong_count(&alive), 2);
        drop(cached);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
