//! Sees every watch event and remembers what matters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use api::nmstate::{Enactment, Policy};
use jiff::Timestamp;
use kube::Client;
use kube::api::Api;
use kube::runtime::watcher;
use nodenet::names;
use nodenet::plan::condition::enactment::{Said, said};
use runtime::watch::{self, WatchEvent};
use tokio::sync::watch as channel;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::ground::PATIENCE;

/// What happened, so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Story {
    /// What each policy said, each thing once in a row: `Type: message`, or `Unknown`.
    pub(crate) policies: BTreeMap<String, Vec<String>>,
    /// What each enactment said, each thing once in a row.
    pub(crate) enactments: BTreeMap<String, Vec<Said>>,
    /// Nodes between first Progressing and Available now, by policy.
    between: BTreeMap<String, BTreeSet<String>>,
    /// The most there were at any event.
    pub(crate) most: BTreeMap<String, usize>,
    /// Enactments that exist.
    pub(crate) exist: BTreeSet<String>,
    /// When each new status of each policy was seen.
    pub(crate) writes: BTreeMap<String, Vec<Timestamp>>,
    /// The last seen policies.
    pub(crate) last: BTreeMap<String, Policy>,
}

impl Story {
    pub(crate) fn said(&self, policy: &str) -> &[String] {
        self.policies.get(policy).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn now(&self, policy: &str) -> &str {
        self.said(policy).last().map(String::as_str).unwrap_or_default()
    }

    pub(crate) fn enactment(&self, name: &str) -> &[Said] {
        self.enactments.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn last_of(&self, name: &str) -> Said {
        self.enactment(name).last().copied().unwrap_or_default()
    }

    pub(crate) fn touched(&self, name: &str) -> bool {
        self.enactment(name).contains(&Said::Progressing)
    }

    fn policy(&mut self, policy: Policy) {
        let name = policy.name().to_owned();
        let before = self.last.get(&name).and_then(|old| old.status.clone());
        if policy.status != before {
            self.writes
                .entry(name.clone())
                .or_default()
                .push(Timestamp::now());
        }
        let conditions = policy
            .status
            .as_ref()
            .map(|s| s.conditions.as_slice())
            .unwrap_or_default();
        if !conditions.is_empty() {
            let told = conditions.iter().find(|c| c.is_true()).map_or_else(
                || "Unknown".to_owned(),
                |c| format!("{}: {}", c.type_, c.message.as_deref().unwrap_or_default()),
            );
            let said = self.policies.entry(name.clone()).or_default();
            if said.last() != Some(&told) {
                said.push(told);
            }
        }
        self.last.insert(name, policy);
    }

    fn enactment_seen(&mut self, enactment: &Enactment) {
        let name = enactment.name().to_owned();
        let policy = enactment
            .annotation(names::POLICY_NAME_ANNOTATION)
            .unwrap_or_default()
            .to_owned();
        self.exist.insert(name.clone());
        let state = said(
            enactment
                .status
                .as_ref()
                .map(|s| s.conditions.as_slice())
                .unwrap_or_default(),
        );
        let told = self.enactments.entry(name.clone()).or_default();
        if told.last() != Some(&state) {
            told.push(state);
        }
        let between = self.between.entry(policy.clone()).or_default();
        match state {
            Said::Progressing | Said::Retrying => drop(between.insert(name)),
            Said::Available => drop(between.remove(&name)),
            // Failing, and waiting anew after a failure, is between until it is Available.
            _ => {}
        }
        let count = between.len();
        let most = self.most.entry(policy).or_default();
        *most = (*most).max(count);
    }

    fn enactment_gone(&mut self, name: &str) {
        self.exist.remove(name);
        self.enactments.remove(name);
        for between in self.between.values_mut() {
            between.remove(name);
        }
    }
}

/// Watches policies and enactments.
pub(crate) struct Witness {
    story: Arc<Mutex<Story>>,
    changes: channel::Receiver<u64>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Witness {
    pub(crate) async fn start(client: &Client) -> Self {
        let story = Arc::new(Mutex::new(Story::default()));
        let (count, changes) = channel::channel(0);
        let count = Arc::new(count);
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let (seen, told) = (Arc::clone(&story), Arc::clone(&count));
        let of_policies = move |event: WatchEvent<Policy>| {
            if let WatchEvent::InitApply(policy) | WatchEvent::Applied(policy) = event {
                seen.lock().expect("no holder panics").policy(policy);
                told.send_modify(|count| *count += 1);
            }
        };
        let seen = Arc::clone(&story);
        let of_enactments = move |event: WatchEvent<Enactment>| {
            match event {
                WatchEvent::InitApply(enactment) | WatchEvent::Applied(enactment) => {
                    seen.lock().expect("no holder panics").enactment_seen(&enactment);
                }
                WatchEvent::Deleted(key) => seen.lock().expect("no holder panics").enactment_gone(&key.name),
                WatchEvent::Init | WatchEvent::InitDone | WatchEvent::Unreadable(_) => {}
            }
            count.send_modify(|count| *count += 1);
        };
        let (one, first) = watch::status();
        let (two, second) = watch::status();
        let config = watcher::Config::default;
        tasks.spawn(watch::run(
            Api::all(client.clone()),
            config(),
            one,
            of_policies,
            stop.clone(),
        ));
        tasks.spawn(watch::run(
            Api::all(client.clone()),
            config(),
            two,
            of_enactments,
            stop.clone(),
        ));
        for mut status in [first, second] {
            let synced = timeout(PATIENCE, status.wait_for(|status| status.synced)).await;
            synced.expect("the witness sees").expect("the watch runs");
        }
        Self {
            story,
            changes,
            stop,
            tasks,
        }
    }

    pub(crate) fn story(&self) -> Story {
        self.story.lock().expect("no holder panics").clone()
    }

    /// Waits for an event after which this holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Story) -> bool) -> Story {
        let wait = async {
            loop {
                self.changes.borrow_and_update();
                let story = self.story.lock().expect("no holder panics").clone();
                if holds(&story) {
                    return story;
                }
                self.changes.changed().await.expect("the watches run");
            }
        };
        match timeout(PATIENCE, wait).await {
            Ok(story) => story,
            Err(_) => panic!(
                "still not: {what}; {:#?}",
                Story {
                    last: BTreeMap::new(),
                    ..self.story()
                }
            ),
        }
    }

    /// Waits until a policy says this.
    pub(crate) async fn says(&mut self, policy: &str, told: &str) -> Story {
        self.until(&format!("{policy} says {told}"), |story| {
            story.now(policy) == told
        })
        .await
    }

    pub(crate) async fn end(mut self) -> Story {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
        self.story()
    }
}
