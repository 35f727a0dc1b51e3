//! Spec §19.8: pauses of pools, clusters and claims, and clusters that are not there.

use api::{
    names::{CLUSTER_NAME, PAUSED, RELEASE_ADDRESS},
    pool::PoolKind,
};
use kube::api::{DeleteParams, DynamicObject};
use serde_json::{Value, json};

use crate::{
    common::{Ns, cluster, finalizers, gone, labels},
    stage::stage,
};

const POOL: PoolKind = PoolKind::InClusterIPPool;

fn paused() -> Value {
    json!({"annotations": {PAUSED: "false"}})
}

fn unpaused() -> Value {
    json!({"metadata": {"annotations": {PAUSED: null}}})
}

async fn pool(ns: &Ns) {
    ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}))
        .await;
}

/// A claim that names its cluster in the spec.
async fn claim_of(ns: &Ns, name: &str, cluster: &str) -> DynamicObject {
    ns.claim_with(name, POOL.kind(), "p", json!({}), json!({"clusterName": cluster}))
        .await
}

/// A claim that names its cluster only by label.
async fn claim_labelled(ns: &Ns, name: &str, cluster: &str) -> DynamicObject {
    ns.claim_with(
        name,
        POOL.kind(),
        "p",
        json!({"labels": {CLUSTER_NAME: cluster}}),
        json!({}),
    )
    .await
}

/// Nothing at all was written to an object, and no address was made for it.
async fn untouched(ns: &Ns, claim: &DynamicObject) {
    ns.barrier().await;
    let name = claim.metadata.name.as_deref().expect("a name");
    let now = ns.claims().get(name).await.expect("the claim is there");
    assert_eq!(now, *claim, "the claim was written to");
    assert!(
        ns.addresses().get_opt(name).await.expect("an answer").is_none(),
        "an address was made for {name}"
    );
}

#[tokio::test]
async fn case_93_a_paused_pool_gives_nothing_until_it_is_unpaused() {
    let ns = cluster().await.ns("case-93").await;
    for kind in PoolKind::ALL {
        let name = format!("{}-{}", ns.name, kind.kind().to_lowercase());
        let spec = if kind.is_prefix() {
            json!({"prefixes": ["fd04::/63"]})
        } else {
            json!({"addresses": ["10.0.0.5"], "prefix": 24})
        };
        ns.pool_with(kind, &name, paused(), spec).await;
        ns.claim_on(&name, kind, &name).await;
        ns.barrier().await;
        let claim = ns.claims().get(&name).await.expect("the claim");
        assert_eq!(
            finalizers(&claim),
            [RELEASE_ADDRESS],
            "the finalizer comes before the pool is looked at"
        );
        assert!(
            claim.data.get("status").is_none(),
            "no condition is written while paused: {}",
            claim.data
        );
        assert!(ns.addresses().get_opt(&name).await.expect("an answer").is_none());
        ns.patch(&ns.pools(kind), &name, unpaused()).await;
        ns.bound(&name).await;
    }
}

#[tokio::test]
async fn case_94_a_paused_pool_holds_up_the_deletion_of_its_claims() {
    let ns = cluster().await.ns("case-94").await;
    pool(&ns).await;
    ns.take("a", "p").await;
    ns.patch(&ns.pools(POOL), "p", json!({"metadata": paused()}))
        .await;
    ns.barrier().await;
    ns.delete_claim("a").await;
    ns.barrier().await;
    let claim = ns.claims().get("a").await.expect("the claim stays");
    assert!(claim.metadata.deletion_timestamp.is_some());
    assert_eq!(finalizers(&claim), [RELEASE_ADDRESS]);
    let address = ns.addresses().get("a").await.expect("the address stays");
    assert!(address.metadata.deletion_timestamp.is_none());
    ns.patch(&ns.pools(POOL), "p", unpaused()).await;
    ns.claim_gone("a").await;
    ns.address_gone("a").await;
}

#[tokio::test]
async fn case_99_nothing_happens_for_a_claim_of_a_cluster_with_the_paused_annotation() {
    let ns = cluster().await.ns("case-99").await;
    pool(&ns).await;
    ns.cluster("c1", paused(), json!({})).await;
    untouched(&ns, &claim_of(&ns, "a", "c1").await).await;
}

#[tokio::test]
async fn case_100_nothing_happens_for_a_claim_of_a_cluster_with_spec_paused() {
    let ns = cluster().await.ns("case-100").await;
    pool(&ns).await;
    ns.cluster("c1", json!({}), json!({"paused": true})).await;
    untouched(&ns, &claim_of(&ns, "a", "c1").await).await;
}

#[tokio::test]
async fn case_101_a_running_cluster_becomes_paused_either_way() {
    let ns = cluster().await.ns("case-101").await;
    pool(&ns).await;
    for (name, pause) in [
        ("c1", json!({"metadata": paused()})),
        ("c2", json!({"spec": {"paused": true}})),
    ] {
        ns.cluster(name, json!({}), json!({})).await;
        let before = format!("{name}-before");
        claim_of(&ns, &before, name).await;
        ns.bound(&before).await;
        ns.patch(&ns.clusters(), name, pause).await;
        // A later cluster of which a claim is served: the pause was seen before.
        let (later, probe) = (format!("{name}-later"), format!("{name}-probe"));
        ns.cluster(&later, json!({}), json!({})).await;
        claim_of(&ns, &probe, &later).await;
        ns.bound(&probe).await;
        let claim = claim_of(&ns, &format!("{name}-after"), name).await;
        untouched(&ns, &claim).await;
        // A deletion waits as well (spec §11.3 step 4).
        ns.delete_claim(&before).await;
        ns.barrier().await;
        let held = ns.claims().get(&before).await.expect("the claim stays");
        assert_eq!(finalizers(&held), [RELEASE_ADDRESS]);
        assert!(
            ns.addresses()
                .get(&before)
                .await
                .expect("stays")
                .metadata
                .deletion_timestamp
                .is_none()
        );
        ns.patch(
            &ns.clusters(),
            name,
            json!({"metadata": unpaused()["metadata"], "spec": {"paused": false}}),
        )
        .await;
        ns.claim_gone(&before).await;
        ns.bound(&format!("{name}-after")).await;
    }
}

#[tokio::test]
async fn case_102_claims_are_bound_when_the_pause_of_their_cluster_is_lifted() {
    let ns = cluster().await.ns("case-102").await;
    pool(&ns).await;
    ns.cluster("c1", paused(), json!({})).await;
    ns.cluster("c2", json!({}), json!({"paused": true})).await;
    let (a, b) = (claim_of(&ns, "a", "c1").await, claim_of(&ns, "b", "c2").await);
    untouched(&ns, &a).await;
    untouched(&ns, &b).await;
    ns.patch(&ns.clusters(), "c1", unpaused()).await;
    ns.patch(&ns.clusters(), "c2", json!({"spec": {"paused": false}}))
        .await;
    ns.bound("a").await;
    ns.bound("b").await;
}

#[tokio::test]
async fn case_103_a_claim_whose_cluster_is_missing_is_left_alone_until_it_appears() {
    let ns = cluster().await.ns("case-103").await;
    pool(&ns).await;
    untouched(&ns, &claim_of(&ns, "a", "c1").await).await;
    // A cluster of the same name elsewhere is another cluster.
    cluster()
        .await
        .ns("case-103-other")
        .await
        .cluster("c1", json!({}), json!({}))
        .await;
    let claim = ns.claims().get("a").await.expect("the claim");
    untouched(&ns, &claim).await;
    ns.cluster("c1", json!({}), json!({})).await;
    ns.bound("a").await;
}

#[tokio::test]
async fn case_104_a_claim_whose_cluster_is_gone_can_be_deleted() {
    let ns = cluster().await.ns("case-104").await;
    pool(&ns).await;
    for (i, by_label) in [false, true].into_iter().enumerate() {
        let (claim, name) = (format!("a{i}"), format!("c{i}"));
        ns.cluster(&name, json!({}), json!({})).await;
        if by_label {
            claim_labelled(&ns, &claim, &name).await
        } else {
            claim_of(&ns, &claim, &name).await
        };
        ns.bound(&claim).await;
        ns.clusters()
            .delete(&name, &DeleteParams::default())
            .await
            .expect("deleted");
        gone(&ns.clusters(), &name).await;
        ns.delete_claim(&claim).await;
        ns.claim_gone(&claim).await;
        ns.address_gone(&claim).await;
    }
}

#[tokio::test]
async fn case_105_the_cluster_label_counts_as_the_name_does() {
    let ns = cluster().await.ns("case-105").await;
    pool(&ns).await;
    ns.cluster("paused", paused(), json!({})).await;
    ns.cluster("there", json!({}), json!({})).await;
    let held = claim_labelled(&ns, "a", "paused").await;
    let missing = claim_labelled(&ns, "b", "missing").await;
    claim_labelled(&ns, "c", "there").await;
    ns.bound("c").await;
    untouched(&ns, &held).await;
    untouched(&ns, &missing).await;
    ns.patch(&ns.clusters(), "paused", unpaused()).await;
    ns.cluster("missing", json!({}), json!({})).await;
    ns.bound("a").await;
    ns.bound("b").await;
}

#[tokio::test]
async fn case_106_a_paused_claim_is_left_alone_whatever_else_happens() {
    let stage = stage("case-106").await;
    let ns = &stage.ns;
    let controller = stage.controller().await;
    ns.cluster("c1", paused(), json!({})).await;
    pool(ns).await;
    let spec = json!({"clusterName": "c1"});
    let claim = ns.claim_with("a", POOL.kind(), "p", paused(), spec).await;
    untouched(ns, &claim).await;
    // A pool event, cluster events, a pool that comes anew, a restart.
    ns.patch(&ns.pools(POOL), "p", json!({"spec": {"gateway": "10.0.0.1"}}))
        .await;
    untouched(ns, &claim).await;
    ns.patch(&ns.clusters(), "c1", unpaused()).await;
    untouched(ns, &claim).await;
    ns.clusters()
        .delete("c1", &DeleteParams::default())
        .await
        .expect("deleted");
    ns.cluster("c1", json!({}), json!({})).await;
    untouched(ns, &claim).await;
    ns.pools(POOL)
        .delete("p", &DeleteParams::default())
        .await
        .expect("deleted");
    gone(&ns.pools(POOL), "p").await;
    pool(ns).await;
    untouched(ns, &claim).await;
    controller.stop();
    let controller = stage.controller().await;
    untouched(ns, &claim).await;
    ns.patch(&ns.claims(), "a", unpaused()).await;
    let address = ns.bound("a").await;
    assert_eq!(labels(&address).get(CLUSTER_NAME).map(String::as_str), Some("c1"));
    // A pause of the claim holds up its deletion, too (spec §11.4).
    ns.patch(&ns.claims(), "a", json!({"metadata": paused()})).await;
    ns.barrier().await;
    ns.delete_claim("a").await;
    ns.barrier().await;
    assert_eq!(
        finalizers(&ns.claims().get("a").await.expect("stays")),
        [RELEASE_ADDRESS]
    );
    ns.patch(&ns.claims(), "a", unpaused()).await;
    ns.claim_gone("a").await;
    ns.address_gone("a").await;
    controller.stop();
}
