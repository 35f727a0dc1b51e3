//! Spec §19.8: pauses of pools, clusters and claims, and clusters that are not there.

use api::{
    names::{CLUSTER_NAME, PAUSED, RELEASE_ADDRESS},
    pool::PoolKind,
};
use futures::future::join_all;
use kube::api::{DeleteParams, DynamicObject};
use serde_json::{Value, json};

use crate::{
    ground::{Ns, cluster, finalizers, gone, labels},
    site::{ADDRESS_KINDS, Site, on_both_kinds},
    stage::stage_for,
};

fn paused() -> Value {
    json!({"annotations": {PAUSED: "false"}})
}

fn unpaused() -> Value {
    json!({"metadata": {"annotations": {PAUSED: null}}})
}

fn five() -> Value {
    json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24})
}

/// A claim that names its cluster in the spec.
async fn claim_of(site: &Site, name: &str, cluster: &str) -> DynamicObject {
    site.claim_with(name, json!({}), json!({"clusterName": cluster}))
        .await
}

/// A claim that names its cluster only by label.
async fn claim_labelled(site: &Site, name: &str, cluster: &str) -> DynamicObject {
    site.claim_with(name, json!({"labels": {CLUSTER_NAME: cluster}}), json!({}))
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
    on_both_kinds("case-94", five(), async |site| {
        let ns = &site.ns;
        site.take("a").await;
        site.patch(json!({"metadata": paused()})).await;
        ns.barrier().await;
        ns.delete_claim("a").await;
        ns.barrier().await;
        let claim = ns.claims().get("a").await.expect("the claim stays");
        assert!(claim.metadata.deletion_timestamp.is_some());
        assert_eq!(finalizers(&claim), [RELEASE_ADDRESS]);
        let address = ns.addresses().get("a").await.expect("the address stays");
        assert!(address.metadata.deletion_timestamp.is_none());
        site.patch(unpaused()).await;
        ns.claim_gone("a").await;
        ns.address_gone("a").await;
    })
    .await;
}

#[tokio::test]
async fn case_99_nothing_happens_for_a_claim_of_a_cluster_with_the_paused_annotation() {
    on_both_kinds("case-99", five(), async |site| {
        let ns = &site.ns;
        ns.cluster("c1", paused(), json!({})).await;
        untouched(ns, &claim_of(&site, "a", "c1").await).await;
    })
    .await;
}

#[tokio::test]
async fn case_100_nothing_happens_for_a_claim_of_a_cluster_with_spec_paused() {
    on_both_kinds("case-100", five(), async |site| {
        let ns = &site.ns;
        ns.cluster("c1", json!({}), json!({"paused": true})).await;
        untouched(ns, &claim_of(&site, "a", "c1").await).await;
    })
    .await;
}

#[tokio::test]
async fn case_101_a_running_cluster_becomes_paused_either_way() {
    on_both_kinds("case-101", five(), async |site| {
        let ns = &site.ns;
        for (name, pause) in [
            ("c1", json!({"metadata": paused()})),
            ("c2", json!({"spec": {"paused": true}})),
        ] {
            ns.cluster(name, json!({}), json!({})).await;
            let before = format!("{name}-before");
            claim_of(&site, &before, name).await;
            ns.bound(&before).await;
            ns.patch(&ns.clusters(), name, pause).await;
            // A later cluster of which a claim is served: the pause was seen before.
            let (later, probe) = (format!("{name}-later"), format!("{name}-probe"));
            ns.cluster(&later, json!({}), json!({})).await;
            claim_of(&site, &probe, &later).await;
            ns.bound(&probe).await;
            let claim = claim_of(&site, &format!("{name}-after"), name).await;
            untouched(ns, &claim).await;
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
    })
    .await;
}

#[tokio::test]
async fn case_102_claims_are_bound_when_the_pause_of_their_cluster_is_lifted() {
    on_both_kinds("case-102", five(), async |site| {
        let ns = &site.ns;
        ns.cluster("c1", paused(), json!({})).await;
        ns.cluster("c2", json!({}), json!({"paused": true})).await;
        let (a, b) = (claim_of(&site, "a", "c1").await, claim_of(&site, "b", "c2").await);
        untouched(ns, &a).await;
        untouched(ns, &b).await;
        ns.patch(&ns.clusters(), "c1", unpaused()).await;
        ns.patch(&ns.clusters(), "c2", json!({"spec": {"paused": false}}))
            .await;
        ns.bound("a").await;
        ns.bound("b").await;
    })
    .await;
}

#[tokio::test]
async fn case_103_a_claim_whose_cluster_is_missing_is_left_alone_until_it_appears() {
    on_both_kinds("case-103", five(), async |site| {
        let ns = &site.ns;
        untouched(ns, &claim_of(&site, "a", "c1").await).await;
        // A cluster of the same name elsewhere is another cluster.
        cluster()
            .await
            .ns("case-103-other")
            .await
            .cluster("c1", json!({}), json!({}))
            .await;
        let claim = ns.claims().get("a").await.expect("the claim");
        untouched(ns, &claim).await;
        ns.cluster("c1", json!({}), json!({})).await;
        ns.bound("a").await;
    })
    .await;
}

#[tokio::test]
async fn case_104_a_claim_whose_cluster_is_gone_can_be_deleted() {
    on_both_kinds("case-104", five(), async |site| {
        let ns = &site.ns;
        for (i, by_label) in [false, true].into_iter().enumerate() {
            let (claim, name) = (format!("a{i}"), format!("c{i}"));
            ns.cluster(&name, json!({}), json!({})).await;
            if by_label {
                claim_labelled(&site, &claim, &name).await
            } else {
                claim_of(&site, &claim, &name).await
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
    })
    .await;
}

#[tokio::test]
async fn case_105_the_cluster_label_counts_as_the_name_does() {
    on_both_kinds("case-105", five(), async |site| {
        let ns = &site.ns;
        ns.cluster("paused", paused(), json!({})).await;
        ns.cluster("there", json!({}), json!({})).await;
        let held = claim_labelled(&site, "a", "paused").await;
        let missing = claim_labelled(&site, "b", "missing").await;
        claim_labelled(&site, "c", "there").await;
        ns.bound("c").await;
        untouched(ns, &held).await;
        untouched(ns, &missing).await;
        ns.patch(&ns.clusters(), "paused", unpaused()).await;
        ns.cluster("missing", json!({}), json!({})).await;
        ns.bound("a").await;
        ns.bound("b").await;
    })
    .await;
}

#[tokio::test]
async fn case_106_a_paused_claim_is_left_alone_whatever_else_happens() {
    join_all(ADDRESS_KINDS.map(paused_claim_is_left_alone)).await;
}

async fn paused_claim_is_left_alone(kind: PoolKind) {
    let stage = stage_for(kind, "case-106").await;
    let ns = &stage.ns;
    let controller = stage.controller().await;
    ns.cluster("c1", paused(), json!({})).await;
    let site = stage.site(kind, five()).await;
    let claim = site.claim_with("a", paused(), json!({"clusterName": "c1"})).await;
    untouched(ns, &claim).await;
    // A pool event, cluster events, a pool that comes anew, a restart.
    site.change(json!({"gateway": "10.0.0.1"})).await;
    untouched(ns, &claim).await;
    ns.patch(&ns.clusters(), "c1", unpaused()).await;
    untouched(ns, &claim).await;
    ns.clusters()
        .delete("c1", &DeleteParams::default())
        .await
        .expect("deleted");
    ns.cluster("c1", json!({}), json!({})).await;
    untouched(ns, &claim).await;
    site.delete().await;
    site.gone().await;
    ns.pool_of(kind, &site.pool, five()).await;
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
