//! What observers, workers and writers share.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use api::nmstate::Policy;
use tokio::time::Instant;

use runtime::queue::WorkQueue;

use super::index::{Index, Touched};
use super::{Config, Holds};

/// How long the events of one moment are gathered before anybody acts on them.
const GATHER: Duration = Duration::from_millis(10);

/// How long an enactment may look lost before the server is asked: watches of different kinds are not in step.
pub(super) const ORPHAN_PATIENCE: Duration = Duration::from_secs(1);

/// What there is to work on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A policy.
    Policy(String),
    /// An enactment that may have lost its policy or node.
    Orphan(String),
}

/// When the status of a policy was, and may be, written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rhythm {
    /// The last write.
    written: Option<Instant>,
    /// Since when there is something to write.
    waiting: Option<Instant>,
}

/// The coordinator's memory. The index is reached only through closures: no lock is held across an await.
pub struct World {
    pub(super) config: Config,
    pub(super) holds: Holds,
    pub(super) queue: WorkQueue<Key>,
    index: Mutex<Index>,
    rhythms: Mutex<HashMap<String, Rhythm>>,
    begun: std::sync::atomic::AtomicBool,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("namespace", &self.config.namespace)
            .finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(config: Config, holds: Holds) -> Self {
        Self {
            config,
            holds,
            queue: WorkQueue::default(),
            index: Mutex::default(),
            rhythms: Mutex::default(),
            begun: false.into(),
        }
    }

    /// Reads the index.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Index) -> T) -> T {
        look(&self.index.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the index and wakes whoever the change concerns.
    pub(super) fn change(&self, change: impl FnOnce(&mut Index) -> Touched) {
        let touched = {
            let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut index)
        };
        match touched {
            Touched::Nothing => {}
            Touched::Policy(policy) => self.wake(&policy),
            Touched::All => self.wake_all(),
        }
    }

    /// Every list was seen: from here on there is work.
    pub(super) fn begin(&self) {
        self.begun.store(true, std::sync::atomic::Ordering::Release);
        self.wake_all();
        for name in self.read(Index::enactment_names) {
            self.suspect(name);
        }
    }

    fn has_begun(&self) -> bool {
        self.begun.load(std::sync::atomic::Ordering::Acquire)
    }

    fn wake(&self, policy: &str) {
        if self.has_begun() {
            self.queue.add_after(Key::Policy(policy.to_owned()), GATHER);
        }
    }

    fn wake_all(&self) {
        for policy in self.read(Index::policy_names) {
            self.wake(&policy);
        }
    }

    /// An enactment may have lost its owner; it is looked at a little later.
    pub(super) fn suspect(&self, enactment: String) {
        if self.has_begun() {
            self.queue.add_after(Key::Orphan(enactment), ORPHAN_PATIENCE);
        }
    }

    /// A policy was deleted: its enactments should follow.
    pub(super) fn policy_gone(&self, name: &str) {
        self.change(|index| {
            index.drop_policy(name);
            Touched::Nothing
        });
        self.rhythms().remove(name);
        for enactment in self.read(|index| index.enactments_of(name)) {
            self.suspect(enactment);
        }
    }

    /// The answer to a write of ours; nobody needs to be woken.
    pub(super) fn learn(&self, policy: Policy) {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let known = index.policy(policy.name());
        if known.is_some_and(|known| known.metadata.uid == policy.metadata.uid) {
            index.set_policy(policy);
        }
    }

    /// How long the status of a policy has to wait; `None` if it may be written now.
    pub(super) fn status_due(&self, policy: &str, now: Instant) -> Option<Duration> {
        let mut rhythms = self.rhythms();
        let rhythm = rhythms.entry(policy.to_owned()).or_default();
        let since = *rhythm.waiting.get_or_insert(now);
        let gathered = since + self.config.debounce;
        let due = rhythm
            .written
            .map_or(gathered, |last| gathered.max(last + self.config.pace));
        (due > now).then(|| due - now)
    }

    /// There is nothing to write any more.
    pub(super) fn status_rests(&self, policy: &str) {
        if let Some(rhythm) = self.rhythms().get_mut(policy) {
            rhythm.waiting = None;
        }
    }

    /// The status was written, or tried to.
    pub(super) fn status_written(&self, policy: &str, now: Instant) {
        let mut rhythms = self.rhythms();
        let rhythm = rhythms.entry(policy.to_owned()).or_default();
        *rhythm = Rhythm {
            written: Some(now),
            waiting: None,
        };
    }

    fn rhythms(&self) -> std::sync::MutexGuard<'_, HashMap<String, Rhythm>> {
        self.rhythms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
