//! Promises that nobody redeems, step by step; what happens in any order is the simulation's.

mod wakes;

use api::{
    capi::{self, ReadyReason},
    pool::AddressPoolSpec,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{Index, PoolEntry, PoolSpec, Settings, Settled, Wake};
use crate::plan::{
    claim::{Confirmed, Next, Waits},
    facts::{AddressFacts, ClaimFacts, ConditionHome, PoolFacts, Scope},
    name::{ObjectName, PoolName},
    orphan::{Suspicion, suspect},
    pool::{self, NextForPool},
};

const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// An index, a clock, and the names of the one pool and the one claim.
struct World {
    index: Index,
    now: Timestamp,
    version: u64,
    pool: PoolName,
    claim: ObjectName,
}

impl World {
    fn new(spec: &Value) -> Self {
        let settings = Settings {
            holder: "us".to_owned(),
            ..Settings::default()
        };
        let pool = PoolName::new(api::pool::PoolKind::InClusterIPPool, "ns", "p");
        let claim = ObjectName::new("ns", "a");
        let mut world = Self {
            index: Index::new(settings),
            now: START,
            version: 1,
            pool,
            claim,
        };
        world.see_pool(spec, &json!({}));
        world.see_claim("one", &json!({}));
        world
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn change<R>(&mut self, change: impl FnOnce(&mut Index, Timestamp, &mut Wake) -> R) -> (R, Wake) {
        let mut wake = Wake::default();
        let result = change(&mut self.index, self.now, &mut wake);
        (result, wake)
    }

    fn meta(&mut self, name: &str, uid: &str, more: &Value) -> Value {
        self.version += 1;
        let mut meta = json!({
            "name": name, "namespace": "ns", "uid": uid, "resourceVersion": self.version.to_string(),
            "creationTimestamp": START.to_string(),
        });
        meta.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        meta
    }

    fn see_pool(&mut self, spec: &Value, more: &Value) -> Wake {
        let meta = self.meta("p", "pool", more);
        let pool: api::pool::Pool<AddressPoolSpec> =
            serde_json::from_value(json!({"metadata": meta, "spec": spec})).expect("a pool");
        let (name, facts) = (self.pool.clone(), PoolFacts::read(&pool));
        self.change(|index, now, wake| {
            index.apply_pool(&name, facts, PoolSpec::Addresses(pool.spec), now, wake);
        })
        .1
    }

    fn see_claim(&mut self, uid: &str, more: &Value) -> Wake {
        let mut meta = self.meta("a", uid, &json!({"finalizers": [api::names::RELEASE_ADDRESS]}));
        meta.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        let spec =
            json!({"poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "p"}});
        let claim: capi::Claim =
            serde_json::from_value(json!({"metadata": meta, "spec": spec})).expect("a claim");
        let facts = ClaimFacts::read(&claim, &Scope::default(), ConditionHome::Status).expect("ours");
        self.change(|index, now, wake| index.apply_claim(facts, now, wake))
            .1
    }

    fn see_claim_go(&mut self) {
        let name = self.claim.clone();
        self.change(|index, now, wake| index.delete_claim(&name, now, wake));
    }

    fn address(&mut self) -> AddressFacts {
        self.address_of("a", "a")
    }

    /// An address of ours under this name, which answers this claim.
    fn address_of(&mut self, name: &str, claim: &str) -> AddressFacts {
        let finalizers = json!({"finalizers": [api::names::PROTECT_ADDRESS]});
        let meta = self.meta(name, "address", &finalizers);
        let spec = json!({
            "claimRef": {"name": claim}, "address": "10.0.0.5", "prefix": 24,
            "poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "p"},
        });
        let address: capi::Address =
            serde_json::from_value(json!({"metadata": meta, "spec": spec})).expect("an address");
        AddressFacts::read(&address)
    }

    fn see_address(&mut self) {
        let facts = self.address();
        self.change(|index, now, wake| index.apply_address(facts, now, wake));
    }

    fn see_address_go(&mut self) {
        let name = self.claim.clone();
        self.change(|index, now, wake| index.delete_address(&name, now, wake));
    }

    /// The pool's worker promises what it can, and the API server takes the journal.
    fn record(&mut self) {
        let pool = self.pool.clone();
        self.change(|index, now, _| {
            assert_eq!(index.promise(&pool, 10), 1);
            let journal = index.journal(&pool).expect("a promise is to be written");
            assert_eq!(index.recorded(&pool, &journal, now).len(), 1);
        });
    }

    /// The claim's worker sends a create, which ends like this.
    fn create(&mut self, outcome: &Settled) {
        let claim = self.index.claim(&self.claim).expect("the claim").clone();
        self.change(|index, now, wake| {
            index.begin_create(&claim.name, now).expect("a promise");
            index.settle(&claim, outcome, now, wake);
        });
    }

    fn entry(&self) -> &PoolEntry {
        self.index.pool(&self.pool).expect("the pool")
    }

    fn is_free(&self) -> bool {
        !self.entry().ledger().expect("usable").is_exhausted()
    }

    fn sweep(&mut self) -> Option<Timestamp> {
        let pool = self.pool.clone();
        self.change(|index, now, wake| index.sweep(&pool, now, wake)).0
    }
}

fn one_address() -> Value {
    json!({"addresses": ["10.0.0.5"], "prefix": 24})
}

/// A claim that goes before the watch shows its address must not block the pool, nor the slot, for longer than that.
#[test]
fn the_address_of_a_claim_that_is_gone_ends_its_promise_when_it_is_seen() {
    let mut world = World::new(&one_address());
    world.record();
    world.create(&Settled::Created);
    world.see_claim_go();
    assert!(!world.is_free(), "the address may exist");
    world.see_address();
    world.see_address_go();
    assert!(world.is_free(), "it was seen to come and to go");
    assert!(world.entry().is_unused());
}

/// The same when the watch never shows it, while the pool is being deleted: its finalizer must go at some time.
#[test]
fn a_promise_of_nobody_does_not_keep_a_deleted_pool() {
    let mut world = World::new(&one_address());
    world.record();
    world.create(&Settled::Created);
    world.see_claim_go();
    world.see_pool(
        &one_address(),
        &json!({
            "deletionTimestamp": START.to_string(), "finalizers": [api::names::PROTECT_POOL],
        }),
    );
    assert_eq!(pool::next(world.entry()), NextForPool::Rest);
    let until = world.sweep().expect("it runs out");
    world.now = until;
    world.sweep();
    assert_eq!(pool::next(world.entry()), NextForPool::RemoveFinalizer);
}

/// A create whose answer was lost may arrive after a later one was refused or not sent.
#[test]
fn a_lost_answer_outlives_later_answers() {
    for later in [Settled::NotExecuted, Settled::Refused("quota".to_owned())] {
        let mut world = World::new(&one_address());
        world.record();
        world.create(&Settled::Unknown);
        world.create(&later);
        world.see_claim_go();
        world.sweep();
        assert!(
            !world.is_free(),
            "the first create may still arrive after {later:?}"
        );
        world.pass(60);
        world.sweep();
        assert!(world.is_free(), "no request lasts that long");
    }
}

#[test]
fn a_refused_create_gives_its_slot_back_at_once() {
    let mut world = World::new(&one_address());
    world.record();
    world.create(&Settled::Refused("quota".to_owned()));
    assert!(world.is_free());
}

/// A pool that is going gives nothing away that was not sent before: its worker does not wait for it.
#[test]
fn nothing_is_sent_for_a_pool_that_is_going() {
    let mut world = World::new(&one_address());
    world.record();
    world.see_pool(
        &one_address(),
        &json!({"deletionTimestamp": START.to_string(), "finalizers": ["x"]}),
    );
    let claim = world.claim.clone();
    let (granted, _) = world.change(|index, now, _| index.begin_create(&claim, now));
    assert_eq!(granted, None);
    let (pool, (_, wake)) = (
        world.pool.clone(),
        world.change(|index, now, wake| index.withdraw(&claim, now, wake)),
    );
    assert!(wake.pools.contains(&pool));
}

/// A promise that must be made again is written again, even if the journal still lists the one before.
#[test]
fn a_promise_is_written_although_the_journal_lists_it_already() {
    let mut world = World::new(&one_address());
    let pool = world.pool.clone();
    world.change(|index, _, _| index.promise(&pool, 10));
    let journal = world.index.journal(&pool).expect("to be written");
    let status = json!({"allocation": serde_json::to_value(&journal).expect("JSON")});
    let meta = world.meta("p", "pool", &json!({}));
    let stored: api::pool::Pool<AddressPoolSpec> =
        serde_json::from_value(json!({"metadata": meta, "spec": one_address(), "status": status}))
            .expect("a pool");
    world.change(|index, now, wake| {
        index.apply_pool(
            &pool,
            PoolFacts::read(&stored),
            PoolSpec::Addresses(stored.spec.clone()),
            now,
            wake,
        );
        index.recorded(&pool, &journal, now);
    });
    world.create(&Settled::Refused("quota".to_owned()));
    world.pass(10);
    let claim = world.claim.clone();
    world.change(|index, now, wake| index.requeue(&claim, now, wake));
    let (promised, _) = world.change(|index, _, _| index.promise(&pool, 10));
    assert_eq!(promised, 1);
    assert!(
        world.index.journal(&pool).is_some(),
        "or the claim would wait for ever"
    );
}

/// The address is on its way to the watch: a grace period holds for it, too.
#[test]
fn grace_holds_for_an_address_the_watch_has_not_shown() {
    let mut spec = one_address();
    spec["addressReuseGracePeriodSeconds"] = json!(60);
    let mut world = World::new(&spec);
    world.record();
    world.create(&Settled::Created);
    world.see_claim("one", &json!({"deletionTimestamp": START.to_string()}));
    let next = world.index.next(&world.claim, Confirmed::default(), world.now);
    assert!(matches!(next, Some(Next::Rest(Waits::Grace(_)))), "{next:?}");
    world.pass(61);
    let next = world.index.next(&world.claim, Confirmed::default(), world.now);
    assert_eq!(next, Some(Next::Release));
}

/// What was refused because of the pool is tried again as soon as the pool changes.
#[test]
fn a_changed_pool_forgives_refusals() {
    let mut world = World::new(&one_address());
    world.record();
    world.create(&Settled::Refused("gateway".to_owned()));
    let waits = |world: &World| world.index.next(&world.claim, Confirmed::default(), world.now);
    assert!(matches!(
        waits(&world),
        Some(Next::Report(ReadyReason::AllocationFailed, _))
    ));
    let mut spec = one_address();
    spec["gateway"] = json!("10.0.0.1");
    let wake = world.see_pool(&spec, &json!({}));
    assert_eq!(waits(&world), Some(Next::Rest(Waits::Queue)));
    assert!(wake.claims.contains(&world.claim));
}

/// The worker of a pool that is gone has something to tidy up.
#[test]
fn a_pool_that_is_gone_is_looked_at_once_more() {
    let mut world = World::new(&one_address());
    let name = world.pool.clone();
    let ((), wake) = world.change(|index, _, wake| index.delete_pool(&name, wake));
    assert!(wake.pools.contains(&name));
}

/// A claim that took over an address clears it of suspicion: its own end begins a new one.
#[test]
fn a_new_claim_of_an_orphan_is_a_reason_to_look_at_it() {
    let mut world = World::new(&one_address());
    world.see_claim_go();
    world.see_address();
    assert!(matches!(
        suspect(&world.index, world.index.address(&world.claim).expect("seen")),
        Suspicion::Orphan { .. }
    ));
    let claim = world.claim.clone();
    let meta = world.meta("a", "two", &json!({}));
    let spec =
        json!({"poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "p"}});
    let object: capi::Claim =
        serde_json::from_value(json!({"metadata": meta, "spec": spec})).expect("a claim");
    let facts = ClaimFacts::read(&object, &Scope::default(), ConditionHome::Status).expect("ours");
    let ((), wake) = world.change(|index, now, wake| index.apply_claim(facts, now, wake));
    assert!(wake.orphans.contains(&claim));
    assert_eq!(
        suspect(&world.index, world.index.address(&world.claim).expect("seen")),
        Suspicion::None
    );
}

/// Unseen after a complete list: the create is sent again, which finds out what became of the first.
#[test]
fn what_a_complete_list_does_not_show_is_created_again() {
    let mut world = World::new(&one_address());
    world.record();
    world.create(&Settled::Created);
    let ((), wake) =
        world.change(|index, now, wake| index.retain_addresses(&std::collections::HashSet::new(), now, wake));
    assert!(wake.pools.contains(&world.pool), "the pool signs it anew");
    assert!(!world.is_free());
    let pool = world.pool.clone();
    world.change(|index, now, _| {
        let journal = index.journal(&pool).expect("to be signed");
        assert_eq!(
            index.recorded(&pool, &journal, now).len(),
            1,
            "the claim is served again"
        );
    });
    world.create(&Settled::Exists);
    world.see_address();
    let name = world.claim.clone();
    assert!(world.index.address(&name).is_some());
}

/// An answer that comes late may show an older journal, in which the claim was promised something else.
#[test]
fn an_older_journal_makes_no_newer_promise_hold() {
    let mut world = World::new(&json!({"addresses": ["10.0.0.5-10.0.0.6"], "prefix": 24}));
    let (pool, claim) = (world.pool.clone(), world.claim.clone());
    world.change(|index, _, _| index.promise(&pool, 10));
    let old = world.index.journal(&pool).expect("a promise is to be written");
    world.change(|index, now, _| index.recorded(&pool, &old, now));
    world.create(&Settled::Refused("quota".to_owned()));
    // Somebody else takes the address that was refused.
    let mut other = world.address();
    other.name = ObjectName::new("ns", "by-hand");
    other.has_finalizer = false;
    world.change(|index, now, wake| index.apply_address(other, now, wake));
    world.pass(2);
    world.change(|index, now, wake| index.requeue(&claim, now, wake));
    let (promised, _) = world.change(|index, _, _| index.promise(&pool, 10));
    assert_eq!(promised, 1);
    let (served, _) = world.change(|index, now, _| index.recorded(&pool, &old, now));
    assert!(
        served.is_empty(),
        "the old journal lists 10.0.0.5, the promise is 10.0.0.6"
    );
    let (granted, _) = world.change(|index, now, _| index.begin_create(&claim, now));
    assert_eq!(granted, None);
}
