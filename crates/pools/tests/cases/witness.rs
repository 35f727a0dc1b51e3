//! Watches every `IPAddress` of a namespace from the first to the last moment of a test.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt as _;
use jiff::Timestamp;
use kube::{
    Api,
    api::DynamicObject,
    runtime::watcher::{self, Event, watcher},
};
use testkit::eventually;
use tokio::{task::JoinSet, time::Instant};

use crate::ground::{PATIENCE, text};

/// One event of an address.
#[derive(Clone, Debug)]
pub(crate) struct Sighting {
    pub(crate) at: Instant,
    pub(crate) time: Timestamp,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) terminating: bool,
    pub(crate) gone: bool,
}

#[derive(Default)]
struct Log {
    listed: bool,
    /// By namespace and name: pool, address, resource version.
    live: BTreeMap<(String, String), (String, String, String)>,
    sightings: Vec<Sighting>,
    duplicates: Vec<String>,
}

/// Sees every event, and notes whenever two objects of one pool carry the same address (spec §7: never).
pub(crate) struct Witness {
    api: Api<DynamicObject>,
    log: Arc<Mutex<Log>>,
    _task: JoinSet<()>,
}

impl Witness {
    /// Begins to watch; what happens after the return is seen.
    pub(crate) async fn of(api: Api<DynamicObject>) -> Self {
        let log = Arc::new(Mutex::new(Log::default()));
        let mut task = JoinSet::new();
        task.spawn(follow(api.clone(), log.clone()));
        let witness = Self {
            api,
            log,
            _task: task,
        };
        eventually(PATIENCE, "the witness watches", || async {
            if witness.look(|log| log.listed) {
                Ok(())
            } else {
                Err("no list yet".to_owned())
            }
        })
        .await;
        witness
    }

    fn look<R>(&self, look: impl FnOnce(&Log) -> R) -> R {
        look(&self.log.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until an event is seen.
    pub(crate) async fn sees(&self, what: &str, choose: impl Fn(&Sighting) -> bool) -> Sighting {
        eventually(PATIENCE, what, || async {
            let seen = self.look(|log| log.sightings.iter().find(|s| choose(s)).cloned());
            seen.ok_or_else(|| format!("{} events, not this one", self.look(|log| log.sightings.len())))
        })
        .await
    }

    /// Waits until everything up to now is seen; then no address may ever have had two owners. Returns what was seen.
    pub(crate) async fn testify(self) -> Vec<Sighting> {
        eventually(Duration::from_secs(30), "the witness has seen all", || async {
            let list = self
                .api
                .list(&Default::default())
                .await
                .map_err(|e| e.to_string())?;
            let there: BTreeMap<_, _> = list.iter().map(|a| (key(a), state(a))).collect();
            let known = self.look(|log| log.live.clone());
            if known == there {
                Ok(())
            } else {
                Err(format!("{} known, {} there", known.len(), there.len()))
            }
        })
        .await;
        self.look(|log| {
            assert!(
                log.duplicates.is_empty(),
                "addresses with two owners: {:?}",
                log.duplicates
            );
            log.sightings.clone()
        })
    }
}

async fn follow(api: Api<DynamicObject>, log: Arc<Mutex<Log>>) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
    while let Some(event) = events.next().await {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Ok(Event::Init) => log.live.clear(),
            Ok(Event::InitDone) => log.listed = true,
            Ok(Event::InitApply(object) | Event::Apply(object)) => log.note(&object, false),
            Ok(Event::Delete(object)) => log.note(&object, true),
            // The watcher lists again and goes on.
            Err(_) => {}
        }
    }
}

impl Log {
    fn note(&mut self, object: &DynamicObject, gone: bool) {
        let (key, state) = (key(object), state(object));
        if gone {
            self.live.remove(&key);
        } else {
            let twin = self
                .live
                .iter()
                .find(|(k, s)| **k != key && s.0 == state.0 && s.1 == state.1);
            if let Some((twin, _)) = twin {
                self.duplicates
                    .push(format!("{} of {}: {twin:?} and {key:?}", state.1, state.0));
            }
            self.live.insert(key.clone(), state.clone());
        }
        self.sightings.push(Sighting {
            at: Instant::now(),
            time: Timestamp::now(),
            name: key.1,
            address: state.1,
            terminating: object.metadata.deletion_timestamp.is_some(),
            gone,
        });
    }
}

fn key(object: &DynamicObject) -> (String, String) {
    (
        object.metadata.namespace.clone().unwrap_or_default(),
        object.metadata.name.clone().unwrap_or_default(),
    )
}

fn state(object: &DynamicObject) -> (String, String, String) {
    let kind = text(object, "/spec/poolRef/kind");
    let scope = if kind.starts_with("Global") {
        ""
    } else {
        object.metadata.namespace.as_deref().unwrap_or_default()
    };
    let pool = format!("{kind} {scope}/{}", text(object, "/spec/poolRef/name"));
    (
        pool,
        text(object, "/spec/address"),
        object.metadata.resource_version.clone().unwrap_or_default(),
    )
}
