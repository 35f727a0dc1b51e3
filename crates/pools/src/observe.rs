//! The watches: every event goes into the index at once, and only then wakes anybody.
//!
//! An object that cannot be read stays in the index as it was; if it was never read it is unknown, and nothing is
//! released or deleted because of that: whoever would act on its absence asks the API server first.

use std::{collections::HashSet, fmt::Debug, sync::Arc};

use api::{
    capi::{Address, Claim, Cluster},
    pool::{AddressPoolSpec, Pool, PoolKind, PrefixPoolSpec},
};
use kube::{Api, Resource, ResourceExt as _, runtime::watcher};
use runtime::watch::{self, Guarded, Key, WatchEvent, WatchStatus};
use serde::de::DeserializeOwned;
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;

use crate::{
    plan::{
        facts::{AddressFacts, ClaimFacts, ClusterFacts, PoolFacts},
        index::PoolSpec,
        name::{ObjectName, PoolName},
    },
    world::World,
};

/// How a watch is doing, to be followed from outside.
pub type Status = channel::Sender<WatchStatus>;

/// Objects per page of a list. Larger pages cost memory on both sides, smaller ones round trips.
const PAGE: u32 = 500;

fn config() -> watcher::Config {
    watcher::Config::default().page_size(PAGE)
}

/// The kinds of specs a pool can have.
pub trait Spec: Clone + Debug + DeserializeOwned + Send + Sync + 'static {
    /// The spec as the plan takes it.
    fn into_plan(self) -> PoolSpec;
}

impl Spec for AddressPoolSpec {
    fn into_plan(self) -> PoolSpec {
        PoolSpec::Addresses(self)
    }
}

impl Spec for PrefixPoolSpec {
    fn into_plan(self) -> PoolSpec {
        PoolSpec::Prefixes(self)
    }
}

/// Follows the claims of one namespace, or of all.
pub async fn claims(world: Arc<World>, namespace: Option<String>, status: Status, stop: CancellationToken) {
    let api: Api<Guarded<Claim>> = scoped(&world, namespace.as_deref(), &world.version);
    let mut listed = HashSet::new();
    let read = |claim: &Claim| {
        world.read(|index| ClaimFacts::read(claim, &index.settings().scope, index.settings().conditions))
    };
    let sink = |event: WatchEvent<Claim>| match event {
        WatchEvent::Init => listed.clear(),
        WatchEvent::InitApply(claim) => {
            if let Some(facts) = read(&claim) {
                listed.insert(facts.name.clone());
                world.change_in_bulk(|index, now, wake| index.apply_claim(facts, now, wake));
            }
        }
        WatchEvent::InitDone => {
            let listed = std::mem::take(&mut listed);
            world.change(|index, now, wake| index.retain_claims(&listed, now, wake));
        }
        WatchEvent::Applied(claim) => {
            if let Some(facts) = read(&claim) {
                world.change(|index, now, wake| index.apply_claim(facts, now, wake));
            }
        }
        WatchEvent::Deleted(key) => {
            world.change(|index, now, wake| index.delete_claim(&named(&key), now, wake));
        }
        WatchEvent::Unreadable(claim) => {
            listed.insert(named(&claim.key));
            world.unreadable("IPAddressClaim", &claim);
        }
    };
    watch::run(api, config(), status, sink, stop).await;
}

/// Follows the addresses of one namespace, or of all; lists them afresh whenever the world asks for it.
pub async fn addresses(
    world: Arc<World>,
    namespace: Option<String>,
    status: Status,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        world.change(|index, _, _| index.refresh_begins());
        let round = stop.child_token();
        let watching = follow_addresses(world.clone(), namespace.as_deref(), status.clone(), round.clone());
        tokio::select! {
            () = watching => {}
            () = world.refresh.notified() => round.cancel(),
        }
    }
}

async fn follow_addresses(
    world: Arc<World>,
    namespace: Option<&str>,
    status: Status,
    stop: CancellationToken,
) {
    let api: Api<Guarded<Address>> = scoped(&world, namespace, &world.version);
    let mut listed = HashSet::new();
    let sink = |event: WatchEvent<Address>| match event {
        WatchEvent::Init => listed.clear(),
        WatchEvent::InitApply(address) => {
            let facts = AddressFacts::read(&address);
            listed.insert(facts.name.clone());
            world.change_in_bulk(|index, now, wake| index.apply_address(facts, now, wake));
        }
        WatchEvent::InitDone => {
            let listed = std::mem::take(&mut listed);
            let again = world.change(|index, now, wake| {
                index.retain_addresses(&listed, now, wake);
                index.refresh_ends(wake)
            });
            if again {
                world.refresh.notify_one();
            }
        }
        WatchEvent::Applied(address) => {
            let facts = AddressFacts::read(&address);
            world.change(|index, now, wake| index.apply_address(facts, now, wake));
        }
        WatchEvent::Deleted(key) => {
            world.change(|index, now, wake| index.delete_address(&named(&key), now, wake));
        }
        WatchEvent::Unreadable(address) => {
            // What it holds must not look free.
            let facts = AddressFacts::salvage(&address.object);
            listed.insert(facts.name.clone());
            world.change(|index, now, wake| index.apply_address(facts, now, wake));
            world.unreadable("IPAddress", &address);
        }
    };
    watch::run(api, config(), status, sink, stop).await;
}

/// Follows the clusters of one namespace, or of all.
pub async fn clusters(world: Arc<World>, namespace: Option<String>, status: Status, stop: CancellationToken) {
    let api: Api<Guarded<Cluster>> = scoped(&world, namespace.as_deref(), &world.cluster_version);
    let mut listed = HashSet::new();
    let sink = |event: WatchEvent<Cluster>| match event {
        WatchEvent::Init => listed.clear(),
        WatchEvent::InitApply(cluster) | WatchEvent::Applied(cluster) => {
            let name = object_name(&cluster);
            listed.insert(name.clone());
            world.change(|index, now, wake| {
                index.apply_cluster(&name, ClusterFacts::read(&cluster), now, wake);
            });
        }
        WatchEvent::InitDone => {
            let listed = std::mem::take(&mut listed);
            world.change(|index, now, wake| {
                index.retain_clusters(&listed, now, wake);
                index.set_clusters_known(true, now, wake);
            });
        }
        WatchEvent::Deleted(key) => {
            world.change(|index, now, wake| index.delete_cluster(&named(&key), now, wake));
        }
        WatchEvent::Unreadable(cluster) => {
            listed.insert(named(&cluster.key));
            world.unreadable("Cluster", &cluster);
        }
    };
    watch::run(api, config(), status, sink, stop).await;
}

/// Follows the pools of one kind, in one namespace or in all.
pub async fn pools<S: Spec>(
    world: Arc<World>,
    kind: PoolKind,
    namespace: Option<String>,
    status: Status,
    stop: CancellationToken,
) {
    let namespace = namespace.filter(|_| kind.is_namespaced());
    let api: Api<Guarded<Pool<S>>> = match namespace {
        Some(namespace) => Api::namespaced_with(world.client.clone(), &namespace, &kind),
        None => Api::all_with(world.client.clone(), &kind),
    };
    let mut listed = HashSet::new();
    let sink = |event: WatchEvent<Pool<S>>| match event {
        WatchEvent::Init => listed.clear(),
        WatchEvent::InitApply(pool) | WatchEvent::Applied(pool) => {
            let name = pool_name(kind, &pool);
            listed.insert(name.clone());
            let facts = PoolFacts::read(&pool);
            world.change(|index, now, wake| index.apply_pool(&name, facts, pool.spec.into_plan(), now, wake));
        }
        WatchEvent::InitDone => {
            let listed = std::mem::take(&mut listed);
            world.change(|index, _, wake| index.retain_pools(kind, &listed, wake));
        }
        WatchEvent::Deleted(key) => {
            let name = PoolName::new(kind, &key.namespace, &key.name);
            world.change(|index, _, wake| index.delete_pool(&name, wake));
        }
        WatchEvent::Unreadable(pool) => {
            listed.insert(PoolName::new(kind, &pool.key.namespace, &pool.key.name));
            world.unreadable(kind.kind(), &pool);
        }
    };
    watch::run(api, config(), status, sink, stop).await;
}

fn scoped<K>(world: &World, namespace: Option<&str>, version: &K::DynamicType) -> Api<Guarded<K>>
where
    K: Resource<Scope = kube::core::DynamicResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced_with(world.client.clone(), namespace, version),
        None => Api::all_with(world.client.clone(), version),
    }
}

fn named(key: &Key) -> ObjectName {
    ObjectName::new(&key.namespace, &key.name)
}

fn object_name<K: Resource>(object: &K) -> ObjectName {
    let meta = object.meta();
    ObjectName::new(
        meta.namespace.as_deref().unwrap_or_default(),
        meta.name.as_deref().unwrap_or_default(),
    )
}

fn pool_name<S>(kind: PoolKind, pool: &Pool<S>) -> PoolName {
    PoolName::new(
        kind,
        pool.namespace().as_deref().unwrap_or_default(),
        &pool.name_any(),
    )
}
