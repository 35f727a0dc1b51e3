//! Spec §19.8: deletion, grace periods, and names that come again.

use std::time::{Duration, Instant};

use api::{
    names::{PROTECT_ADDRESS, RELEASE_ADDRESS},
    pool::PoolKind,
};
use jiff::Timestamp;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use serde_json::json;
use testkit::{FaultProxy, eventually};

use crate::{
    common::{Ns, PATIENCE, cluster, finalizers, gone, text},
    stage::stage,
    witness::Witness,
};

const POOL: PoolKind = PoolKind::InClusterIPPool;

async fn pool_with_grace(ns: &Ns, seconds: u32) {
    let spec =
        json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24, "addressReuseGracePeriodSeconds": seconds});
    ns.pool("p", spec).await;
}

async fn set_grace(ns: &Ns, seconds: Option<u32>) {
    let change = json!({"spec": {"addressReuseGracePeriodSeconds": seconds}});
    ns.patch(&ns.pools(POOL), "p", change).await;
}

async fn deletion_of(ns: &Ns, claim: &str) -> Timestamp {
    ns.claims()
        .get(claim)
        .await
        .expect("the claim stays")
        .metadata
        .deletion_timestamp
        .expect("it is deleted")
        .0
}

/// The address is there as if nothing had happened.
async fn kept(ns: &Ns, name: &str) {
    let address = ns.addresses().get(name).await.expect("the address stays");
    assert!(address.metadata.deletion_timestamp.is_none(), "not even marked");
    assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
    assert_eq!(
        finalizers(&ns.claims().get(name).await.expect("the claim stays")),
        [RELEASE_ADDRESS]
    );
}

#[tokio::test]
async fn case_110_an_address_stays_with_its_deleted_claim_for_the_grace_period() {
    let ns = cluster().await.ns("case-110").await;
    pool_with_grace(&ns, 2).await;
    ns.take("a", "p").await;
    ns.counts(POOL, "p", [5, 1, 4, 0]).await;
    let witness = Witness::of(ns.addresses()).await;
    ns.delete_claim("a").await;
    let deleted = deletion_of(&ns, "a").await;
    let gone = witness
        .sees("the address goes", |s| s.name == "a" && s.gone)
        .await;
    ns.claim_gone("a").await;
    let until = deleted + jiff::SignedDuration::from_secs(2);
    let after = witness
        .testify()
        .await
        .into_iter()
        .filter(|s| s.name == "a" && s.time > deleted);
    let early: Vec<_> = after
        .filter(|s| s.time < until && (s.terminating || s.gone))
        .collect();
    assert!(early.is_empty(), "released before {until}: {early:?}");
    let late = gone.time.duration_since(until);
    assert!(
        late < jiff::SignedDuration::from_secs(3),
        "released {late:#} after the period"
    );
}

#[tokio::test]
async fn case_111_a_pool_that_is_deleted_has_no_grace() {
    let ns = cluster().await.ns("case-111").await;
    pool_with_grace(&ns, 300).await;
    for claim in ["before", "after"] {
        ns.take(claim, "p").await;
    }
    ns.delete_claim("before").await;
    ns.barrier().await;
    kept(&ns, "before").await;
    ns.pools(POOL)
        .delete("p", &DeleteParams::default())
        .await
        .expect("deleted");
    ns.delete_claim("after").await;
    for claim in ["before", "after"] {
        ns.claim_gone(claim).await;
        ns.address_gone(claim).await;
    }
    gone(&ns.pools(POOL), "p").await;
}

#[tokio::test]
async fn case_112_a_shorter_grace_period_holds_for_claims_that_wait_already() {
    let ns = cluster().await.ns("case-112").await;
    for (claim, grace) in [("a", Some(0)), ("b", None), ("c", Some(1))] {
        if claim == "a" {
            pool_with_grace(&ns, 300).await;
        } else {
            set_grace(&ns, Some(300)).await;
        }
        ns.take(claim, "p").await;
        ns.barrier().await;
        ns.delete_claim(claim).await;
        ns.barrier().await;
        kept(&ns, claim).await;
        let changed = Instant::now();
        set_grace(&ns, grace).await;
        ns.address_gone(claim).await;
        ns.claim_gone(claim).await;
        assert!(
            changed.elapsed() < Duration::from_secs(4),
            "released after {:?}",
            changed.elapsed()
        );
    }
}

#[tokio::test]
async fn a_longer_grace_period_holds_for_claims_that_wait_already() {
    let ns = cluster().await.ns("longer").await;
    pool_with_grace(&ns, 3).await;
    ns.take("a", "p").await;
    ns.delete_claim("a").await;
    let until = deletion_of(&ns, "a").await + jiff::SignedDuration::from_secs(3);
    set_grace(&ns, Some(300)).await;
    eventually(PATIENCE, "the first period is over", || async {
        if Timestamp::now() > until {
            Ok(())
        } else {
            Err(format!("it lasts until {until}"))
        }
    })
    .await;
    ns.barrier().await;
    kept(&ns, "a").await;
    set_grace(&ns, Some(0)).await;
    ns.claim_gone("a").await;
}

/// Spec §11.6: a claim in grace whose pool is paused stays; after the pause, time that passed counts.
#[tokio::test]
async fn a_pause_during_grace_holds_and_does_not_stop_the_clock() {
    let ns = cluster().await.ns("grace-pause").await;
    pool_with_grace(&ns, 2).await;
    ns.take("a", "p").await;
    let paused = |value| json!({"metadata": {"annotations": {api::names::PAUSED: value}}});
    ns.patch(&ns.pools(POOL), "p", paused(Some(""))).await;
    ns.barrier().await;
    ns.delete_claim("a").await;
    let until = deletion_of(&ns, "a").await + jiff::SignedDuration::from_secs(2);
    eventually(PATIENCE, "the period is over", || async {
        if Timestamp::now() > until {
            Ok(())
        } else {
            Err(format!("it lasts until {until}"))
        }
    })
    .await;
    ns.barrier().await;
    kept(&ns, "a").await;
    ns.patch(&ns.pools(POOL), "p", paused(None)).await;
    ns.claim_gone("a").await;
    ns.address_gone("a").await;
}

#[tokio::test]
async fn case_113_an_address_deleted_by_hand_stays_until_its_claim_goes() {
    let ns = cluster().await.ns("case-113").await;
    ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}))
        .await;
    ns.take("a", "p").await;
    let before = ns.reason("a", "AddressAllocated").await;
    ns.addresses()
        .delete("a", &DeleteParams::default())
        .await
        .expect("marked");
    ns.barrier().await;
    let address = ns.addresses().get("a").await.expect("it stays");
    assert!(address.metadata.deletion_timestamp.is_some());
    assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
    assert_eq!(
        ns.claims().get("a").await.expect("the claim"),
        before,
        "the claim stays bound, and nothing is written"
    );
    assert_eq!(ns.take("b", "p").await, "10.0.0.6", "its address is still in use");
    ns.delete_claim("a").await;
    ns.claim_gone("a").await;
    ns.address_gone("a").await;
}

#[tokio::test]
async fn case_116_a_deleting_claim_that_never_had_our_finalizer_is_not_written_to() {
    let stage = stage("case-116").await;
    let ns = &stage.ns;
    let proxy = FaultProxy::start(stage.plane).await.expect("a proxy");
    ns.pool("p", json!({"addresses": ["10.0.0.5"], "prefix": 24}))
        .await;
    ns.claim_with(
        "a",
        POOL.kind(),
        "p",
        json!({"finalizers": ["example.org/hold"]}),
        json!({}),
    )
    .await;
    ns.delete_claim("a").await;
    let before = ns.claims().get("a").await.expect("held");
    let controller = stage
        .controller_through(proxy.kubeconfig().to_owned(), |_| {})
        .await;
    // A new pool event and a look at everything: neither may lead to a try.
    ns.patch(&ns.pools(POOL), "p", json!({"spec": {"gateway": "10.0.0.1"}}))
        .await;
    ns.barrier().await;
    assert_eq!(ns.claims().get("a").await.expect("held"), before);
    let requests = proxy.requests();
    let claim_writes =
        requests.of("patch", "ipaddressclaims", "") + requests.of("update", "ipaddressclaims", "");
    assert_eq!(
        claim_writes, 1,
        "only the finalizer of the barrier's claim:\n{requests}"
    );
    assert_eq!(
        requests.of("patch", "ipaddressclaims", "status"),
        1,
        "only the barrier's claim:\n{requests}"
    );
    ns.patch(&ns.claims(), "a", json!({"metadata": {"finalizers": null}}))
        .await;
    ns.claim_gone("a").await;
    controller.stop();
}

/// Deletes a claim and makes it anew as fast as the API server lets us.
async fn again(ns: &Ns, name: &str) -> DynamicObject {
    ns.delete_claim(name).await;
    let object = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddressClaim", "metadata": {"name": name},
        "spec": {"poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": POOL.kind(), "name": "p"}},
    });
    let object: DynamicObject = serde_json::from_value(object).expect("a claim");
    let end = Instant::now() + PATIENCE;
    loop {
        match ns.claims().create(&PostParams::default(), &object).await {
            Ok(claim) => return claim,
            Err(kube::Error::Api(status)) if status.reason == "AlreadyExists" => {
                assert!(Instant::now() < end, "claim {name} does not go away: {status:?}");
            }
            Err(error) => panic!("cannot create claim {name}: {error}"),
        }
    }
}

/// Waits until this very claim is bound, to an address that is its own; returns that address' UID.
async fn bound_anew(ns: &Ns, claim: &DynamicObject) -> String {
    let (name, uid) = (
        claim.metadata.name.clone().expect("a name"),
        claim.metadata.uid.clone().expect("a uid"),
    );
    eventually(PATIENCE, &format!("the new {name} is bound"), || async {
        let claim = ns.claims().get(&name).await.map_err(|e| e.to_string())?;
        if text(&claim, "/status/addressRef/name") != name {
            return Err(format!("status is {}", claim.data["status"]));
        }
        let address = ns.addresses().get(&name).await.map_err(|e| e.to_string())?;
        let owner = address
            .metadata
            .owner_references
            .iter()
            .flatten()
            .find(|o| o.kind == "IPAddressClaim");
        let owner = owner.map(|o| o.uid.clone()).unwrap_or_default();
        assert!(
            address.metadata.deletion_timestamp.is_none(),
            "{name} is bound to an address that goes"
        );
        assert_eq!(owner, uid, "{name} is bound to an address that is not its own");
        Ok(address.metadata.uid.expect("a uid"))
    })
    .await
}

#[tokio::test]
async fn case_116a_a_claim_made_again_under_its_name_gets_an_address_of_its_own() {
    let ns = cluster().await.ns("case-116a").await;
    ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}))
        .await;
    let witness = Witness::of(ns.addresses()).await;
    ns.take("a", "p").await;
    for _ in 0..20 {
        let claim = again(&ns, "a").await;
        let uid = bound_anew(&ns, &claim).await;
        stayed(&ns, "a", &uid).await;
    }
    let last = ns.bound("a").await.metadata.uid.expect("a uid");
    ns.barrier().await;
    stayed(&ns, "a", &last).await;
    witness.testify().await;
    ns.delete_claim("a").await;
    ns.address_gone("a").await;
    assert_eq!(
        ns.addresses()
            .list(&Default::default())
            .await
            .expect("a list")
            .items
            .len(),
        1,
        "the barrier's alone"
    );
}

/// The same for many names at once on a pool that is just large enough, and without waiting for each to be bound:
/// claims are deleted in every state they can be in.
#[tokio::test]
async fn case_116a_under_load() {
    const NAMES: usize = 24;
    let ns = cluster().await.ns("case-116a-load").await;
    ns.pool("p", json!({"addresses": ["10.0.0.1-10.0.0.24"], "prefix": 24}))
        .await;
    let witness = Witness::of(ns.addresses()).await;
    let one = |i: usize| {
        let ns = &ns;
        async move {
            let name = format!("c{i}");
            let mut claim = ns.claim(&name, "p").await;
            for round in 0..8 {
                if (i + round).is_multiple_of(3) {
                    let uid = bound_anew(ns, &claim).await;
                    stayed(ns, &name, &uid).await;
                }
                claim = again(ns, &name).await;
            }
            let uid = bound_anew(ns, &claim).await;
            (name, uid)
        }
    };
    for (name, uid) in futures::future::join_all((0..NAMES).map(one)).await {
        stayed(&ns, &name, &uid).await;
    }
    witness.testify().await;
    let mut addresses: Vec<_> = ns
        .addresses()
        .list(&Default::default())
        .await
        .expect("a list")
        .iter()
        .map(|a| text(a, "/spec/address"))
        .collect();
    addresses.sort();
    addresses.dedup();
    assert_eq!(
        addresses.len(),
        NAMES,
        "every claim has one, and no two have the same"
    );
    ns.counts(POOL, "p", [24, 24, 0, 0]).await;
}

/// The address that a claim was bound to is still the one it has.
async fn stayed(ns: &Ns, name: &str, uid: &str) {
    let address = ns.addresses().get(name).await.expect("the address stays");
    assert_eq!(
        address.metadata.uid.as_deref(),
        Some(uid),
        "the address of {name} was replaced"
    );
    assert!(
        address.metadata.deletion_timestamp.is_none(),
        "the address of {name} goes"
    );
}
