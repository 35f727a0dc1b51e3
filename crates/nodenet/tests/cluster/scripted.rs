//! The process of one node, as the API sees it. Applying is a script: how long, and how it ends.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::nmstate::{Condition, Enactment, EnactmentStatus, Policy};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher;
use nodenet::names;
use nodenet::plan::condition::enactment::{EnactmentState, FailingReason, MAX_RETRIES, Said, said};
use nodenet::plan::selector::select;
use runtime::watch::{self, WatchEvent};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How applies go.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    /// How long one takes.
    pub(crate) takes: Duration,
    /// How they end, one after the other; the last for ever.
    pub(crate) ends: Vec<bool>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            takes: Duration::from_millis(60),
            ends: vec![true],
        }
    }
}

impl Script {
    pub(crate) fn fails() -> Self {
        Self {
            ends: vec![false],
            ..Self::default()
        }
    }
}

#[derive(Debug, Default)]
struct Seen {
    policies: BTreeMap<String, Policy>,
    enactments: BTreeMap<String, Enactment>,
}

struct Shared {
    client: Client,
    name: String,
    node: Node,
    seen: Mutex<Seen>,
    wake: Notify,
    script: Mutex<(Script, usize)>,
    applying: AtomicUsize,
    most: AtomicUsize,
}

/// A running process of a node.
pub(crate) struct Scripted {
    pub(crate) name: String,
    shared: Arc<Shared>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Scripted {
    pub(crate) async fn start(client: &Client, name: &str, script: Script) -> Self {
        let node = Api::all(client.clone()).get(name).await.expect("its Node exists");
        let shared = Arc::new(Shared {
            client: client.clone(),
            name: name.to_owned(),
            node,
            seen: Mutex::default(),
            wake: Notify::new(),
            script: Mutex::new((script, 0)),
            applying: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        });
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        tasks.spawn(policies(Arc::clone(&shared), stop.clone()));
        tasks.spawn(enactments(Arc::clone(&shared), stop.clone()));
        let (work, ends) = (Arc::clone(&shared), stop.clone());
        tasks.spawn(async move {
            ends.run_until_cancelled(live(work)).await;
        });
        Self {
            name: name.to_owned(),
            shared,
            stop,
            tasks,
        }
    }

    pub(crate) fn set(&self, script: Script) {
        *self.shared.script.lock().expect("no holder panics") = (script, 0);
    }

    pub(crate) fn most(&self) -> usize {
        self.shared.most.load(Ordering::SeqCst)
    }

    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("the scripted process does not panic");
        }
    }
}

async fn policies(shared: Arc<Shared>, stop: CancellationToken) {
    let (status, _seen) = watch::status();
    let api = Api::all(shared.client.clone());
    let sink = move |event: WatchEvent<Policy>| {
        let mut seen = shared.seen.lock().expect("no holder panics");
        match event {
            WatchEvent::InitApply(policy) | WatchEvent::Applied(policy) => {
                seen.policies.insert(policy.name().to_owned(), policy);
            }
            WatchEvent::Deleted(key) => drop(seen.policies.remove(&key.name)),
            WatchEvent::Init | WatchEvent::InitDone | WatchEvent::Unreadable(_) => {}
        }
        shared.wake.notify_one();
    };
    watch::run(api, watcher::Config::default(), status, sink, stop).await;
}

async fn enactments(shared: Arc<Shared>, stop: CancellationToken) {
    let (status, _seen) = watch::status();
    let api = Api::all(shared.client.clone());
    let config = watcher::Config::default().labels(&format!("{}={}", names::NODE_LABEL, shared.name));
    let sink = move |event: WatchEvent<Enactment>| {
        let mut seen = shared.seen.lock().expect("no holder panics");
        match event {
            WatchEvent::InitApply(enactment) | WatchEvent::Applied(enactment) => {
                seen.enactments.insert(enactment.name().to_owned(), enactment);
            }
            WatchEvent::Deleted(key) => drop(seen.enactments.remove(&key.name)),
            WatchEvent::Init | WatchEvent::InitDone | WatchEvent::Unreadable(_) => {}
        }
        shared.wake.notify_one();
    };
    watch::run(api, config, status, sink, stop).await;
}

/// Steps through everything there is to do, then waits for the next event.
async fn live(shared: Arc<Shared>) {
    loop {
        let names: Vec<String> = {
            let seen = shared.seen.lock().expect("no holder panics");
            seen.policies.keys().cloned().collect()
        };
        let mut busy = false;
        for name in names {
            busy |= step(&shared, &name).await;
        }
        busy |= clean(&shared).await;
        if !busy {
            shared.wake.notified().await;
        }
    }
}

/// Enactments whose policy is gone or does not select the node any more.
async fn clean(shared: &Shared) -> bool {
    let lost: Vec<String> = {
        let seen = shared.seen.lock().expect("no holder panics");
        let owned = |e: &Enactment| {
            let policy = e.annotation(names::POLICY_NAME_ANNOTATION).unwrap_or_default();
            seen.policies
                .get(policy)
                .is_some_and(|policy| selects(shared, policy))
        };
        seen.enactments
            .values()
            .filter(|e| !owned(e))
            .map(|e| e.name().to_owned())
            .collect()
    };
    for name in &lost {
        let api: Api<Enactment> = Api::all(shared.client.clone());
        let _ = api.delete(name, &DeleteParams::default()).await;
        shared
            .seen
            .lock()
            .expect("no holder panics")
            .enactments
            .remove(name);
    }
    !lost.is_empty()
}

fn selects(shared: &Shared, policy: &Policy) -> bool {
    let labels = shared.node.metadata.labels.clone().unwrap_or_default();
    policy.metadata.deletion_timestamp.is_none() && select(&policy.spec, &shared.name, &labels).is_ok()
}

/// One step with one policy; false if there is nothing to do.
async fn step(shared: &Arc<Shared>, name: &str) -> bool {
    let (policy, enactment) = {
        let seen = shared.seen.lock().expect("no holder panics");
        let Some(policy) = seen.policies.get(name).filter(|policy| selects(shared, policy)) else {
            return false;
        };
        let enactment = seen.enactments.get(&format!("{}.{name}", shared.name)).cloned();
        (policy.clone(), enactment)
    };
    let generation = policy.generation();
    let Some(enactment) = enactment else {
        return create(shared, &policy).await;
    };
    let status = enactment.status.clone().unwrap_or_default();
    let content = serde_json::to_string(&policy.spec.desired_state).expect("JSON");
    if status.policy_generation != Some(generation) {
        let same = status.content_digest.as_deref() == Some(content.as_str());
        if same && !status.conditions.is_empty() && said(&status.conditions) != Said::Aborted {
            // Only the roll-out changed: nothing is applied again.
            return write(shared, &enactment, &content, generation, None).await;
        }
        let state = EnactmentState::waiting();
        return write(shared, &enactment, &content, generation, Some(&state)).await;
    }
    let granted = enactment.annotation(names::SLOT_ANNOTATION) == Some(generation.to_string().as_str());
    match said(&status.conditions) {
        Said::WaitingForSlot if granted => apply(shared, &enactment, &content, generation).await,
        Said::Nothing => {
            let state = EnactmentState::waiting();
            write(shared, &enactment, &content, generation, Some(&state)).await
        }
        _ => false,
    }
}

/// All attempts of one generation. A node does one thing at a time.
async fn apply(shared: &Shared, enactment: &Enactment, content: &str, generation: i64) -> bool {
    let mut failures = 0;
    loop {
        write(
            shared,
            enactment,
            content,
            generation,
            Some(&EnactmentState::Progressing),
        )
        .await;
        let (takes, ok) = {
            let mut script = shared.script.lock().expect("no holder panics");
            let (script, attempt) = &mut *script;
            let ok = script.ends[(*attempt).min(script.ends.len() - 1)];
            *attempt += 1;
            (script.takes, ok)
        };
        let now = shared.applying.fetch_add(1, Ordering::SeqCst) + 1;
        shared.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep(takes).await;
        shared.applying.fetch_sub(1, Ordering::SeqCst);
        if ok {
            return write(
                shared,
                enactment,
                content,
                generation,
                Some(&EnactmentState::available()),
            )
            .await;
        }
        failures += 1;
        if failures == MAX_RETRIES {
            let state = EnactmentState::Failing {
                reason: FailingReason::FailedToConfigure,
                message: "the script says so",
            };
            return write(shared, enactment, content, generation, Some(&state)).await;
        }
        let state = EnactmentState::Retrying {
            node: &shared.name,
            failures,
            limit: MAX_RETRIES,
        };
        write(shared, enactment, content, generation, Some(&state)).await;
        tokio::time::sleep(takes / 2).await;
    }
}

async fn create(shared: &Shared, policy: &Policy) -> bool {
    let name = format!("{}.{}", shared.name, policy.name());
    let object = json!({
        "metadata": {
            "name": name,
            "labels": {names::NODE_LABEL: shared.name, names::POLICY_LABEL: policy.name()},
            "annotations": {names::NODE_NAME_ANNOTATION: shared.name, names::POLICY_NAME_ANNOTATION: policy.name()},
            "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": shared.name, "uid": shared.node.metadata.uid}],
        },
    });
    let api: Api<Enactment> = Api::all(shared.client.clone());
    let made = api
        .create(
            &PostParams::default(),
            &serde_json::from_value(object).expect("an enactment"),
        )
        .await;
    match made {
        Ok(made) => drop(
            shared
                .seen
                .lock()
                .expect("no holder panics")
                .enactments
                .insert(name, made),
        ),
        // Deleted and not quite gone: the event wakes us.
        Err(kube::Error::Api(status)) if status.code == 409 => return false,
        Err(error) => panic!("cannot create {name}: {error}"),
    }
    true
}

/// Writes a state, or only the generation. True, for something was done.
async fn write(
    shared: &Shared,
    enactment: &Enactment,
    content: &str,
    generation: i64,
    state: Option<&EnactmentState<'_>>,
) -> bool {
    let name = enactment.name();
    let known = shared
        .seen
        .lock()
        .expect("no holder panics")
        .enactments
        .get(name)
        .cloned();
    let old = known.and_then(|known| known.status).unwrap_or_default();
    let mut conditions: Vec<Condition> = old.conditions;
    if state.is_some() && old.policy_generation.is_some_and(|before| before != generation) {
        conditions.clear();
    }
    if let Some(state) = state {
        state.write(&mut conditions, generation, Timestamp::now());
    }
    let status = EnactmentStatus {
        conditions,
        policy_generation: Some(generation),
        content_digest: Some(content.to_owned()),
        ..EnactmentStatus::default()
    };
    let api: Api<Enactment> = Api::all(shared.client.clone());
    let patch = Patch::Merge(json!({"status": status}));
    match api.patch_status(name, &PatchParams::default(), &patch).await {
        Ok(answer) => drop(
            shared
                .seen
                .lock()
                .expect("no holder panics")
                .enactments
                .insert(name.to_owned(), answer),
        ),
        // Deleted under our hands: the event wakes us.
        Err(kube::Error::Api(status)) if status.code == 404 => {
            shared
                .seen
                .lock()
                .expect("no holder panics")
                .enactments
                .remove(name);
        }
        Err(error) => panic!("cannot write {name}: {error}"),
    }
    true
}
