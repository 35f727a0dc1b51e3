//! Spec §19.8: claims that wait, for a pool or for an address.

use std::time::{Duration, Instant};

use api::{
    names::{PROTECT_ADDRESS, RELEASE_ADDRESS},
    pool::PoolKind,
};
use kube::api::{DeleteParams, DynamicObject, PostParams};
use serde_json::json;
use testkit::eventually;

use crate::{
    ground::{Ns, PATIENCE, cluster, finalizers, gone, ready, text},
    pace::usually,
    site::{Site, on_both_kinds},
    witness::Witness,
};

/// How soon a waiting claim is bound once capacity is there (spec §11.7, cases 95 and 96).
const AT_ONCE: Duration = Duration::from_secs(1);

async fn waits_for_missing_pool(kind: PoolKind) -> (Ns, String) {
    let ns = cluster().await.ns("missing").await;
    let pool = ns.name.clone();
    ns.claim_on("a", kind, &pool).await;
    let claim = ns.reason("a", "PoolNotReady").await;
    assert_eq!(finalizers(&claim), [RELEASE_ADDRESS]);
    assert_eq!(ready(&claim).expect("a condition")["status"], "False");
    assert!(text(&claim, "/status/addressRef/name").is_empty());
    assert!(
        ns.addresses().get_opt("a").await.expect("an answer").is_none(),
        "no address without a pool"
    );
    (ns, pool)
}

#[tokio::test]
async fn case_91_claim_for_a_missing_pool_has_the_finalizer_and_says_why() {
    for kind in PoolKind::ALL {
        waits_for_missing_pool(kind).await;
    }
}

#[tokio::test]
async fn case_92_claim_is_bound_when_its_pool_appears() {
    for kind in [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool] {
        let (ns, pool) = waits_for_missing_pool(kind).await;
        ns.pool_of(kind, &pool, json!({"addresses": ["10.0.0.5"], "prefix": 24}))
            .await;
        assert_eq!(ns.bound_to("a").await, "10.0.0.5");
        ns.reason("a", "AddressAllocated").await;
    }
}

/// The second of two claims gets the only address of a pool when the first is deleted.
async fn hands_over(kind: PoolKind, first: &Ns, second: &Ns, pool: &str) {
    first
        .pool_of(kind, pool, json!({"addresses": ["10.0.0.9"], "prefix": 24}))
        .await;
    let took = usually(async |round| {
        let (one, two) = (&format!("one-{round}"), &format!("two-{round}"));
        first.claim_on(one, kind, pool).await;
        assert_eq!(first.bound_to(one).await, "10.0.0.9");
        second.claim_on(two, kind, pool).await;
        second.reason(two, "PoolExhausted").await;
        let (old, new) = (
            Witness::of(first.addresses()).await,
            Witness::of(second.addresses()).await,
        );
        first.delete_claim(one).await;
        let freed = old
            .sees("the first address goes", |s| s.name == *one && s.gone)
            .await;
        let taken = new
            .sees("the second address comes", |s| s.name == *two && !s.gone)
            .await;
        assert_eq!(taken.address, "10.0.0.9");
        second.bound(two).await;
        let took = freed.at.elapsed();
        first.claim_gone(one).await;
        old.testify().await;
        new.testify().await;
        second.delete_claim(two).await;
        second.claim_gone(two).await;
        took
    })
    .await;
    assert!(took < AT_ONCE, "bound {took:?} after the address was free");
}

#[tokio::test]
async fn case_95_second_claim_gets_the_only_address_when_the_first_goes() {
    let ns = cluster().await.ns("case-95").await;
    hands_over(PoolKind::InClusterIPPool, &ns, &ns, "p").await;
}

#[tokio::test]
async fn case_96_the_same_across_namespaces_with_a_global_pool() {
    let (one, two) = (
        cluster().await.ns("case-96").await,
        cluster().await.ns("case-96").await,
    );
    hands_over(PoolKind::GlobalInClusterIPPool, &one, &two, &one.name).await;
}

/// Every way in which capacity appears binds the oldest waiting claim at once (spec §11.7).
#[tokio::test]
async fn capacity_of_every_kind_wakes_waiting_claims() {
    let full = json!({"addresses": ["10.0.0.0-10.0.0.2"], "prefix": 24, "gateway": "10.0.0.1"});
    let ways = [
        (
            "enlarged",
            json!({"addresses": ["10.0.0.0-10.0.0.3"]}),
            json!({}),
            "10.0.0.3",
        ),
        (
            "included",
            json!({"excludedAddresses": null}),
            json!({"excludedAddresses": ["10.0.0.3"], "addresses": ["10.0.0.2-10.0.0.3"]}),
            "10.0.0.3",
        ),
        (
            "reserved",
            json!({"allocateReservedIPAddresses": true}),
            json!({}),
            "10.0.0.0",
        ),
        ("gateway", json!({"gateway": "10.0.0.254"}), json!({}), "10.0.0.1"),
    ];
    let ns = cluster().await.ns("capacity").await;
    for (way, change, start, expected) in ways {
        let mut spec = full.clone();
        for (field, value) in start.as_object().expect("an object") {
            spec[field] = value.clone();
        }
        let took = usually(async |round| {
            let pool = &format!("{way}-{round}");
            ns.pool(pool, spec.clone()).await;
            let (held, waits) = (format!("{pool}-1"), format!("{pool}-2"));
            assert_eq!(ns.take(&held, pool).await, "10.0.0.2", "{pool}");
            ns.claim(&waits, pool).await;
            ns.reason(&waits, "PoolExhausted").await;
            let witness = Witness::of(ns.addresses()).await;
            let pools = ns.pools(PoolKind::InClusterIPPool);
            ns.patch(&pools, pool, json!({"spec": change})).await;
            let changed = Instant::now();
            assert_eq!(ns.bound_to(&waits).await, expected, "{pool}");
            let took = changed.elapsed();
            witness.testify().await;
            took
        })
        .await;
        assert!(took < AT_ONCE, "{way}: bound after {took:?}");
    }
}

/// An address that belongs to nobody but stands in the way is capacity as well when it goes (spec §11.7).
#[tokio::test]
async fn a_manual_reservation_that_goes_wakes_a_waiting_claim() {
    let ns = cluster().await.ns("manual").await;
    ns.address("by-hand", "InClusterIPPool", "p", "10.0.0.7", 24, json!({}))
        .await;
    ns.pool("p", json!({"addresses": ["10.0.0.7"], "prefix": 24}))
        .await;
    ns.claim("a", "p").await;
    ns.reason("a", "PoolExhausted").await;
    ns.addresses()
        .delete("by-hand", &DeleteParams::default())
        .await
        .expect("deleted");
    assert_eq!(ns.bound_to("a").await, "10.0.0.7");
}

#[tokio::test]
async fn case_115_a_terminating_pool_gives_nothing() {
    let ns = cluster().await.ns("case-115").await;
    for kind in PoolKind::ALL {
        let (pool, old, new) = (
            format!("{}-{}", ns.name, kind.kind().to_lowercase()),
            "old",
            "new",
        );
        let (old, new) = (
            format!("{old}-{}", kind.kind().to_lowercase()),
            format!("{new}-{}", kind.kind().to_lowercase()),
        );
        let spec = if kind.is_prefix() {
            json!({"prefixes": ["fd00::/62"]})
        } else {
            json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24})
        };
        ns.pool_of(kind, &pool, spec).await;
        ns.claim_on(&old, kind, &pool).await;
        ns.bound(&old).await;
        ns.pools(kind)
            .delete(&pool, &DeleteParams::default())
            .await
            .expect("deleted");
        ns.claim_on(&new, kind, &pool).await;
        let claim = ns.reason(&new, "PoolNotReady").await;
        assert!(text(&claim, "/status/addressRef/name").is_empty());
        assert!(ns.addresses().get_opt(&new).await.expect("an answer").is_none());
        // Nothing keeps the pool once its last address is gone, the waiting claim least of all.
        ns.delete_claim(&old).await;
        gone(&ns.pools(kind), &pool).await;
        ns.delete_claim(&new).await;
        ns.claim_gone(&new).await;
    }
}

/// Creates a claim in a later second than `before`, by the API server's clock, which alone decides who is older.
async fn claim_a_second_later(site: &Site, name: &str, before: Option<&DynamicObject>) -> DynamicObject {
    let since = before.and_then(|b| b.metadata.creation_timestamp.clone());
    let probe = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1beta2", "kind": "IPAddressClaim", "metadata": {"name": name},
        "spec": {"poolRef": {"apiGroup": "ipam.cluster.x-k8s.io", "kind": site.kind.kind(), "name": site.pool}},
    });
    let probe = serde_json::from_value(probe).expect("a claim");
    let rehearse = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    eventually(PATIENCE, "the next second begins", || async {
        let now = site
            .ns
            .claims()
            .create(&rehearse, &probe)
            .await
            .map_err(|e| e.to_string())?;
        let now = now.metadata.creation_timestamp;
        if now > since {
            Ok(())
        } else {
            Err(format!("still {now:?}"))
        }
    })
    .await;
    site.claim(name).await
}

#[tokio::test]
async fn case_118_the_oldest_waiting_claim_is_served_first() {
    let one = json!({"addresses": ["10.0.0.5"], "prefix": 24});
    on_both_kinds("case-118", one, async |site| {
        let ns = &site.ns;
        site.take("holder").await;
        // Names in the opposite order, so that only age can decide.
        let w1 = claim_a_second_later(&site, "w-c", None).await;
        let w2 = claim_a_second_later(&site, "w-b", Some(&w1)).await;
        claim_a_second_later(&site, "w-a", Some(&w2)).await;
        for name in ["w-c", "w-b", "w-a"] {
            ns.reason(name, "PoolExhausted").await;
        }
        let witness = Witness::of(ns.addresses()).await;
        let mut holder = "holder";
        for next in ["w-c", "w-b", "w-a"] {
            ns.delete_claim(holder).await;
            assert_eq!(ns.bound_to(next).await, "10.0.0.5");
            holder = next;
        }
        let seen = witness.testify().await;
        let mut names: Vec<_> = seen
            .iter()
            .filter(|s| !s.gone && !s.terminating)
            .map(|s| s.name.as_str())
            .filter(|n| n.starts_with("w-"))
            .collect();
        names.dedup();
        assert_eq!(names, ["w-c", "w-b", "w-a"]);
    })
    .await;
}

/// A claim that is refused says so, keeps nothing, and is served as soon as the pool allows it (spec §11.3 step 10).
/// The gateway is a valid address, but longer than Cluster API's schema lets an `IPAddress` have (spec §12).
#[tokio::test]
async fn a_refused_create_is_reported_and_gives_its_address_back() {
    let ns = cluster().await.ns("refused").await;
    let gateway = "0000:0000:0000:0000:0000:ffff:192.168.100.228";
    ns.pool(
        "p",
        json!({"addresses": ["fd00::5-fd00::6"], "prefix": 64, "gateway": gateway}),
    )
    .await;
    ns.claim("a", "p").await;
    let claim = ns.reason("a", "AllocationFailed").await;
    let message = ready(&claim)
        .and_then(|r| r["message"].as_str())
        .unwrap_or_default();
    assert!(
        message.contains("spec.gateway"),
        "the server's own words are shown: {message}"
    );
    assert!(ns.addresses().get_opt("a").await.expect("an answer").is_none());
    ns.counts(PoolKind::InClusterIPPool, "p", [2, 0, 2, 0]).await;
    ns.patch(
        &ns.pools(PoolKind::InClusterIPPool),
        "p",
        json!({"spec": {"gateway": "fd00::1"}}),
    )
    .await;
    let address = ns.bound("a").await;
    assert_eq!(
        address.data["spec"]["address"], "fd00::5",
        "nothing was kept back from the refused tries"
    );
    assert_eq!(finalizers(&address), [PROTECT_ADDRESS]);
    ns.reason("a", "AddressAllocated").await;
}
