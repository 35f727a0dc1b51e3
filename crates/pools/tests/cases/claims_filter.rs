//! Spec §19.12 case 161: `--watch-filter`.

use api::{names::WATCH_FILTER, pool::PoolKind};
use kube::api::DynamicObject;
use serde_json::{Value, json};

use crate::{
    ground::{Ns, finalizers},
    stage::stage,
};

const POOL: PoolKind = PoolKind::InClusterIPPool;

async fn claim(ns: &Ns, name: &str, filter: Option<&str>) -> DynamicObject {
    let labels = filter.map_or(json!({}), |f| json!({WATCH_FILTER: f}));
    ns.claim_with(name, POOL.kind(), "p", json!({"labels": labels}), json!({}))
        .await
}

/// A claim with the label is served meanwhile, on a pool of its own.
async fn barrier(ns: &Ns, name: &str) {
    ns.pool(name, json!({"addresses": ["198.51.100.1"], "prefix": 24}))
        .await;
    ns.claim_with(
        name,
        POOL.kind(),
        name,
        json!({"labels": {WATCH_FILTER: "x"}}),
        json!({}),
    )
    .await;
    ns.bound(name).await;
}

async fn untouched(ns: &Ns, claim: &DynamicObject) {
    assert_eq!(
        ns.claims()
            .get(claim.metadata.name.as_deref().expect("a name"))
            .await
            .expect("there"),
        *claim
    );
}

#[tokio::test]
async fn case_161_the_watch_filter_chooses_claims_and_nothing_else() {
    let stage = stage("case-161").await;
    let ns = &stage.ns;
    let controller = stage
        .controller_with(|config| config.scope.watch_filter = Some("x".to_owned()))
        .await;
    // The pool has no label and is usable all the same; so is a cluster.
    ns.cluster("c1", json!({}), json!({})).await;
    ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.6"], "prefix": 24}))
        .await;
    let without = claim(ns, "without", None).await;
    let other = claim(ns, "other", Some("y")).await;
    let spec = json!({"clusterName": "c1"});
    ns.claim_with(
        "with",
        POOL.kind(),
        "p",
        json!({"labels": {WATCH_FILTER: "x"}}),
        spec,
    )
    .await;
    assert_eq!(ns.bound_to("with").await, "10.0.0.5");
    // Addresses count whoever their claims belong to.
    ns.address("other", POOL.kind(), "p", "10.0.0.6", 24, json!({}))
        .await;
    ns.counts(POOL, "p", [2, 2, 0, 0]).await;
    claim(ns, "waits", Some("x")).await;
    ns.reason("waits", "PoolExhausted").await;
    // Pool events wake claims although the pool lacks the label.
    ns.patch(
        &ns.pools(POOL),
        "p",
        json!({"spec": {"addresses": ["10.0.0.5-10.0.0.7"]}}),
    )
    .await;
    assert_eq!(ns.bound_to("waits").await, "10.0.0.7");
    barrier(ns, "barrier-1").await;
    untouched(ns, &without).await;
    untouched(ns, &other).await;
    // Deletion of claims of others is none of our business, either.
    ns.delete_claim("without").await;
    ns.claim_gone("without").await;
    // The label makes the difference in both directions.
    ns.patch(
        &ns.pools(POOL),
        "p",
        json!({"spec": {"addresses": ["10.0.0.5-10.0.0.9"]}}),
    )
    .await;
    let late = claim(ns, "late", None).await;
    barrier(ns, "barrier-2").await;
    untouched(ns, &late).await;
    let label = |value: Value| json!({"metadata": {"labels": {WATCH_FILTER: value}}});
    ns.patch(&ns.claims(), "late", label(json!("x"))).await;
    assert_eq!(ns.bound_to("late").await, "10.0.0.8");
    ns.patch(&ns.claims(), "late", label(Value::Null)).await;
    barrier(ns, "barrier-3").await;
    ns.delete_claim("late").await;
    barrier(ns, "barrier-4").await;
    let held = ns
        .claims()
        .get("late")
        .await
        .expect("held by the finalizer, for whoever serves it now");
    assert_eq!(finalizers(&held), [api::names::RELEASE_ADDRESS]);
    ns.patch(&ns.claims(), "late", label(json!("x"))).await;
    ns.claim_gone("late").await;
    ns.address_gone("late").await;
    controller.stop();
}
