//! Spec §11.8: addresses whose claim is gone.

use std::{sync::Arc, time::Duration};

use api::{
    names::{CLUSTER_NAME, PAUSED, PROTECT_ADDRESS},
    pool::PoolKind,
};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use pools::announce::Announcer;
use runtime::events::Recorder;
use serde_json::{Value, json};
use testkit::eventually;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    ground::{Controller, Ns, PATIENCE, cluster, finalizers, gone},
    stage::{Stage, stage},
    witness::Witness,
};

const POOL: PoolKind = PoolKind::InClusterIPPool;
const DELAY: Duration = Duration::from_secs(1);

async fn start(stage: &Stage) -> Controller {
    stage
        .controller_with(|config| config.shared.options.orphan_delay = DELAY)
        .await
}

async fn pool(ns: &Ns) {
    ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}))
        .await;
}

/// An address of ours whose claim does not exist.
async fn orphan(ns: &Ns, name: &str, address: &str, labels: Value) {
    let meta = json!({"finalizers": [PROTECT_ADDRESS], "labels": labels});
    ns.address(name, POOL.kind(), "p", address, 24, meta).await;
}

/// An orphan made now is released: whatever was an orphan before it would have been, too.
async fn barrier(ns: &Ns) {
    orphan(ns, "barrier", "10.0.0.9", json!({})).await;
    ns.address_gone("barrier").await;
}

#[tokio::test]
async fn an_orphan_is_released_and_a_manual_reservation_is_not() {
    let stage = stage("orphan").await;
    let ns = &stage.ns;
    pool(ns).await;
    let before = ns
        .address("by-hand", POOL.kind(), "p", "10.0.0.5", 24, json!({}))
        .await;
    orphan(ns, "before-start", "10.0.0.6", json!({})).await;
    let witness = Witness::of(ns.addresses()).await;
    let started = jiff::Timestamp::now();
    let controller = start(&stage).await;
    ns.address_gone("before-start").await;
    let gone = witness
        .sees("it goes", |s| s.name == "before-start" && s.gone)
        .await;
    let age = gone.time.duration_since(started);
    assert!(
        age >= jiff::SignedDuration::try_from(DELAY).expect("fits"),
        "released {age:#} after the start"
    );
    barrier(ns).await;
    assert_eq!(ns.addresses().get("by-hand").await.expect("stays"), before);
    assert_eq!(
        ns.take("a", "p").await,
        "10.0.0.6",
        "the orphan's address is free, the reservation's is not"
    );
    controller.stop();
}

/// The finalizer of a claim was forced off while its pool was paused: nothing happens until the pause ends.
#[tokio::test]
async fn an_orphan_of_a_paused_pool_waits_for_the_end_of_the_pause() {
    let stage = stage("orphan-pause").await;
    let ns = &stage.ns;
    let controller = start(&stage).await;
    pool(ns).await;
    ns.take("a", "p").await;
    let pause = |value: Value| json!({"metadata": {"annotations": {PAUSED: value}}});
    ns.patch(&ns.pools(POOL), "p", pause(json!(""))).await;
    ns.barrier().await;
    ns.delete_claim("a").await;
    ns.patch(&ns.claims(), "a", json!({"metadata": {"finalizers": null}}))
        .await;
    ns.claim_gone("a").await;
    // Another pool's orphan, made later, is released meanwhile.
    ns.pool("q", json!({"addresses": ["10.0.1.5"], "prefix": 24}))
        .await;
    ns.address(
        "later",
        POOL.kind(),
        "q",
        "10.0.1.5",
        24,
        json!({"finalizers": [PROTECT_ADDRESS]}),
    )
    .await;
    ns.address_gone("later").await;
    let address = ns.addresses().get("a").await.expect("it stays");
    assert!(address.metadata.deletion_timestamp.is_none());
    ns.patch(&ns.pools(POOL), "p", pause(Value::Null)).await;
    ns.address_gone("a").await;
    controller.stop();
}

/// Neither is anything released whose pool or labelled cluster is missing: the owner may still be on its way here.
#[tokio::test]
async fn an_orphan_of_a_missing_pool_or_cluster_is_left_alone() {
    let stage = stage("orphan-missing").await;
    let ns = &stage.ns;
    let controller = start(&stage).await;
    ns.address(
        "no-pool",
        POOL.kind(),
        "missing",
        "10.0.2.5",
        24,
        json!({"finalizers": [PROTECT_ADDRESS]}),
    )
    .await;
    pool(ns).await;
    orphan(ns, "no-cluster", "10.0.0.5", json!({CLUSTER_NAME: "c1"})).await;
    orphan(ns, "paused-cluster", "10.0.0.6", json!({CLUSTER_NAME: "c2"})).await;
    ns.cluster("c2", json!({}), json!({"paused": true})).await;
    barrier(ns).await;
    barrier(ns).await;
    for name in ["no-pool", "no-cluster", "paused-cluster"] {
        let address = ns.addresses().get(name).await.expect("stays");
        assert!(address.metadata.deletion_timestamp.is_none(), "{name}");
    }
    ns.cluster("c1", json!({}), json!({})).await;
    ns.patch(&ns.clusters(), "c2", json!({"spec": {"paused": false}}))
        .await;
    ns.pool("missing", json!({"addresses": ["10.0.2.5"], "prefix": 24}))
        .await;
    for name in ["no-pool", "no-cluster", "paused-cluster"] {
        ns.address_gone(name).await;
    }
    controller.stop();
}

/// A claim that comes back in time keeps its address.
#[tokio::test]
async fn an_orphan_whose_claim_comes_back_is_adopted() {
    let stage = stage("orphan-adopted").await;
    let ns = &stage.ns;
    let controller = start(&stage).await;
    pool(ns).await;
    orphan(ns, "a", "10.0.0.7", json!({})).await;
    let claim = ns.claim("a", "p").await;
    assert_eq!(ns.bound_to("a").await, "10.0.0.7");
    barrier(ns).await;
    let address = ns.bound("a").await;
    let owner = address
        .metadata
        .owner_references
        .iter()
        .flatten()
        .find(|o| o.kind == "IPAddressClaim");
    assert_eq!(owner.map(|o| o.uid.clone()), claim.metadata.uid);
    assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
    controller.stop();
}

/// An orphan keeps a deleted pool only until it is released (spec §11.8, §13).
#[tokio::test]
async fn an_orphan_does_not_keep_a_deleted_pool_for_ever() {
    let stage = stage("orphan-pool").await;
    let ns = &stage.ns;
    let controller = start(&stage).await;
    pool(ns).await;
    ns.counts(POOL, "p", [5, 0, 5, 0]).await;
    orphan(ns, "a", "10.0.0.5", json!({})).await;
    ns.counts(POOL, "p", [5, 1, 4, 0]).await;
    ns.pools(POOL)
        .delete("p", &Default::default())
        .await
        .expect("deleted");
    ns.address_gone("a").await;
    gone(&ns.pools(POOL), "p").await;
    controller.stop();
}

/// The shared controller has the default delay of ten minutes.
#[tokio::test]
async fn by_default_an_orphan_has_ten_minutes() {
    let ns = cluster().await.ns("orphan-default").await;
    pool(&ns).await;
    orphan(&ns, "a", "10.0.0.5", json!({})).await;
    ns.counts(POOL, "p", [5, 1, 4, 0]).await;
    ns.barrier().await;
    assert!(
        ns.addresses()
            .get("a")
            .await
            .expect("stays")
            .metadata
            .deletion_timestamp
            .is_none()
    );
    assert_eq!(
        pools::world::Options::default().orphan_delay,
        Duration::from_secs(600)
    );
}

/// Every event of spec §18, where people look for it.
#[tokio::test]
async fn events_tell_what_happened() {
    let stage = stage("events").await;
    let ns = &stage.ns;
    let stop = CancellationToken::new();
    let (recorder, task) = Recorder::new(ns.client.clone(), "cadastre.test/pools", "test", stop.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(task);
    let controller = stage
        .controller_with(|config| {
            config.shared.options.orphan_delay = DELAY;
            config.shared.announcer = Announcer::new(Some(recorder));
            config.shared.holds = Arc::new(|| true);
        })
        .await;
    ns.pool("p", json!({"addresses": ["10.0.0.5"], "prefix": 24}))
        .await;
    ns.take("a", "p").await;
    said(ns, "IPAddressClaim", "a", "Normal", "AddressAllocated").await;
    said(ns, "InClusterIPPool", "p", "Warning", "PoolExhausted").await;
    ns.claim("b", "p").await;
    said(ns, "IPAddressClaim", "b", "Warning", "PoolExhausted").await;
    ns.address(
        "far",
        POOL.kind(),
        "p",
        "10.0.1.1",
        24,
        json!({"finalizers": [PROTECT_ADDRESS]}),
    )
    .await;
    said(ns, "InClusterIPPool", "p", "Warning", "AddressOutOfRange").await;
    said(ns, "InClusterIPPool", "p", "Warning", "OrphanReleased").await;
    ns.address("twin", POOL.kind(), "p", "10.0.0.5", 24, json!({}))
        .await;
    said(ns, "InClusterIPPool", "p", "Warning", "DuplicateAddress").await;
    ns.addresses()
        .delete("twin", &Default::default())
        .await
        .expect("deleted");
    ns.delete_claim("a").await;
    said(ns, "IPAddressClaim", "a", "Normal", "AddressReleased").await;
    ns.address("c", POOL.kind(), "other", "10.0.3.1", 24, json!({}))
        .await;
    ns.claim("c", "p").await;
    said(ns, "IPAddressClaim", "c", "Warning", "AllocationFailed").await;
    controller.stop();
    stop.cancel();
    while tasks.join_next().await.is_some() {}
}

async fn said(ns: &Ns, kind: &str, name: &str, sort: &str, reason: &str) {
    let api: Api<Event> = Api::namespaced(ns.client.clone(), &ns.name);
    eventually(PATIENCE, &format!("{kind} {name} says {reason}"), || async {
        let events = api
            .list(&ListParams::default())
            .await
            .map_err(|e| e.to_string())?;
        let is_it = |e: &&Event| {
            let about = e.regarding.as_ref().is_some_and(|r| {
                r.kind.as_deref() == Some(kind) && r.name.as_deref() == Some(name) && r.uid.is_some()
            });
            about && e.reason.as_deref() == Some(reason) && e.type_.as_deref() == Some(sort)
        };
        let list = || {
            events
                .iter()
                .map(|e| format!("{:?} {:?}", e.regarding.as_ref().map(|r| &r.name), e.reason))
        };
        events
            .iter()
            .find(is_it)
            .map(|_| ())
            .ok_or_else(|| format!("{:?}", list().collect::<Vec<_>>()))
    })
    .await;
}
