//! Spec §19.8: deletion, and names that come again.

use api::{names::PROTECT_ADDRESS, pool::PoolKind};
use futures::future::join_all;
use kube::api::{DeleteParams, DynamicObject, PostParams};
use serde_json::{Value, json};
use testkit::{FaultProxy, eventually};
use tokio::time::Instant;

use crate::{
    ground::{Ns, PATIENCE, finalizers, text},
    site::{ADDRESS_KINDS, Site, on_both_kinds},
    stage::stage_for,
    witness::Witness,
};

fn five() -> Value {
    json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24})
}

#[tokio::test]
async fn case_113_an_address_deleted_by_hand_stays_until_its_claim_goes() {
    on_both_kinds("case-113", five(), async |site| {
        let ns = &site.ns;
        site.take("a").await;
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
        assert_eq!(site.take("b").await, "10.0.0.6", "its address is still in use");
        ns.delete_claim("a").await;
        ns.claim_gone("a").await;
        ns.address_gone("a").await;
    })
    .await;
}

#[tokio::test]
async fn case_116_a_deleting_claim_that_never_had_our_finalizer_is_not_written_to() {
    join_all(ADDRESS_KINDS.map(deleting_claim_is_not_written_to)).await;
}

async fn deleting_claim_is_not_written_to(kind: PoolKind) {
    let stage = stage_for(kind, "case-116").await;
    let ns = &stage.ns;
    let proxy = FaultProxy::start(stage.plane).await.expect("a proxy");
    let site = stage
        .site(kind, json!({"addresses": ["10.0.0.5"], "prefix": 24}))
        .await;
    let held = json!({"finalizers": ["example.org/hold"]});
    site.claim_with("held-up", held, json!({})).await;
    ns.delete_claim("held-up").await;
    let before = ns.claims().get("held-up").await.expect("held");
    let controller = stage
        .controller_through(proxy.kubeconfig().to_owned(), |_| {})
        .await;
    // A new pool event and a look at everything: neither may lead to a try.
    site.change(json!({"gateway": "10.0.0.1"})).await;
    ns.barrier().await;
    assert_eq!(ns.claims().get("held-up").await.expect("held"), before);
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
    ns.patch(&ns.claims(), "held-up", json!({"metadata": {"finalizers": null}}))
        .await;
    ns.claim_gone("held-up").await;
    ns.barrier().await;
    // Nothing failed, so nothing is said of it, not even once.
    assert_eq!(controller.logs.about("held-up"), [""; 0]);
    assert_eq!(controller.logs.about("ERROR"), [""; 0]);
    controller.stop();
}

/// Deletes a claim and makes it anew as fast as the API server lets us.
async fn again(site: &Site, name: &str) -> DynamicObject {
    let ns = &site.ns;
    ns.delete_claim(name).await;
    let object = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddressClaim", "metadata": {"name": name},
        "spec": {"poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": site.kind.kind(), "name": site.pool}},
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
    on_both_kinds("case-116a", five(), async |site| claim_is_made_again(&site).await).await;
}

async fn claim_is_made_again(site: &Site) {
    let ns = &site.ns;
    let witness = Witness::of(ns.addresses()).await;
    site.take("a").await;
    for _ in 0..20 {
        let claim = again(site, "a").await;
        let uid = bound_anew(ns, &claim).await;
        stayed(ns, "a", &uid).await;
    }
    let last = ns.bound("a").await.metadata.uid.expect("a uid");
    ns.barrier().await;
    stayed(ns, "a", &last).await;
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
    let just_enough = json!({"addresses": ["10.0.0.1-10.0.0.24"], "prefix": 24});
    // One after the other: side by side they would mostly load the API server.
    for kind in ADDRESS_KINDS {
        claims_are_made_again(&Site::open("case-116a-load", kind, just_enough.clone()).await).await;
    }
}

async fn claims_are_made_again(site: &Site) {
    const NAMES: usize = 24;
    let ns = &site.ns;
    let witness = Witness::of(ns.addresses()).await;
    let one = |i: usize| async move {
        let name = format!("c{i}");
        let mut claim = site.claim(&name).await;
        for round in 0..8 {
            if (i + round).is_multiple_of(3) {
                let uid = bound_anew(ns, &claim).await;
                stayed(ns, &name, &uid).await;
            }
            claim = again(site, &name).await;
        }
        let uid = bound_anew(ns, &claim).await;
        (name, uid)
    };
    for (name, uid) in join_all((0..NAMES).map(one)).await {
        stayed(ns, &name, &uid).await;
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
    site.counts([24, 24, 0, 0]).await;
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
