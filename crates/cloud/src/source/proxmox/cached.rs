//! An answer that is asked for at most once per period, by whoever needs it first.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::answer::Answer;
use runtime::clock::BootTime;
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
    last: Option<Asked<T>>,
    /// Requests under way: the last one, and earlier ones that came too early for somebody. They end with us.
    requests: JoinSet<()>,
}

/// A request, and where its answer is or will be.
#[derive(Debug)]
struct Asked<T> {
    at: BootTime,
    answer: watch::Receiver<Option<Arrived<T>>>,
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

    /// The kept answer, or that of `fetch`, asked for at `since` or later: an answer may be young and yet older than what
    /// it is to explain. The period is counted from when the answer came.
    pub(super) async fn get<F>(&self, since: BootTime, fetch: impl FnOnce() -> F) -> Answer<T>
    where
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let mut current = self.current(since, fetch);
        let arrived = current.wait_for(Option::is_some).await;
        match arrived.as_deref() {
            Ok(Some(arrived)) => arrived.answer.clone(),
            Ok(None) | Err(_) => Answer::Unknown("the request was given up".to_owned()),
        }
    }

    /// Where the answer is or will be. Needs a running tokio runtime.
    fn current<F>(&self, since: BootTime, fetch: impl FnOnce() -> F) -> watch::Receiver<Option<Arrived<T>>>
    where
        F: Future<Output = Answer<T>> + Send + 'static,
    {
        let mut state = self.state();
        if let Some(last) = state.last.as_ref().filter(|last| self.is_of_use(last, since)) {
            return last.answer.clone();
        }
        let (sender, receiver) = watch::channel(None);
        let (asked, request) = (BootTime::now(), fetch());
        while state.requests.try_join_next().is_some() {}
        state.requests.spawn(async move {
            let answer = request.await;
            let at = Instant::now();
            sender.send_replace(Some(Arrived { at, answer }));
        });
        state.last = Some(Asked {
            at: asked,
            answer: receiver.clone(),
        });
        receiver
    }

    /// Whether this answer is young enough, or still to come, and was not asked for too early.
    fn is_of_use(&self, last: &Asked<T>, since: BootTime) -> bool {
        if last.at < since {
            return false;
        }
        match last.answer.borrow().as_ref() {
            Some(arrived) => arrived.at.elapsed() < self.period,
            // An error: its request ended without an answer.
            None => last.answer.has_changed().is_ok(),
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
        cached.get(BootTime::ZERO, fetch).await
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
    async fn an_answer_that_was_asked_for_too_early_is_asked_for_again() {
        let (cached, asked) = (Cached::new(PERIOD), Arc::default());
        assert_eq!(ask(&cached, &asked, 1).await, Answer::Known(1));
        let since = BootTime::now();
        let fetch = |number| move || async move { Answer::Known(number) };
        assert_eq!(cached.get(since, fetch(8)).await, Answer::Known(8));
        assert_eq!(cached.get(since, fetch(9)).await, Answer::Known(8), "new enough");
        // Also when it is still under way; whoever waits for it gets it.
        advance(PERIOD).await;
        let early = ask(&cached, &asked, 5);
        let late = async {
            sleep(Duration::from_secs(1)).await;
            cached.get(BootTime::now(), fetch(11)).await
        };
        assert_eq!(tokio::join!(early, late), (Answer::Known(2), Answer::Known(11)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_ends_without_an_answer_is_unknown_and_sent_anew() {
        let (cached, asked) = (Cached::new(PERIOD), Arc::default());
        let fetch = || async { panic!("a defect") };
        assert!(cached.get(BootTime::ZERO, fetch).await.is_unknown());
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
        assert!(
            timeout(Duration::from_secs(1), cached.get(BootTime::ZERO, fetch))
                .await
                .is_err()
        );
        assert_eq!(Arc::strong_count(&alive), 2);
        drop(cached);
        sleep(Duration::from_secs(1)).await;
        assert_eq!(Arc::strong_count(&alive), 1);
    }
}
