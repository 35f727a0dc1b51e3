//! Events for people, within a budget.
//!
//! Events are writes: one per claim in a burst of ten thousand would cost as much as a third of the allocation itself.
//! So each sort has a token bucket; what does not fit in is dropped. Nothing is lost by that: the claim's condition
//! and the metrics say the same.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use api::{capi::ReadyReason, names::GROUP, pool::VERSION as POOL_VERSION};
use k8s_openapi::api::core::v1::ObjectReference;
use runtime::events::{EventType, Recorder};
use tokio::time::Instant;

use crate::{
    plan::name::{ObjectName, PoolName},
    world::World,
};

/// Good news: this many at once, then one every five seconds.
const NORMAL: (u32, Duration) = (16, Duration::from_secs(5));
/// Bad news: more at once, since each may need a person.
const WARNING: (u32, Duration) = (64, Duration::from_secs(1));

/// Sends events, as long as the budget lasts.
#[derive(Clone)]
pub struct Announcer {
    recorder: Option<Recorder>,
    normal: Arc<Mutex<Bucket>>,
    warning: Arc<Mutex<Bucket>>,
}

impl Announcer {
    /// Sends through `recorder`; `None` sends nothing.
    #[must_use]
    pub fn new(recorder: Option<Recorder>) -> Self {
        let bucket = |(size, every)| Arc::new(Mutex::new(Bucket::full(size, every)));
        Self {
            recorder,
            normal: bucket(NORMAL),
            warning: bucket(WARNING),
        }
    }

    /// A claim was bound.
    pub fn allocated(&self, world: &World, claim: &ObjectName, note: &str) {
        self.send(
            EventType::Normal,
            || claim_reference(world, claim),
            "AddressAllocated",
            "Allocate",
            note,
        );
    }

    /// The address of a claim was released.
    pub fn released(&self, world: &World, claim: &ObjectName, note: &str) {
        self.send(
            EventType::Normal,
            || claim_reference(world, claim),
            "AddressReleased",
            "Release",
            note,
        );
    }

    /// A claim gets nothing; once per transition.
    pub fn refused(&self, world: &World, claim: &ObjectName, reason: ReadyReason, note: &str) {
        self.send(
            EventType::Warning,
            || claim_reference(world, claim),
            reason.as_str(),
            "Allocate",
            note,
        );
    }

    /// A pool ran full.
    pub fn pool_exhausted(&self, world: &World, pool: &PoolName) {
        let note = format!("{pool} has nothing free; enlarge it or delete claims that are no longer needed");
        self.send(
            EventType::Warning,
            || pool_reference(world, pool),
            "PoolExhausted",
            "Allocate",
            &note,
        );
    }

    /// Addresses in use lie outside the pool.
    pub fn out_of_range(&self, world: &World, pool: &PoolName, count: i64) {
        let note =
            format!("{count} addresses in use are not part of {pool}; add them to it or delete their claims");
        self.send(
            EventType::Warning,
            || pool_reference(world, pool),
            "AddressOutOfRange",
            "Allocate",
            &note,
        );
    }

    /// Two objects of one pool hold the same address.
    pub fn duplicate(&self, world: &World, pool: &PoolName, address: &ObjectName) {
        let note = format!("IPAddress {address} repeats an address that another IPAddress of {pool} holds");
        tracing::error!(%pool, %address, "duplicate address");
        self.send(
            EventType::Warning,
            || pool_reference(world, pool),
            "DuplicateAddress",
            "Observe",
            &note,
        );
    }

    /// An address without a claim was released.
    pub fn orphan_released(&self, world: &World, pool: &PoolName, address: &ObjectName) {
        let note = format!("IPAddress {address} had no claim any more and was released");
        self.send(
            EventType::Warning,
            || pool_reference(world, pool),
            "OrphanReleased",
            "Release",
            &note,
        );
    }

    fn send(
        &self,
        kind: EventType,
        regarding: impl FnOnce() -> ObjectReference,
        reason: &str,
        action: &str,
        note: &str,
    ) {
        let Some(recorder) = &self.recorder else { return };
        let bucket = if kind == EventType::Normal {
            &self.normal
        } else {
            &self.warning
        };
        if bucket
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(Instant::now())
        {
            recorder.record(&regarding(), kind, reason, action, note);
        }
    }
}

fn claim_reference(world: &World, claim: &ObjectName) -> ObjectReference {
    let version = world.read(|index| index.claim(claim).map(|c| c.version.clone()));
    ObjectReference {
        api_version: Some(format!("{GROUP}/{}", world.version)),
        kind: Some("IPAddressClaim".to_owned()),
        namespace: Some(claim.namespace().to_owned()),
        name: Some(claim.name().to_owned()),
        uid: version.map(|v| v.uid.to_string()),
        ..ObjectReference::default()
    }
}

fn pool_reference(world: &World, pool: &PoolName) -> ObjectReference {
    let version = world.read(|index| Some(index.pool(pool)?.facts()?.version.clone()));
    ObjectReference {
        api_version: Some(format!("{GROUP}/{POOL_VERSION}")),
        kind: Some(pool.kind().to_string()),
        namespace: pool.namespace().map(str::to_owned),
        name: Some(pool.name().to_owned()),
        uid: version.map(|v| v.uid.to_string()),
        ..ObjectReference::default()
    }
}

/// A token bucket.
struct Bucket {
    size: u32,
    every: Duration,
    tokens: u32,
    filled: Instant,
}

impl Bucket {
    fn full(size: u32, every: Duration) -> Self {
        Self {
            size,
            every,
            tokens: size,
            filled: Instant::now(),
        }
    }

    fn take(&mut self, now: Instant) -> bool {
        while self.tokens < self.size && self.filled + self.every <= now {
            self.tokens += 1;
            self.filled += self.every;
        }
        if self.tokens == self.size {
            self.filled = now;
        }
        let granted = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        granted
    }
}
