//! Spec §19.8: addresses that are there already, and what an address of ours looks like (§12).

use api::{
    names::{CLUSTER_NAME, PROTECT_ADDRESS},
    pool::PoolKind,
};
use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api,
    api::{DeleteParams, DynamicObject, ObjectMeta, PostParams},
};
use serde_json::{Value, json};

use crate::{
    ground::{Ns, cluster, finalizers, labels, text},
    site::{Site, on_both_kinds},
};

const POOL: PoolKind = PoolKind::InClusterIPPool;

fn five() -> Value {
    json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24, "gateway": "10.0.0.1"})
}

async fn pool(ns: &Ns) -> DynamicObject {
    ns.pool("p", five()).await
}

fn uid(object: &DynamicObject) -> String {
    object.metadata.uid.clone().expect("a uid")
}

fn owners(object: &DynamicObject) -> Vec<OwnerReference> {
    object.metadata.owner_references.clone().unwrap_or_default()
}

/// The two references of spec §12.
fn ours(claim: &DynamicObject, pool: &DynamicObject) -> Vec<OwnerReference> {
    let reference = |api: &str, kind: &str, object: &DynamicObject, controller| OwnerReference {
        api_version: format!("ipam.cluster.x-k8s.io/{api}"),
        kind: kind.to_owned(),
        name: object.metadata.name.clone().expect("a name"),
        uid: uid(object),
        controller: Some(controller),
        block_owner_deletion: Some(true),
    };
    vec![
        reference("v1beta2", "IPAddressClaim", claim, true),
        reference(
            "v1alpha2",
            &pool.types.as_ref().expect("a type").kind,
            pool,
            false,
        ),
    ]
}

/// Something else that owns addresses.
async fn stranger(ns: &Ns, controller: bool) -> OwnerReference {
    let maps: Api<ConfigMap> = Api::namespaced(ns.client.clone(), &ns.name);
    let meta = ObjectMeta {
        generate_name: Some("stranger-".to_owned()),
        ..ObjectMeta::default()
    };
    let map = ConfigMap {
        metadata: meta,
        ..ConfigMap::default()
    };
    let map = maps
        .create(&PostParams::default(), &map)
        .await
        .expect("a config map");
    OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ConfigMap".to_owned(),
        name: map.metadata.name.expect("a name"),
        uid: map.metadata.uid.expect("a uid"),
        controller: controller.then_some(true),
        block_owner_deletion: None,
    }
}

#[tokio::test]
async fn a_new_address_has_owners_finalizer_and_names_of_the_contract() {
    let ns = cluster().await.ns("contents").await;
    let pool = pool(&ns).await;
    let claim = ns.claim("a", "p").await;
    let address = ns.bound("a").await;
    assert_eq!(owners(&address), ours(&claim, &pool));
    assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
    assert!(labels(&address).is_empty());
    let spec = json!({
        "claimRef": {"name": "a"}, "address": "10.0.0.5", "prefix": 24, "gateway": "10.0.0.1",
        "poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": "InClusterIPPool", "name": "p"},
    });
    assert_eq!(address.data["spec"], spec);
}

#[tokio::test]
async fn case_97_an_address_made_before_its_claim_is_completed_and_used() {
    let ns = cluster().await.ns("case-97").await;
    for kind in [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool] {
        let name = format!("{}-{}", ns.name, kind.kind().to_lowercase());
        let pool = ns
            .pool_of(
                kind,
                &name,
                json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}),
            )
            .await;
        let before = ns
            .address(&name, kind.kind(), &name, "10.0.0.8", 24, json!({}))
            .await;
        let claim = ns.claim_on(&name, kind, &name).await;
        let address = ns.bound(&name).await;
        assert_eq!(uid(&address), uid(&before));
        assert_eq!(address.data["spec"], before.data["spec"]);
        assert_eq!(owners(&address), ours(&claim, &pool));
        assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
        ns.reason(&name, "AddressAllocated").await;
    }
}

#[tokio::test]
async fn case_98_owners_of_others_stay_in_front() {
    on_both_kinds("case-98", five(), async |site| {
        let other = stranger(&site.ns, false).await;
        let meta = json!({"ownerReferences": [other], "finalizers": ["example.org/x"]});
        site.address("a", "10.0.0.8", 24, meta).await;
        let claim = site.claim("a").await;
        let address = site.ns.bound("a").await;
        let ours = ours(&claim, &site.object().await);
        let expected: Vec<_> = [other].into_iter().chain(ours).collect();
        assert_eq!(owners(&address), expected);
        assert_eq!(finalizers(&address), ["example.org/x", PROTECT_ADDRESS]);
    })
    .await;
}

#[tokio::test]
async fn another_controller_of_an_address_stays_its_only_controller() {
    let ns = cluster().await.ns("controller").await;
    let pool = pool(&ns).await;
    let other = stranger(&ns, true).await;
    ns.address(
        "a",
        POOL.kind(),
        "p",
        "10.0.0.8",
        24,
        json!({"ownerReferences": [other]}),
    )
    .await;
    let claim = ns.claim("a", "p").await;
    let address = ns.bound("a").await;
    assert_eq!(owners(&address), [other, ours(&claim, &pool).remove(1)]);
    assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
}

/// Spec §11.3 step 9: never touched, even if the address is outside the pool or there twice.
#[tokio::test]
async fn an_adopted_address_may_lie_outside_the_pool_or_be_there_twice() {
    let ns = cluster().await.ns("outside").await;
    pool(&ns).await;
    for (name, address) in [
        ("far", "192.0.2.1"),
        ("twin-1", "10.0.0.6"),
        ("twin-2", "10.0.0.6"),
    ] {
        ns.address(name, POOL.kind(), "p", address, 25, json!({})).await;
        ns.claim(name, "p").await;
        let bound = ns.bound(name).await;
        assert_eq!(text(&bound, "/spec/address"), address);
        assert_eq!(bound.data["spec"]["prefix"], 25);
        assert!(bound.data["spec"].get("gateway").is_none());
    }
    ns.counts(POOL, "p", [5, 3, 4, 1]).await;
}

#[tokio::test]
async fn case_107_the_cluster_label_of_the_claim_is_on_the_address() {
    on_both_kinds("case-107", five(), async |site| {
        site.ns.cluster("c1", json!({}), json!({})).await;
        let meta = json!({"labels": {CLUSTER_NAME: "c1", "x": "y"}});
        site.claim_with("a", meta, json!({})).await;
        let address = site.ns.bound("a").await;
        assert_eq!(
            labels(&address).into_iter().collect::<Vec<_>>(),
            [(CLUSTER_NAME.to_owned(), "c1".to_owned())]
        );
    })
    .await;
}

#[tokio::test]
async fn case_108_the_cluster_name_of_the_claim_becomes_the_label_of_the_address() {
    on_both_kinds("case-108", five(), async |site| {
        site.ns.cluster("c1", json!({}), json!({})).await;
        // An empty label counts as none (spec §11.3 step 4).
        for (claim, meta) in [("a", json!({})), ("b", json!({"labels": {CLUSTER_NAME: ""}}))] {
            site.claim_with(claim, meta, json!({"clusterName": "c1"})).await;
            let address = site.ns.bound(claim).await;
            assert_eq!(labels(&address).get(CLUSTER_NAME).map(String::as_str), Some("c1"));
        }
    })
    .await;
}

#[tokio::test]
async fn case_109_an_empty_cluster_label_names_no_cluster() {
    on_both_kinds("case-109", five(), async |site| {
        let meta = json!({"labels": {CLUSTER_NAME: ""}});
        site.claim_with("a", meta, json!({})).await;
        let address = site.ns.bound("a").await;
        assert_eq!(labels(&address).get(CLUSTER_NAME), None);
    })
    .await;
}

/// The other pool is another one of the same kind, and one of the same name and the other kind.
#[tokio::test]
async fn case_114_an_address_of_another_pool_is_left_as_it_is() {
    on_both_kinds("case-114", five(), async |site| {
        let cousin = match site.kind {
            PoolKind::InClusterIPPool => PoolKind::GlobalInClusterIPPool,
            _ => PoolKind::InClusterIPPool,
        };
        let sibling = format!("{}-other", site.pool);
        for (claim, kind, pool) in [("a", site.kind, &sibling), ("b", cousin, &site.pool)] {
            address_of_another_pool_is_left_as_it_is(&site, claim, kind, pool).await;
        }
    })
    .await;
}

async fn address_of_another_pool_is_left_as_it_is(site: &Site, name: &str, kind: PoolKind, pool: &str) {
    let ns = &site.ns;
    let theirs = ns
        .address(name, kind.kind(), pool, "10.0.1.5", 24, json!({}))
        .await;
    site.claim(name).await;
    let claim = ns.reason(name, "AllocationFailed").await;
    let message = claim.data["status"]["conditions"][0]["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    assert!(
        message.contains(&format!("{}/{name}", ns.name)),
        "the message names the object: {message}"
    );
    ns.barrier().await;
    let now = async || ns.addresses().get(name).await.expect("stays");
    assert_eq!(now().await, theirs, "byte for byte");
    assert_eq!(
        ns.claims().get(name).await.expect("the claim"),
        claim,
        "nothing more is written"
    );
    // Deleting such a claim leaves the address alone, too (spec §11.5 step 3).
    ns.delete_claim(name).await;
    ns.claim_gone(name).await;
    assert_eq!(now().await, theirs);
    // When it goes, a claim of that name is served.
    site.claim(name).await;
    ns.reason(name, "AllocationFailed").await;
    ns.addresses()
        .delete(name, &DeleteParams::default())
        .await
        .expect("deleted");
    assert!(ns.bound_to(name).await.starts_with("10.0.0."));
}

/// Spec §11.3 step 9: left over from an earlier claim of that name, and held by a finalizer of somebody else.
#[tokio::test]
async fn a_left_over_address_under_a_finalizer_of_others_is_waited_for() {
    let ns = cluster().await.ns("left-over").await;
    pool(&ns).await;
    ns.claim("a", "p").await;
    let first = ns.bound("a").await;
    let held = json!({"metadata": {"finalizers": [PROTECT_ADDRESS, "example.org/hold"]}});
    ns.patch(&ns.addresses(), "a", held).await;
    ns.barrier().await;
    ns.delete_claim("a").await;
    ns.claim_gone("a").await;
    let left = ns.addresses().get("a").await.expect("held");
    assert!(left.metadata.deletion_timestamp.is_some());
    assert_eq!(finalizers(&left), ["example.org/hold"]);
    ns.claim("a", "p").await;
    ns.reason("a", "AllocationFailed").await;
    // Its address is in use until it is really gone.
    assert_eq!(ns.take("b", "p").await, "10.0.0.6");
    ns.patch(&ns.addresses(), "a", json!({"metadata": {"finalizers": null}}))
        .await;
    let second = ns.bound("a").await;
    assert_ne!(uid(&first), uid(&second));
    assert_eq!(text(&second, "/spec/address"), "10.0.0.5");
}

/// Spec §11.3: a bound claim whose address vanished gets the same one again while that is free.
#[tokio::test]
async fn a_vanished_address_is_made_again_with_the_same_address() {
    let ns = cluster().await.ns("vanished").await;
    pool(&ns).await;
    ns.take("a", "p").await;
    assert_eq!(ns.take("b", "p").await, "10.0.0.6");
    let first = ns.addresses().get("b").await.expect("there");
    ns.delete_claim("a").await;
    ns.address_gone("a").await;
    ns.addresses()
        .delete("b", &DeleteParams::default())
        .await
        .expect("deleted");
    ns.patch(&ns.addresses(), "b", json!({"metadata": {"finalizers": null}}))
        .await;
    let second = testkit::eventually(crate::ground::PATIENCE, "the address is made again", || async {
        let address = ns.addresses().get("b").await.map_err(|e| e.to_string())?;
        if uid(&address) == uid(&first) {
            Err("still the first".to_owned())
        } else {
            Ok(address)
        }
    })
    .await;
    assert_eq!(text(&second, "/spec/address"), "10.0.0.6", "although .5 is free");
    assert_eq!(ns.bound_to("b").await, "10.0.0.6");
}
