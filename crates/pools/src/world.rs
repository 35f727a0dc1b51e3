//! What the shell around the plan shares: the client, the guarded index, and the queues the index wakes.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use api::{
    capi::{Address, Claim, Cluster, ClusterVersion, Version},
    pool::Pool,
};
use jiff::Timestamp;
use kube::{Api, Client};
use runtime::{
    queue::{Backoff, WorkQueue},
    watch::{Key, Unreadable},
};
use tokio::{sync::Notify, time::Instant};

use crate::{
    announce::Announcer,
    metrics::{KindLabels, Metrics},
    plan::{
        index::{Index, Notice, Settings, Wake},
        name::{ObjectName, PoolName},
    },
};

/// Retries after an error of the API server: quick at first, since most are conflicts, and never so far apart that an
/// outage is felt long after its end. What was refused for good waits longer, see [`Index::settle`].
const BACKOFF: Backoff = Backoff {
    base: Duration::from_millis(50),
    max: Duration::from_secs(30),
};

/// Says whether this process may write now. Asked before every write.
pub type Holds = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a running pools controller is told from outside.
#[derive(Clone)]
pub struct Options {
    /// How long an address must be seen without its claim before it is released; zero never does (spec §11.8).
    pub orphan_delay: Duration,
    /// Concurrent writes for claims.
    pub claim_workers: usize,
    /// Pools served at once.
    pub pool_workers: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            orphan_delay: Duration::from_mins(10),
            claim_workers: 32,
            pool_workers: 16,
        }
    }
}

/// Everything shared by the workers of one epoch: the time in which the served API versions do not change.
pub struct World {
    /// The client.
    pub client: Client,
    /// Version claims and addresses are spoken in.
    pub version: Version,
    /// Version clusters are read in.
    pub cluster_version: ClusterVersion,
    /// Claims with something to do.
    pub claims: WorkQueue<ObjectName>,
    /// Pools with something to do.
    pub pools: WorkQueue<PoolName>,
    /// Addresses that may have lost their claim.
    pub orphans: WorkQueue<ObjectName>,
    /// What is measured.
    pub metrics: Metrics,
    /// Events for people.
    pub announcer: Announcer,
    /// Whether this process may write.
    pub holds: Holds,
    /// Asks for a fresh list of all addresses.
    pub refresh: Notify,
    /// From outside.
    pub options: Options,
    index: Mutex<Index>,
    written: Mutex<HashMap<PoolName, Instant>>,
    suspected: Mutex<HashMap<ObjectName, Timestamp>>,
    /// Objects, by kind, namespace and name, that a person has been told are unreadable.
    unreadable: Mutex<HashSet<(&'static str, String, String)>>,
}

impl World {
    /// A world with an empty index.
    pub fn new(
        client: Client,
        version: Version,
        cluster_version: ClusterVersion,
        settings: Settings,
        shared: Shared,
    ) -> Arc<Self> {
        let Shared {
            metrics,
            announcer,
            holds,
            options,
        } = shared;
        Arc::new(Self {
            client,
            version,
            cluster_version,
            claims: WorkQueue::new(BACKOFF),
            pools: WorkQueue::new(BACKOFF),
            orphans: WorkQueue::new(BACKOFF),
            metrics,
            announcer,
            holds,
            refresh: Notify::new(),
            options,
            index: Mutex::new(Index::new(settings)),
            written: Mutex::default(),
            suspected: Mutex::default(),
            unreadable: Mutex::default(),
        })
    }

    /// Reads the index.
    pub fn read<R>(&self, look: impl FnOnce(&Index) -> R) -> R {
        look(&lock(&self.index))
    }

    /// Changes the index and wakes whom it names.
    pub fn change<R>(&self, change: impl FnOnce(&mut Index, Timestamp, &mut Wake) -> R) -> R {
        let mut wake = Wake::default();
        let result = change(&mut lock(&self.index), Timestamp::now(), &mut wake);
        self.dispatch(wake, Urgency::Now);
        result
    }

    /// As [`Self::change`], for a list that shows the world as it already was: new work goes ahead of it.
    pub fn change_in_bulk<R>(&self, change: impl FnOnce(&mut Index, Timestamp, &mut Wake) -> R) -> R {
        let mut wake = Wake::default();
        let result = change(&mut lock(&self.index), Timestamp::now(), &mut wake);
        self.dispatch(wake, Urgency::WhenIdle);
        result
    }

    /// As [`Self::change`], for what the worker of a claim learns about that very claim: it need not be woken for it.
    pub fn learn_of_claim<R>(
        &self,
        claim: &ObjectName,
        change: impl FnOnce(&mut Index, Timestamp, &mut Wake) -> R,
    ) -> R {
        let mut wake = Wake::default();
        let result = change(&mut lock(&self.index), Timestamp::now(), &mut wake);
        wake.claims.retain(|name| name != claim);
        self.dispatch(wake, Urgency::Now);
        result
    }

    /// As [`Self::learn_of_claim`], for a pool.
    pub fn learn_of_pool<R>(
        &self,
        pool: &PoolName,
        change: impl FnOnce(&mut Index, Timestamp, &mut Wake) -> R,
    ) -> R {
        let mut wake = Wake::default();
        let result = change(&mut lock(&self.index), Timestamp::now(), &mut wake);
        wake.pools.retain(|name| name != pool);
        self.dispatch(wake, Urgency::Now);
        result
    }

    fn dispatch(&self, wake: Wake, urgency: Urgency) {
        for claim in wake.claims {
            match urgency {
                Urgency::Now => self.claims.add(claim),
                Urgency::WhenIdle => self.claims.add_low(claim),
            }
        }
        for pool in wake.pools {
            self.pools.add(pool);
        }
        if !self.options.orphan_delay.is_zero() {
            for address in wake.orphans {
                self.orphans.add_low(address);
            }
        }
        for notice in wake.notices {
            match notice {
                Notice::Duplicate { pool, address } => {
                    self.metrics.duplicates.inc();
                    self.announcer.duplicate(self, &pool, &address);
                }
            }
        }
    }

    /// How long ago a pool was last written, by this process.
    pub fn since_written(&self, pool: &PoolName) -> Option<Duration> {
        lock(&self.written).get(pool).map(Instant::elapsed)
    }

    /// A pool is being written now, or need not be remembered any more.
    pub fn note_written(&self, pool: &PoolName, remember: bool) {
        let mut written = lock(&self.written);
        if remember {
            written.insert(pool.clone(), Instant::now());
        } else {
            written.remove(pool);
        }
    }

    /// Since when an address has been under suspicion, which begins with the first call.
    pub fn suspected_since(&self, address: &ObjectName, now: Timestamp) -> Timestamp {
        *lock(&self.suspected).entry(address.clone()).or_insert(now)
    }

    /// An address is above suspicion.
    pub fn acquit(&self, address: &ObjectName) {
        lock(&self.suspected).remove(address);
    }

    /// A watch showed an object that cannot be read. A person hears of each once.
    pub fn unreadable(&self, kind: &'static str, object: &Unreadable) {
        self.metrics.unreadable.get_or_create(&KindLabels { kind }).inc();
        let Key { namespace, name } = object.key.clone();
        if lock(&self.unreadable).insert((kind, namespace.clone(), name.clone())) {
            let error = &object.error;
            tracing::warn!(
                kind,
                namespace,
                name,
                error,
                "object cannot be read; correct or delete it"
            );
        }
    }

    /// Claims of one namespace.
    pub fn claim_api(&self, namespace: &str) -> Api<Claim> {
        Api::namespaced_with(self.client.clone(), namespace, &self.version)
    }

    /// Addresses of one namespace.
    pub fn address_api(&self, namespace: &str) -> Api<Address> {
        Api::namespaced_with(self.client.clone(), namespace, &self.version)
    }

    /// Clusters of one namespace.
    pub fn cluster_api(&self, namespace: &str) -> Api<Cluster> {
        Api::namespaced_with(self.client.clone(), namespace, &self.cluster_version)
    }

    /// Pools of the kind, and in the namespace, of `pool`.
    pub fn pool_api<S>(&self, pool: &PoolName) -> Api<Pool<S>>
    where
        Pool<S>: kube::Resource<DynamicType = api::pool::PoolKind, Scope = kube::core::DynamicResourceScope>,
    {
        match pool.namespace() {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &pool.kind()),
            None => Api::all_with(self.client.clone(), &pool.kind()),
        }
    }
}

/// What outlives an epoch.
#[derive(Clone)]
pub struct Shared {
    /// What is measured.
    pub metrics: Metrics,
    /// Events for people.
    pub announcer: Announcer,
    /// Whether this process may write.
    pub holds: Holds,
    /// From outside.
    pub options: Options,
}

#[derive(Clone, Copy)]
enum Urgency {
    Now,
    WhenIdle,
}

/// A panic while the lock was held cannot leave the index half changed in a way that later events do not repair, and
/// the process ends on any panic of a task anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
