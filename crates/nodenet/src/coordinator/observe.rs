//! The watches: every event goes into the index at once, and only then wakes anybody.

use std::collections::HashSet;
use std::sync::Arc;

use api::nmstate::Policy;
use kube::api::Api;
use kube::runtime::watcher;
use runtime::watch::{self, Guarded, WatchEvent, WatchStatus};
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::index::version;
use super::slim::{SlimEnactment, SlimLease, SlimNode, SlimOperator, SlimPod, SlimState};
use super::{HANDLER_LEASE_PREFIX, World};
use crate::names::HANDLER_COMPONENT;

/// Objects per page of a list.
const PAGE: u32 = 200;

/// Starts all watches. Returned are those without which nothing is decided; settings and signs of life may be missing.
pub(super) fn start(
    world: &Arc<World>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Vec<channel::Receiver<WatchStatus>> {
    let client = &world.config.client;
    let inner = world.config.namespace.as_str();
    let all = watcher::Config::default().page_size(PAGE);
    let (key, value) = HANDLER_COMPONENT;
    let handlers = all.clone().labels(&format!("{key}={value}"));
    let mut needed = Vec::new();
    let mut needs = |status| needed.push(status);
    needs(follow::<Policy, _>(
        world,
        tasks,
        stop,
        Api::all(client.clone()),
        all.clone(),
        Policies,
    ));
    needs(follow::<SlimEnactment, _>(
        world,
        tasks,
        stop,
        Api::all(client.clone()),
        all.clone(),
        Enactments,
    ));
    needs(follow::<SlimNode, _>(
        world,
        tasks,
        stop,
        Api::all(client.clone()),
        all.clone(),
        Nodes,
    ));
    needs(follow::<SlimState, _>(
        world,
        tasks,
        stop,
        Api::all(client.clone()),
        all.clone(),
        States,
    ));
    needs(follow::<SlimPod, _>(
        world,
        tasks,
        stop,
        Api::namespaced(client.clone(), inner),
        handlers,
        Pods,
    ));
    let leases = Api::namespaced(client.clone(), inner);
    follow::<SlimLease, _>(world, tasks, stop, leases, all.clone(), Leases);
    follow::<SlimOperator, _>(world, tasks, stop, Api::all(client.clone()), all, Operators);
    needed
}

/// What a kind means to the index.
trait Kind<K>: Send + 'static {
    /// An object is there.
    fn seen(&self, world: &World, object: K);
    /// An object is gone.
    fn gone(&self, world: &World, name: &str);
    /// The names of all objects that are known.
    fn known(&self, world: &World) -> Vec<String>;
}

fn follow<K, S>(
    world: &Arc<World>,
    tasks: &TaskTracker,
    stop: &CancellationToken,
    api: Api<Guarded<K>>,
    config: watcher::Config,
    kind: S,
) -> channel::Receiver<WatchStatus>
where
    K: kube::Resource + Clone + serde::de::DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
    S: Kind<K>,
{
    let (sender, receiver) = watch::status();
    let world = Arc::clone(world);
    let mut listed = HashSet::new();
    let sink = move |event: WatchEvent<K>| match event {
        WatchEvent::Init => listed.clear(),
        WatchEvent::InitApply(object) => {
            listed.insert(object.meta().name.clone().unwrap_or_default());
            kind.seen(&world, object);
        }
        WatchEvent::Applied(object) => kind.seen(&world, object),
        WatchEvent::InitDone => {
            let listed = std::mem::take(&mut listed);
            for name in kind
                .known(&world)
                .into_iter()
                .filter(|name| !listed.contains(name))
            {
                kind.gone(&world, &name);
            }
        }
        WatchEvent::Deleted(key) => kind.gone(&world, &key.name),
        WatchEvent::Unreadable(object) => {
            // It exists, so what is known of it stays.
            listed.insert(object.key.name.clone());
            tracing::warn!(object = %object.key, error = object.error, "object cannot be read; correct it");
        }
    };
    tasks.spawn(watch::run(api, config, sender, sink, stop.clone()));
    receiver
}

struct Policies;

impl Kind<Policy> for Policies {
    fn seen(&self, world: &World, object: Policy) {
        world.change(|index| index.set_policy(object));
    }

    fn gone(&self, world: &World, name: &str) {
        world.policy_gone(name);
    }

    fn known(&self, world: &World) -> Vec<String> {
        world.read(super::index::Index::policy_names)
    }
}

struct Enactments;

impl Kind<SlimEnactment> for Enactments {
    fn seen(&self, world: &World, object: SlimEnactment) {
        let version = version(object.metadata.resource_version.as_deref());
        let view = object.view();
        let name = view.name.clone();
        world.change(|index| index.set_enactment(view, version));
        if world.read(|index| index.orphan(&name).is_some()) {
            world.suspect(name);
        }
    }

    fn gone(&self, world: &World, name: &str) {
        world.change(|index| index.drop_enactment(name));
    }

    fn known(&self, world: &World) -> Vec<String> {
        world.read(super::index::Index::enactment_names)
    }
}

struct Nodes;

impl Kind<SlimNode> for Nodes {
    fn seen(&self, world: &World, object: SlimNode) {
        let ready = object.is_ready();
        let name = object.metadata.name.unwrap_or_default();
        let labels = object.metadata.labels.unwrap_or_default();
        world.change(|index| index.set_node(&name, labels, ready));
    }

    fn gone(&self, world: &World, name: &str) {
        world.change(|index| index.drop_node(name));
        for enactment in world.read(|index| index.enactments_on(name)) {
            world.suspect(enactment);
        }
    }

    fn known(&self, world: &World) -> Vec<String> {
        world.read(super::index::Index::node_names)
    }
}

struct Pods;

impl Kind<SlimPod> for Pods {
    fn seen(&self, world: &World, object: SlimPod) {
        let name = object.metadata.name.clone().unwrap_or_default();
        world.change(|index| index.set_pod(&name, object.node()));
    }

    fn gone(&self, world: &World, name: &str) {
        world.change(|index| index.set_pod(name, None));
    }

    fn known(&self, world: &World) -> Vec<String> {
        world.read(super::index::Index::pod_names)
    }
}

struct States;

impl Kind<SlimState> for States {
    fn seen(&self, world: &World, object: SlimState) {
        let name = object.metadata.name.clone().unwrap_or_default();
        world.change(|index| index.set_managed(&name, object.is_managed()));
    }

    fn gone(&self, world: &World, name: &str) {
        world.change(|index| index.set_managed(name, true));
    }

    fn known(&self, world: &World) -> Vec<String> {
        world.read(super::index::Index::unmanaged_names)
    }
}

struct Leases;

impl Kind<SlimLease> for Leases {
    fn seen(&self, world: &World, object: SlimLease) {
        let name = object.metadata.name.as_deref().unwrap_or_default();
        if let Some(node) = name.strip_prefix(HANDLER_LEASE_PREFIX) {
            world.change(|index| index.set_sign(node, object.renewed()));
        }
    }

    fn gone(&self, world: &World, name: &str) {
        if let Some(node) = name.strip_prefix(HANDLER_LEASE_PREFIX) {
            world.change(|index| index.set_sign(node, None));
        }
    }

    fn known(&self, _: &World) -> Vec<String> {
        // A sign of life does not become untrue; old ones say so themselves.
        Vec::new()
    }
}

struct Operators;

impl Kind<SlimOperator> for Operators {
    fn seen(&self, world: &World, object: SlimOperator) {
        let setting = object.degraded_while_retrying();
        let age = object.metadata.creation_timestamp.map(|time| time.0);
        let name = object.metadata.name.unwrap_or_default();
        world.change(|index| index.set_operator(&name, Some((age, setting))));
    }

    fn gone(&self, world: &World, name: &str) {
        world.change(|index| index.set_operator(name, None));
    }

    fn known(&self, world: &World) -> Vec<String> {
        world.read(super::index::Index::operator_names)
    }
}
