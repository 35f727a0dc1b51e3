//! Sees every `IPAddress` of the cluster from the first to the last moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::capi::Address;
use futures::StreamExt as _;
use kube::{
    Api, Client, ResourceExt as _,
    api::ListParams,
    runtime::watcher::{self, Event, watcher},
};
use testkit::eventually;
use tokio::task::JoinSet;

use crate::rig::{CAPI, PATIENCE};

/// Namespace and name of an object.
type Key = (String, String);
/// Kind, namespace (none for global kinds) and name of a pool, and an address of it.
type Place = (String, String, String, String);

/// What is alive, by both ends.
#[derive(Debug, Default)]
struct Book {
    places: HashMap<Key, Place>,
    owners: HashMap<Place, Key>,
}

impl Book {
    /// Enters an object; returns who has its place already.
    fn enter(&mut self, address: &Address) -> Option<Key> {
        let (key, place) = (key(address), place(address));
        self.leave(&key);
        let other = self.owners.get(&place).cloned();
        self.owners.insert(place.clone(), key.clone());
        self.places.insert(key, place);
        other
    }

    fn leave(&mut self, key: &Key) {
        if let Some(place) = self.places.remove(key)
            && self.owners.get(&place) == Some(key)
        {
            self.owners.remove(&place);
        }
    }
}

#[derive(Debug, Default)]
struct Log {
    book: Book,
    /// A list under way: what is not in it is gone.
    listing: Option<Book>,
    lists: u32,
    events: u64,
    duplicates: Vec<String>,
}

impl Log {
    fn note(&mut self, event: Event<Address>) {
        match event {
            Event::Init => self.listing = Some(Book::default()),
            Event::InitApply(address) => {
                let twin = self.listing.get_or_insert_default().enter(&address);
                self.accuse(&address, twin, "in a list");
            }
            Event::InitDone => {
                self.book = self.listing.take().unwrap_or_default();
                self.lists += 1;
            }
            Event::Apply(address) => {
                self.events += 1;
                let twin = self.book.enter(&address);
                self.accuse(&address, twin, "in an event");
            }
            Event::Delete(address) => {
                self.events += 1;
                self.book.leave(&key(&address));
            }
        }
    }

    fn accuse(&mut self, address: &Address, twin: Option<Key>, how: &str) {
        if let Some(twin) = twin {
            let (key, place) = (key(address), place(address));
            let version = address.resource_version().unwrap_or_default();
            self.duplicates.push(format!(
                "{place:?} belongs to {twin:?} and {key:?}, seen {how} at {version}"
            ));
        }
    }
}

/// Notes whenever two live objects of one pool carry the same address, terminating ones included (spec §7: never).
pub(crate) struct Witness {
    api: Api<Address>,
    log: Arc<Mutex<Log>>,
    _task: JoinSet<()>,
}

impl Witness {
    /// Begins to watch with a client of its own; what happens after the return is seen.
    pub(crate) async fn new(client: Client) -> Self {
        let api: Api<Address> = Api::all_with(client, &CAPI);
        let log = Arc::new(Mutex::new(Log::default()));
        let mut task = JoinSet::new();
        task.spawn(follow(api.clone(), log.clone()));
        let witness = Self {
            api,
            log,
            _task: task,
        };
        eventually(PATIENCE, "the witness watches", || async {
            if witness.log().lists > 0 {
                Ok(())
            } else {
                Err("no list yet".to_owned())
            }
        })
        .await;
        witness
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails at once if there ever was a duplicate. To be called now and then, so that a failure is seen early.
    pub(crate) fn assert_unique(&self) {
        let log = self.log();
        assert!(
            log.duplicates.is_empty(),
            "addresses with two owners: {:#?}",
            log.duplicates
        );
    }

    /// Number of objects alive now.
    pub(crate) fn alive(&self) -> usize {
        self.log().book.places.len()
    }

    /// Number of changes seen so far.
    pub(crate) fn events(&self) -> u64 {
        self.log().events
    }

    /// Waits until everything up to now is seen; then no address may ever have had two owners.
    pub(crate) async fn testify(&self) {
        eventually(
            Duration::from_secs(60),
            "the witness has seen everything",
            || async {
                let list = self
                    .api
                    .list(&ListParams::default())
                    .await
                    .map_err(|e| e.to_string())?;
                let there: HashMap<Key, Place> = list.iter().map(|a| (key(a), place(a))).collect();
                let known = self.log().book.places.clone();
                if known == there {
                    Ok(())
                } else {
                    Err(format!("{} known, {} there", known.len(), there.len()))
                }
            },
        )
        .await;
        self.assert_unique();
        let log = self.log();
        eprintln!(
            "witness: {} events, {} lists, no duplicate",
            log.events, log.lists
        );
    }
}

/// The watcher goes on after errors: from where it was if the server remembers, else with a list.
async fn follow(api: Api<Address>, log: Arc<Mutex<Log>>) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()));
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => log.lock().unwrap_or_else(PoisonError::into_inner).note(event),
            // The server is down; asking without a pause would only heat the machine.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

fn key(address: &Address) -> Key {
    (address.namespace().unwrap_or_default(), address.name_any())
}

fn place(address: &Address) -> Place {
    let pool = &address.spec.pool_ref;
    let scope = if pool.kind.starts_with("Global") {
        String::new()
    } else {
        key(address).0
    };
    // As text: everything written here is canonical (spec §5), and what is not must not hide a duplicate.
    let text = addr::parse_address(&address.spec.address).map(|a| a.to_string());
    (
        pool.kind.clone(),
        scope,
        pool.name.clone(),
        text.unwrap_or_else(|_| address.spec.address.clone()),
    )
}
