//! Holding the lease: renewing it, and knowing exactly until when it may be relied on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::decide::Observation;
use super::elect::{Attempt, Lease};
use crate::clock::BootTime;

/// How long giving the lease back may take at shutdown.
const RELEASE_LIMIT: Duration = Duration::from_secs(3);

/// The lease is ours. Clones are handles to the same leadership; dropping the last one stops the renewals
/// without giving the lease back.
#[derive(Clone, Debug)]
pub struct Leadership {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// What the handles and the renewing task share.
#[derive(Debug)]
struct Shared {
    /// [`BootTime`] in nanoseconds until which we lead; zero once lost, for good.
    held_until: AtomicU64,
    /// [`BootTime`] in nanoseconds at which the last successful renewal began; the maximum where nothing is renewed.
    renewed: AtomicU64,
    lost: CancellationToken,
    /// Give the lease back when stopping, and not only stop: an end that was asked for is no loss.
    give_back: AtomicBool,
}

impl Shared {
    fn new(renewed: BootTime, until: BootTime) -> Arc<Self> {
        Arc::new(Self {
            held_until: AtomicU64::new(until.as_nanos()),
            renewed: AtomicU64::new(renewed.as_nanos()),
            lost: CancellationToken::new(),
            give_back: AtomicBool::new(false),
        })
    }

    fn end(&self) {
        self.held_until.store(0, Ordering::Release);
        if !self.give_back.load(Ordering::Acquire) {
            self.lost.cancel();
        }
    }
}

/// Stops the renewals when the last handle goes.
#[derive(Debug)]
struct Owner {
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Leadership {
    /// For runs without election: held until released, never lost.
    #[must_use]
    pub fn always() -> Self {
        let shared = Shared::new(BootTime::MAX, BootTime::MAX);
        let owner = Owner {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (task, stop) = (Arc::clone(&shared), owner.stop.clone());
        // The same life as an elected one, so that `release` means the same.
        owner.tasks.spawn(async move {
            stop.cancelled().await;
            task.end();
        });
        owner.tasks.close();
        Self {
            shared,
            owner: Arc::new(owner),
        }
    }

    pub(super) fn hold(lease: Lease, observation: Observation, started: BootTime) -> Self {
        let until = started + lease.config().renew_deadline;
        let shared = Shared::new(started, until);
        let owner = Owner {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let renewal = Renewal {
            lease,
            observation,
            until,
            shared: Arc::clone(&shared),
        };
        owner.tasks.spawn(renewal.run(owner.stop.clone()));
        owner.tasks.close();
        Self {
            shared,
            owner: Arc::new(owner),
        }
    }

    /// Whether we lead, right now. Cost: one clock read and one atomic load, so ask before every write.
    ///
    /// False as soon as `renew_deadline` has passed since the start of the last successful renewal. A process
    /// that was stopped (SIGSTOP, suspended machine) therefore sees false at once when it goes on.
    #[must_use]
    pub fn is_held(&self) -> bool {
        BootTime::now().as_nanos() < self.shared.held_until.load(Ordering::Acquire)
    }

    /// How long ago the last successful renewal began, also after a loss; zero without an election and once the lease was
    /// given back, for then nobody waits for a renewal.
    #[must_use]
    pub fn unrenewed(&self) -> Duration {
        if self.shared.give_back.load(Ordering::Acquire) {
            return Duration::ZERO;
        }
        let renewed = BootTime::from_nanos(self.shared.renewed.load(Ordering::Acquire));
        BootTime::now().since(renewed)
    }

    /// Cancelled when the leadership has ended although nobody called [`Leadership::release`].
    ///
    /// A release does not count: whoever takes a loss for a failure would otherwise take every orderly end for one,
    /// whenever it hears of the end before it hears why.
    #[must_use]
    pub fn lost(&self) -> CancellationToken {
        self.shared.lost.clone()
    }

    /// Stops renewing and gives the lease back, so that the next one need not wait. Takes at most about 3 s.
    ///
    /// Call it when all writes have ended. [`Leadership::is_held`] is false from here on.
    pub async fn release(&self) {
        self.shared.held_until.store(0, Ordering::Release);
        self.shared.give_back.store(true, Ordering::Release);
        self.owner.stop.cancel();
        self.owner.tasks.wait().await;
    }
}

/// The renewing task.
struct Renewal {
    lease: Lease,
    observation: Observation,
    /// As in [`Shared::held_until`], which only this task moves forward.
    until: BootTime,
    shared: Arc<Shared>,
}

impl Drop for Renewal {
    /// However the task ends, by a panic too: nobody may go on believing that we lead.
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Renewal {
    async fn run(mut self, stop: CancellationToken) {
        let reason = stop.run_until_cancelled(self.renew_until_lost()).await;
        match reason {
            Some(reason) => {
                tracing::error!(lease = self.lease.config().name, reason, "lost the leadership");
            }
            None if self.shared.give_back.load(Ordering::Acquire) => {
                self.shared.held_until.store(0, Ordering::Release);
                self.lease.give_back(&mut self.observation, RELEASE_LIMIT).await;
            }
            None => {}
        }
    }

    /// Returns why it is over.
    async fn renew_until_lost(&mut self) -> String {
        let (retry, deadline) = (
            self.lease.config().retry_period,
            self.lease.config().renew_deadline,
        );
        let mut trusted = true;
        let mut problem = String::new();
        loop {
            sleep(retry.min(self.until.since(BootTime::now()))).await;
            let left = self.until.since(BootTime::now());
            if left.is_zero() {
                return format!("no renewal within {deadline:?}, last problem: {problem}");
            }
            // Half the deadline, as client-go: a connection that hangs must leave time for another try.
            let limit = left.min(deadline / 2);
            let attempt = if trusted {
                self.lease.renew(&mut self.observation, limit).await
            } else {
                self.lease.attempt(&mut self.observation, limit).await
            };
            trusted = matches!(attempt, Attempt::Held(_));
            match attempt {
                Attempt::Held(started) if BootTime::now() < self.until => self.extend(started, deadline),
                Attempt::Held(_) => return format!("the renewal took longer than {deadline:?}"),
                Attempt::Other => {
                    let holder = self.observation.record().map(|record| record.holder.as_str());
                    return format!("{} holds the lease", holder.unwrap_or_default());
                }
                Attempt::Failed(error) => {
                    tracing::warn!(lease = self.lease.config().name, error, "cannot renew the lease");
                    problem = error;
                }
            }
        }
    }

    fn extend(&mut self, started: BootTime, deadline: Duration) {
        let until = started + deadline;
        self.until = until;
        self.shared.renewed.store(started.as_nanos(), Ordering::Release);
        let before = self.shared.held_until.load(Ordering::Acquire);
        // `release` may have set it to zero meanwhile, and zero is for good.
        if before != 0 {
            let _ = self.shared.held_until.compare_exchange(
                before,
                until.as_nanos(),
                Ordering::AcqRel,
                Ordering::Acquire,
            );
        }
    }
}
