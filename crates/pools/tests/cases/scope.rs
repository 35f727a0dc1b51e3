//! Spec §19.5: which pool a claim means.

use api::{capi::Version, names::GROUP, pool::PoolKind};
use kube::api::{Api, DynamicObject, PostParams};
use serde_json::{Value, json};

use crate::{
    ground::{Ns, cluster, finalizers, ready},
    stage::stage,
};

const GLOBAL: PoolKind = PoolKind::GlobalInClusterIPPool;
const LOCAL: PoolKind = PoolKind::InClusterIPPool;

fn spec() -> Value {
    json!({"addresses": ["10.0.0.1-10.0.0.9"], "prefix": 24, "gateway": "10.0.0.1"})
}

fn only_fifty() -> Value {
    json!({"addresses": ["10.0.0.50"], "prefix": 24})
}

async fn two(case: &str) -> (Ns, Ns) {
    (cluster().await.ns(case).await, cluster().await.ns(case).await)
}

#[tokio::test]
async fn case_52_a_global_pool_serves_every_namespace() {
    let (one, two) = two("case-52").await;
    one.pool_of(GLOBAL, &one.name, spec()).await;
    one.claim_on("a", GLOBAL, &one.name).await;
    let a = one.bound("a").await;
    two.claim_on("b", GLOBAL, &one.name).await;
    let b = two.bound("b").await;
    for (address, ns, text) in [(&a, &one, "10.0.0.2"), (&b, &two, "10.0.0.3")] {
        assert_eq!(address.metadata.namespace.as_deref(), Some(ns.name.as_str()));
        assert_eq!(address.data["spec"]["address"], text);
        assert_eq!(address.data["spec"]["prefix"], 24);
        assert_eq!(address.data["spec"]["gateway"], "10.0.0.1");
    }
    one.counts(GLOBAL, &one.name, [8, 2, 6, 0]).await;
}

#[tokio::test]
async fn case_53_claims_of_one_name_in_two_namespaces_get_two_addresses() {
    let (one, two) = two("case-53").await;
    one.pool_of(GLOBAL, &one.name, spec()).await;
    one.claim_on("same", GLOBAL, &one.name).await;
    two.claim_on("same", GLOBAL, &one.name).await;
    let mut both = [one.bound_to("same").await, two.bound_to("same").await];
    both.sort();
    assert_eq!(both, ["10.0.0.2", "10.0.0.3"]);
}

#[tokio::test]
async fn case_54_pools_of_one_name_in_two_namespaces_are_independent() {
    let (one, two) = two("case-54").await;
    for ns in [&one, &two] {
        ns.pool("same", only_fifty()).await;
    }
    assert_eq!(one.take("a", "same").await, "10.0.0.50");
    assert_eq!(two.take("a", "same").await, "10.0.0.50");
    for ns in [&one, &two] {
        ns.counts(LOCAL, "same", [1, 1, 0, 0]).await;
    }
}

#[tokio::test]
async fn case_55_a_namespaced_and_a_global_pool_of_one_name_are_independent() {
    let ns = cluster().await.ns("case-55").await;
    let pool = &ns.name;
    for kind in [LOCAL, GLOBAL] {
        ns.pool_of(kind, pool, only_fifty()).await;
    }
    ns.claim_on("local", LOCAL, pool).await;
    ns.claim_on("global", GLOBAL, pool).await;
    assert_eq!(ns.bound_to("local").await, "10.0.0.50");
    assert_eq!(ns.bound_to("global").await, "10.0.0.50");
    for kind in [LOCAL, GLOBAL] {
        ns.counts(kind, pool, [1, 1, 0, 0]).await;
    }
}

#[tokio::test]
async fn case_56_a_pool_of_another_namespace_is_a_missing_pool() {
    let (one, two) = two("case-56").await;
    two.pool("p", only_fifty()).await;
    two.counts(LOCAL, "p", [1, 0, 1, 0]).await;
    one.claim("a", "p").await;
    one.reason("a", "PoolNotReady").await;
    // The address is still there for a claim that may have it.
    assert_eq!(two.take("b", "p").await, "10.0.0.50");
    assert_eq!(one.addresses().get_opt("a").await.expect("an answer"), None);
}

/// A claim whose reference is given word by word, in a version that accepts it.
async fn stray(ns: &Ns, name: &str, pool_ref: Value) -> DynamicObject {
    let object = json!({
        "apiVersion": format!("{GROUP}/{}", ns.version), "kind": "IPAddressClaim", "metadata": {"name": name},
        "spec": {"clusterName": "c", "poolRef": pool_ref},
    });
    let object = serde_json::from_value(object).expect("a claim");
    ns.claims()
        .create(&PostParams::default(), &object)
        .await
        .expect("the claim can be made")
}

async fn unchanged(ns: &Ns, claims: &[DynamicObject]) {
    for before in claims {
        let name = before.metadata.name.as_deref().expect("it has a name");
        let now = ns.claims().get(name).await.expect("the claim is there");
        assert_eq!(
            now.metadata.resource_version, before.metadata.resource_version,
            "{name} was written to"
        );
        assert_eq!(finalizers(&now), Vec::<String>::new());
        assert_eq!(ready(&now), None);
        assert_eq!(ns.addresses().get_opt(name).await.expect("an answer"), None);
    }
}

/// `v1beta1` does not insist on a spec. One such object must not hide all others from the controller.
#[tokio::test]
async fn case_57_objects_without_a_spec_keep_nobody_from_being_served() {
    let stage = stage("case-57-bare").await;
    let ns = &stage.ns;
    let old = Ns {
        client: ns.client.clone(),
        name: ns.name.clone(),
        version: Version::V1Beta1,
    };
    let bare = async |api: Api<DynamicObject>, kind: &str, name: &str| {
        let object =
            json!({"apiVersion": format!("{GROUP}/v1beta1"), "kind": kind, "metadata": {"name": name}});
        let object = serde_json::from_value(object).expect("an object");
        let made = api.create(&PostParams::default(), &object).await;
        let made = made.expect("v1beta1 takes it");
        assert_eq!(made.data.get("spec"), None);
        made
    };
    ns.pool("p", spec()).await;
    let mut claims = vec![bare(old.claims(), "IPAddressClaim", "bare").await];
    let mut addresses = vec![bare(old.addresses(), "IPAddress", "bare-address").await];
    // They are in the first list of a controller, in that of the next, and come while it runs.
    let controller = stage.controller().await;
    assert_eq!(ns.take("a", "p").await, "10.0.0.2");
    controller.stop();
    let controller = stage.controller().await;
    claims.push(bare(old.claims(), "IPAddressClaim", "late").await);
    addresses.push(bare(old.addresses(), "IPAddress", "late-address").await);
    assert_eq!(ns.take("b", "p").await, "10.0.0.3");
    ns.counts(LOCAL, "p", [8, 2, 6, 0]).await;
    unchanged(&old, &claims).await;
    for before in &addresses {
        let name = before.metadata.name.as_deref().expect("it has a name");
        assert_eq!(&old.addresses().get(name).await.expect("it is there"), before);
    }
    assert_eq!(controller.logs.lines(), [""; 0], "nothing is wrong with them");
    controller.stop();
}

#[tokio::test]
async fn case_57_claims_that_are_not_ours_are_never_touched() {
    let ns = cluster().await.ns("case-57").await;
    // v1beta1 still takes references without a group.
    let old = Ns {
        client: ns.client.clone(),
        name: ns.name.clone(),
        version: Version::V1Beta1,
    };
    ns.pool("p", spec()).await;
    let kind = LOCAL.kind();
    let strays = [
        stray(
            &ns,
            "unknown-kind",
            json!({"apiGroup": GROUP, "kind": "InfobloxIPPool", "name": "p"}),
        )
        .await,
        stray(
            &ns,
            "other-case",
            json!({"apiGroup": GROUP, "kind": "inclusterippool", "name": "p"}),
        )
        .await,
        stray(
            &ns,
            "other-group",
            json!({"apiGroup": "ipam.example.com", "kind": kind, "name": "p"}),
        )
        .await,
        stray(
            &old,
            "empty-group",
            json!({"apiGroup": "", "kind": kind, "name": "p"}),
        )
        .await,
        stray(&old, "no-group", json!({"kind": kind, "name": "p"})).await,
    ];
    // Ours, of the same pool and cluster: shows that each event below has been dealt with.
    let witness = async |name: &str| {
        ns.claim_with(name, kind, "p", json!({}), json!({"clusterName": "c"}))
            .await;
        ns.bound(name).await;
        unchanged(&old, &strays).await;
    };

    ns.barrier().await;
    unchanged(&old, &strays).await;
    ns.claim_with("waiting", kind, "p", json!({}), json!({"clusterName": "c"}))
        .await;
    ns.cluster("c", json!({}), json!({"paused": true})).await;
    ns.barrier().await;
    unchanged(&old, &strays).await;
    ns.patch(&ns.clusters(), "c", json!({"spec": {"paused": false}}))
        .await;
    ns.bound("waiting").await;
    witness("after-unpause").await;
    ns.clusters()
        .delete("c", &Default::default())
        .await
        .expect("the cluster can be deleted");
    crate::ground::gone(&ns.clusters(), "c").await;
    ns.cluster("c", json!({}), json!({})).await;
    witness("after-creation").await;
    ns.patch(&ns.pools(LOCAL), "p", json!({"spec": {"gateway": "10.0.0.9"}}))
        .await;
    witness("after-pool-event").await;
    // Nothing of ours holds them back.
    for stray in &strays {
        let name = stray.metadata.name.as_deref().expect("it has a name");
        ns.delete_claim(name).await;
        assert_eq!(ns.claims().get_opt(name).await.expect("an answer"), None);
    }
}
