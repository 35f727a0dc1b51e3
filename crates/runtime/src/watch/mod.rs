//! One watch that survives everything an API server does to it.
//!
//! [`run`] wraps `kube::runtime::watcher` and keeps going through dropped connections, 410 Gone, 429 and 5xx,
//! missing permissions, and kinds that are not served yet or no longer. It stores nothing and clones no
//! object; the sink gets each object once, by value.
//!
//! An outage is never reported as deletions: the sink hears nothing until the server answers again, and then
//! either the changes since or a whole new list.
//!
//! Nor is an object that cannot be read: the sink gets it as it is, and goes on with all others.

mod guarded;
mod verdict;

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use tokio::sync::watch as channel;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::clock::jitter;
pub use guarded::{Guarded, Key, Unreadable};
use verdict::{Verdict, judge};

/// First and longest pause between attempts. The longest is short because a controller without its watch
/// is blind; the server's priority and fairness protects it from the load.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Pause while the kind is not served: somebody has to install a CRD first.
const NOT_SERVED_PAUSE: Duration = Duration::from_secs(3);

/// After this long without an error the next one starts with the first pause again.
const FORGET_AFTER: Duration = Duration::from_secs(30);

/// What a sink is told. `InitApply` to `InitDone` together are the complete list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent<K> {
    /// A complete list follows. It may be broken off and begin again with another `Init`.
    Init,
    /// One object of the list.
    InitApply(K),
    /// The list is complete: whatever was known before and was not in it is gone.
    InitDone,
    /// An object was created or changed.
    Applied(K),
    /// An object was deleted.
    Deleted(Key),
    /// An object, of a list or by itself, that is not as its type says. It exists: what was known of it before is
    /// neither confirmed nor gone.
    Unreadable(Unreadable),
}

/// How a watch is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WatchStatus {
    /// A complete list was handed to the sink since the start. Stays true through later outages.
    pub synced: bool,
    /// What the last answer of the server was.
    pub health: Health,
}

impl WatchStatus {
    /// Why this watch is not synced, for a readiness message; `None` once it is.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        if self.synced {
            return None;
        }
        Some(match &self.health {
            Health::Starting | Health::Live => "the first list is not complete".to_owned(),
            Health::NotServed => "the kind is not served; install its CRD".to_owned(),
            Health::Failing(reason) => reason.clone(),
        })
    }
}

/// The last thing that happened to a watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// No answer yet.
    #[default]
    Starting,
    /// Events or a list arrived after the last error.
    Live,
    /// The server does not know the kind (404).
    NotServed,
    /// The last attempt failed, for this reason.
    Failing(String),
}

/// A channel to follow a watch from outside, e.g. for readiness.
#[must_use]
pub fn status() -> (channel::Sender<WatchStatus>, channel::Receiver<WatchStatus>) {
    channel::channel(WatchStatus::default())
}

/// Watches until `stop` is cancelled. Returns only then.
///
/// `sink` is called in order, from this future only; it should be quick (update an index, wake keys), because
/// the connection is not read meanwhile. `status` is changed after the sink has seen what it reports.
pub async fn run<K, S>(
    api: Api<Guarded<K>>,
    config: watcher::Config,
    status: channel::Sender<WatchStatus>,
    sink: S,
    stop: CancellationToken,
) where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    S: FnMut(WatchEvent<K>),
{
    let mut watch = Watch {
        kind: api.resource_url().to_owned(),
        status,
        sink,
        init: false,
        pauses: Pauses::default(),
    };
    let endless = async {
        loop {
            watch.follow(api.clone(), config.clone()).await;
        }
    };
    stop.run_until_cancelled(endless).await;
}

struct Watch<S> {
    /// The URL path, which names the kind and namespace in logs.
    kind: String,
    status: channel::Sender<WatchStatus>,
    sink: S,
    /// The watcher announced a list that has shown nothing yet.
    init: bool,
    pauses: Pauses,
}

impl<S> Watch<S> {
    /// Follows one watcher until it has to be replaced by one that starts with a list.
    async fn follow<K>(&mut self, api: Api<Guarded<K>>, config: watcher::Config)
    where
        K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
        S: FnMut(WatchEvent<K>),
    {
        let mut stream = pin!(watcher(api, config));
        while let Some(result) = stream.next().await {
            let error = match result {
                Ok(event) => {
                    self.accept(event);
                    continue;
                }
                Err(error) => error,
            };
            let verdict = judge(&error);
            self.report(&verdict);
            sleep(self.pauses.next(&verdict)).await;
            if verdict.start_over() {
                return;
            }
        }
    }

    fn accept<K>(&mut self, event: Event<Guarded<K>>)
    where
        K: Resource,
        S: FnMut(WatchEvent<K>),
    {
        let event = match event {
            // The watcher says `Init` before it has even asked; pass it on only with an answer behind it.
            Event::Init => {
                self.init = true;
                return;
            }
            Event::InitApply(Guarded(Ok(object))) => WatchEvent::InitApply(object),
            Event::InitDone => WatchEvent::InitDone,
            Event::Apply(Guarded(Ok(object))) => WatchEvent::Applied(object),
            Event::InitApply(Guarded(Err(unread))) | Event::Apply(Guarded(Err(unread))) => {
                WatchEvent::Unreadable(unread.unreadable)
            }
            Event::Delete(object) => WatchEvent::Deleted(object.key()),
        };
        if std::mem::take(&mut self.init) {
            (self.sink)(WatchEvent::Init);
        }
        let complete = matches!(event, WatchEvent::InitDone);
        (self.sink)(event);
        self.status.send_if_modified(|status| {
            let changed = status.health != Health::Live || (complete && !status.synced);
            status.health = Health::Live;
            status.synced |= complete;
            changed
        });
    }

    fn report(&mut self, verdict: &Verdict) {
        let health = verdict.health();
        let changed = self.status.send_if_modified(|status| {
            let changed = status.health != health;
            status.health = health;
            changed
        });
        match verdict {
            Verdict::Expired(error) => {
                tracing::debug!(kind = self.kind, %error, "watch expired, listing again");
            }
            Verdict::NotServed if changed => {
                tracing::warn!(kind = self.kind, "kind is not served, waiting for it");
            }
            Verdict::Failed(error) if changed => {
                tracing::warn!(kind = self.kind, %error, "watch interrupted, trying again");
            }
            Verdict::NotServed | Verdict::Failed(_) => {}
        }
    }
}

/// Pauses that grow while errors follow each other.
#[derive(Default)]
struct Pauses {
    current: Option<Duration>,
    last_error: Option<Instant>,
}

impl Pauses {
    fn next(&mut self, verdict: &Verdict) -> Duration {
        let now = Instant::now();
        let quiet = self
            .last_error
            .is_none_or(|last| now.duration_since(last) > FORGET_AFTER);
        self.last_error = Some(now);
        if matches!(verdict, Verdict::NotServed) {
            return jitter(NOT_SERVED_PAUSE);
        }
        let pause = match self.current {
            Some(last) if !quiet => (last * 2).min(PAUSES.1),
            _ => PAUSES.0,
        };
        self.current = Some(pause);
        jitter(pause)
    }
}

#[cfg(test)]
mod tests;
