//! Watches every Node from before the first moment to after the last, and judges each event.

mod judge;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use testkit::eventually;
use tokio::task::JoinSet;

use crate::stage::PATIENCE;
use crate::truth::Truth;
pub(crate) use judge::FOREIGN_TAINT;
use judge::{State, deletion, judge};

/// Most accusations in one message: a fault that hits everybody need not be told a hundred times.
const TOLD: usize = 20;

#[derive(Debug, Default)]
struct Log {
    known: BTreeMap<String, State>,
    /// A list under way: what is not in it is gone.
    listing: Option<Vec<String>>,
    lists: u32,
    events: u64,
    accusations: Vec<String>,
}

/// Sees every event of every Node.
pub(crate) struct Witness {
    api: Api<Node>,
    log: Arc<Mutex<Log>>,
    _task: JoinSet<()>,
}

impl Witness {
    /// Begins to watch; what happens after the return is seen.
    pub(crate) async fn of(client: Client, truth: Truth) -> Self {
        let (api, log) = (Api::all(client), Arc::new(Mutex::new(Log::default())));
        let mut task = JoinSet::new();
        task.spawn(follow(api.clone(), log.clone(), truth));
        eventually(PATIENCE, "the witness watches", || async {
            if lock(&log).lists > 0 {
                Ok(())
            } else {
                Err("no list yet".to_owned())
            }
        })
        .await;
        Self {
            api,
            log,
            _task: task,
        }
    }

    /// Fails as soon as something has happened that must not.
    pub(crate) fn approves(&self) {
        let log = lock(&self.log);
        let (told, all) = (log.accusations.iter().take(TOLD), log.accusations.len());
        let text: Vec<&str> = told.map(String::as_str).collect();
        assert!(
            all == 0,
            "{all} times in {} events what must never happen:\n{}",
            log.events,
            text.join("\n")
        );
    }

    /// Waits until everything up to now is seen; then nothing wrong may ever have happened. Returns how many complete
    /// lists it took: more than one where a watch could not go on where it was cut off.
    pub(crate) async fn testify(self) -> u32 {
        eventually(Duration::from_secs(30), "the witness has seen all", || async {
            let list = self
                .api
                .list(&Default::default())
                .await
                .map_err(|e| e.to_string())?;
            let there: BTreeMap<_, _> = list.iter().map(State::version_of).collect();
            let log = lock(&self.log);
            let known: BTreeMap<_, _> = log
                .known
                .iter()
                .map(|(name, state)| (name.clone(), state.version.clone()))
                .collect();
            if known == there {
                Ok(())
            } else {
                Err(format!("{} known, {} there", known.len(), there.len()))
            }
        })
        .await;
        self.approves();
        let log = lock(&self.log);
        assert!(log.events > 0, "a witness that has seen nothing proves nothing");
        log.lists
    }
}

async fn follow(api: Api<Node>, log: Arc<Mutex<Log>>, truth: Truth) {
    let mut events = std::pin::pin!(watcher(api, watcher::Config::default()).default_backoff());
    while let Some(event) = events.next().await {
        // After an error the watcher goes on where it ended, or lists again: then what is listed is judged.
        if let Ok(event) = event {
            lock(&log).note(event, &truth);
        }
    }
}

impl Log {
    fn note(&mut self, event: Event<Node>, truth: &Truth) {
        match event {
            Event::Init => self.listing = Some(Vec::new()),
            Event::InitApply(node) => {
                let name = self.apply(&node, truth);
                self.listing.get_or_insert_default().push(name);
            }
            Event::InitDone => {
                let listed = self.listing.take().unwrap_or_default();
                let gone: Vec<String> = self
                    .known
                    .keys()
                    .filter(|name| !listed.contains(name))
                    .cloned()
                    .collect();
                for name in gone {
                    self.delete(&name, truth);
                }
                self.lists += 1;
            }
            Event::Apply(node) => {
                self.events += 1;
                self.apply(&node, truth);
            }
            Event::Delete(node) => {
                self.events += 1;
                self.delete(&State::version_of(&node).0, truth);
            }
        }
    }

    fn apply(&mut self, node: &Node, truth: &Truth) -> String {
        let (name, now) = (State::version_of(node).0, State::of(node));
        let said = match truth.of(&name) {
            Some(machine) => judge(self.known.get(&name), &now, &machine),
            None => vec!["is no Node of this test".to_owned()],
        };
        self.accuse(&name, &now.version, said);
        self.known.insert(name.clone(), now);
        name
    }

    fn delete(&mut self, name: &str, truth: &Truth) {
        self.known.remove(name);
        let said = truth.of(name).and_then(|machine| deletion(&machine));
        self.accuse(name, "its end", said);
    }

    fn accuse(&mut self, name: &str, version: &str, said: impl IntoIterator<Item = String>) {
        let said = said
            .into_iter()
            .map(|text| format!("{name} at {version}: {text}"));
        self.accusations.extend(said);
    }
}

fn lock(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}
