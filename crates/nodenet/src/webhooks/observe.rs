//! What the webhooks know of the cluster: three watches and their memory.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use api::nmstate::Policy;
use kube::api::Api;
use kube::runtime::watcher;
use kube::{Client, Resource};
use runtime::watch::{self, Guarded, WatchEvent};
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::Surroundings;
use crate::coordinator::{SlimEnactment, SlimNode};
use crate::names::{NODE_DESIRED_STATE, POLICY_LABEL};
use crate::plan::condition::enactment::Said;
use crate::plan::selector::Labels;

/// Objects of one kind by name; unknown until a whole list was seen.
#[derive(Debug)]
struct Known<T> {
    complete: bool,
    objects: BTreeMap<String, T>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self {
            complete: false,
            objects: BTreeMap::new(),
        }
    }
}

type Shared<T> = Arc<Mutex<Known<T>>>;

/// What was seen of policies, nodes and the enactments of nodes' own desired states.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    policies: Shared<Arc<Policy>>,
    nodes: Shared<Labels>,
    own: Shared<(String, Said)>,
}

impl Observed {
    /// Follows the cluster until `stop`.
    pub async fn run(self, client: Client, stop: CancellationToken) {
        let all = watcher::Config::default();
        let of_nodes = all
            .clone()
            .labels(&format!("{POLICY_LABEL}={NODE_DESIRED_STATE}"));
        let policies = follow(
            &client,
            all.clone(),
            self.policies,
            stop.clone(),
            |policy: Policy| Arc::new(policy),
        );
        let nodes = follow(&client, all, self.nodes, stop.clone(), |node: SlimNode| {
            node.metadata.labels.unwrap_or_default()
        });
        let own = follow(&client, of_nodes, self.own, stop, |enactment: SlimEnactment| {
            let view = enactment.view();
            (view.node, view.said)
        });
        futures::join!(policies, nodes, own);
    }
}

async fn follow<K, T>(
    client: &Client,
    config: watcher::Config,
    known: Shared<T>,
    stop: CancellationToken,
    keep: fn(K) -> T,
) where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>,
    K: Clone + DeserializeOwned + Debug + Send + 'static,
    T: Send + 'static,
{
    let mut listed = HashSet::new();
    let sink = move |event: WatchEvent<K>| {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            WatchEvent::Init => listed.clear(),
            WatchEvent::InitApply(object) => {
                let name = object.meta().name.clone().unwrap_or_default();
                listed.insert(name.clone());
                known.objects.insert(name, keep(object));
            }
            WatchEvent::Applied(object) => {
                let name = object.meta().name.clone().unwrap_or_default();
                known.objects.insert(name, keep(object));
            }
            WatchEvent::InitDone => {
                known.objects.retain(|name, _| listed.contains(name));
                known.complete = true;
            }
            WatchEvent::Deleted(key) => {
                known.objects.remove(&key.name);
            }
            WatchEvent::Unreadable(object) => {
                listed.insert(object.key.name);
            }
        }
    };
    let (status, _seen) = watch::status();
    watch::run(Api::<Guarded<K>>::all(client.clone()), config, status, sink, stop).await;
}

fn read<T, R>(known: &Shared<T>, look: impl FnOnce(&BTreeMap<String, T>) -> R) -> Option<R> {
    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
    known.complete.then(|| look(&known.objects))
}

impl Surroundings for Observed {
    fn nodes(&self) -> Option<BTreeMap<String, Labels>> {
        read(&self.nodes, Clone::clone)
    }

    fn policies(&self) -> Option<Vec<Arc<Policy>>> {
        read(&self.policies, |objects| objects.values().cloned().collect())
    }

    fn own_state(&self, node: &str) -> Option<Said> {
        read(&self.own, |objects| {
            objects.values().find(|(of, _)| of == node).map(|(_, said)| *said)
        })?
    }
}
