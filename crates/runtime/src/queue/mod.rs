//! The keyed work queue behind every controller.
//!
//! Rules (those of client-go's work queue, plus a low lane):
//!
//! * A key is handed out to one worker at a time; until [`WorkQueue::done`] it is not handed out again.
//! * Adding a key that waits changes nothing; adding one that is being worked on hands it out once more after
//!   `done`, so no change is ever missed.
//! * [`WorkQueue::add_low`] is for work nobody waits for (re-syncs): it is handed out when nothing else waits,
//!   except that every [`LOW_SHARE`]-th hand-out prefers it, so that a steady stream of new work cannot
//!   starve it.
//! * [`WorkQueue::add_after`] keeps one timer per key, the earliest; an `add` makes it pointless and drops it.
//! * [`WorkQueue::retry`] is `add_after` with a delay that doubles per failure of that key.
//!
//! Cost: O(1) per operation, O(log timers) for delayed ones. One mutex, never held across an await; every
//! future here may be dropped at any point without losing a key.

mod state;

use std::fmt::Debug;
use std::hash::Hash;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use state::{Lane, State};

/// One hand-out in this many prefers the low lane.
pub const LOW_SHARE: u64 = 32;

/// Delays between attempts of a key that keeps failing: `base`, `2 * base`, … up to `max`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Delay after the first failure. Default 50 ms: longer than a cache lags behind its own write.
    pub base: Duration,
    /// Longest delay. Default 5 min.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(50),
            max: Duration::from_secs(300),
        }
    }
}

impl Backoff {
    /// Delay after the `failures`-th failure in a row, counted from one.
    #[must_use]
    pub fn delay(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.base.saturating_mul(1 << doublings).min(self.max)
    }
}

/// What a queue holds, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Keys ready to be handed out, low lane included.
    pub ready: usize,
    /// Keys being worked on.
    pub in_flight: usize,
    /// Keys that wait for a timer and for nothing else.
    pub delayed: usize,
}

/// A queue of keys; clones are handles to the same queue. See the [module](self) for its rules.
pub struct WorkQueue<K> {
    shared: Arc<Shared<K>>,
}

struct Shared<K> {
    state: Mutex<State<K>>,
    /// Wakes a worker when there may be something to hand out, or an earlier timer to wait for.
    wake: Notify,
    backoff: Backoff,
}

impl<K> Clone for WorkQueue<K> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<K: Clone + Eq + Hash + Debug> Default for WorkQueue<K> {
    fn default() -> Self {
        Self::new(Backoff::default())
    }
}

impl<K> Debug for WorkQueue<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkQueue").finish_non_exhaustive()
    }
}

impl<K: Clone + Eq + Hash + Debug> WorkQueue<K> {
    /// An empty queue with the given delays for [`WorkQueue::retry`].
    #[must_use]
    pub fn new(backoff: Backoff) -> Self {
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State::default()),
                wake: Notify::new(),
                backoff,
            }),
        }
    }

    /// Wants `key` worked on as soon as a worker is free; overtakes and replaces any delay of it.
    pub fn add(&self, key: K) {
        self.enqueue(key, Lane::High);
    }

    /// Wants `key` worked on when nothing else waits. No effect on a key that waits in the normal lane.
    pub fn add_low(&self, key: K) {
        self.enqueue(key, Lane::Low);
    }

    /// Wants `key` worked on after `delay`, unless something wants it earlier.
    ///
    /// No effect on a key that waits already: whoever works on it decides afresh whether to come back.
    pub fn add_after(&self, key: K, delay: Duration) {
        if delay.is_zero() {
            return self.add(key);
        }
        // A delay beyond what the clock can express is never.
        let Some(at) = Instant::now().checked_add(delay) else {
            return;
        };
        if self.lock().delay(key, at) {
            self.shared.wake.notify_one();
        }
    }

    /// Counts a failure of `key` and wants it worked on after the delay that follows from the count.
    ///
    /// Returns that delay. Call it between `next` and `done` in place of `add`.
    pub fn retry(&self, key: K) -> Duration {
        let failures = self.lock().fail(&key);
        let delay = self.shared.backoff.delay(failures);
        self.add_after(key, delay);
        delay
    }

    /// Forgets the failures of `key`: it went well. Timers and waiting work stay.
    pub fn forget(&self, key: &K) {
        self.lock().forget(key);
    }

    /// Failures of `key` in a row, as counted by [`WorkQueue::retry`].
    #[must_use]
    pub fn failures(&self, key: &K) -> u32 {
        self.lock().failures(key)
    }

    /// Waits for a key and hands it out; `None` once the queue is closed, even when keys still wait.
    ///
    /// Dropping the future loses nothing. The caller must call [`WorkQueue::done`] for the key it got.
    pub async fn next(&self) -> Option<K> {
        loop {
            let mut woken = pin!(self.shared.wake.notified());
            // Registered before looking, so that an add between looking and waiting is not missed.
            woken.as_mut().enable();
            let timer = {
                let mut state = self.lock();
                if state.closed() {
                    return None;
                }
                state.promote(Instant::now());
                if let Some(key) = state.take() {
                    if state.depth().ready > 0 {
                        self.shared.wake.notify_one();
                    }
                    return Some(key);
                }
                state.next_timer()
            };
            match timer {
                Some(at) => tokio::select! {
                    () = woken => {}
                    () = sleep_until(at) => {}
                },
                None => woken.await,
            }
        }
    }

    /// The worker has finished with `key`, well or not.
    pub fn done(&self, key: &K) {
        if self.lock().done(key) {
            self.shared.wake.notify_one();
        }
    }

    /// Hands out nothing more; every waiting and future [`WorkQueue::next`] gets `None`.
    pub fn close(&self) {
        self.lock().close();
        self.shared.wake.notify_waiters();
    }

    /// What the queue holds right now.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.lock().depth()
    }

    fn enqueue(&self, key: K, lane: Lane) {
        if self.lock().add(key, lane) {
            self.shared.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<K>> {
        // No method of `State` panics between two related changes, so a poisoned state is still whole.
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
