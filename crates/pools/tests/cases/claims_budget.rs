//! The request budget (DESIGN §4, spec §22): what is written per claim, exactly, and what is not.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use api::pool::PoolKind;
use futures::{StreamExt as _, stream};
use kube::api::{Api, DynamicObject, ListParams};
use serde_json::json;
use testkit::{FaultProxy, Requests, eventually};

use crate::{
    ground::{Ns, PATIENCE, text},
    stage::stage,
};

const POOL: PoolKind = PoolKind::InClusterIPPool;
const CLAIMS: usize = 100;

/// Requests for claims and addresses: finalizer, create, status, and the two writes of a release.
#[derive(Debug, PartialEq, Eq)]
struct Writes {
    claim: u64,
    claim_status: u64,
    address_create: u64,
    address_patch: u64,
    address_delete: u64,
}

impl Writes {
    fn of(requests: &Requests) -> Self {
        let known = Self {
            claim: requests.of("patch", "ipaddressclaims", ""),
            claim_status: requests.of("patch", "ipaddressclaims", "status"),
            address_create: requests.of("create", "ipaddresses", ""),
            address_patch: requests.of("patch", "ipaddresses", ""),
            address_delete: requests.of("delete", "ipaddresses", ""),
        };
        let sum = known.claim
            + known.claim_status
            + known.address_create
            + known.address_patch
            + known.address_delete;
        let all = requests.sum(|k| k.is_write() && k.resource.starts_with("ipaddress"));
        assert_eq!(sum, all, "there are no other writes:\n{requests}");
        known
    }
}

fn pool_writes(requests: &Requests) -> u64 {
    requests.sum(|k| k.is_write() && k.resource == "inclusterippools")
}

fn reads(requests: &Requests) -> u64 {
    requests.sum(|k| k.verb == "get" || k.verb == "list")
}

/// At most one write per pool and 100 ms, whatever happens (spec §9 allows counts every 250 ms; promises are batched).
fn pool_budget(took: Duration) -> u64 {
    u64::try_from(took.as_millis() / 100).expect("a short test") + 3
}

/// Resource version of everything in the namespace but barriers, whose pools may still close their journals.
async fn versions(ns: &Ns) -> BTreeMap<String, Option<String>> {
    let mut versions = BTreeMap::new();
    for (kind, api) in [
        ("claim", ns.claims()),
        ("address", ns.addresses()),
        ("pool", ns.pools(POOL)),
    ] {
        for object in api.list(&ListParams::default()).await.expect("a list") {
            let name = object.metadata.name.unwrap_or_default();
            if !name.starts_with("barrier-") {
                versions.insert(format!("{kind} {name}"), object.metadata.resource_version);
            }
        }
    }
    versions
}

async fn each<F: Future<Output = ()>>(work: impl Fn(String) -> F) {
    stream::iter(0..CLAIMS)
        .for_each_concurrent(16, |i| work(format!("c{i}")))
        .await;
}

async fn wait_for(
    api: &Api<DynamicObject>,
    what: &str,
    choose: impl Fn(&DynamicObject) -> bool,
    expected: usize,
) {
    eventually(PATIENCE * 2, what, || async {
        let list = api
            .list(&ListParams::default())
            .await
            .map_err(|e| e.to_string())?;
        let count = list.iter().filter(|o| choose(o)).count();
        if count == expected {
            Ok(())
        } else {
            Err(format!("{count} of {expected}"))
        }
    })
    .await;
}

#[tokio::test]
async fn three_writes_per_claim_and_none_for_what_is_done() {
    let stage = stage("budget").await;
    let ns = &stage.ns;
    let proxy = FaultProxy::start(stage.plane).await.expect("a proxy");
    let controller = stage
        .controller_through(proxy.kubeconfig().to_owned(), |_| {})
        .await;
    ns.pool(
        "p",
        json!({"addresses": ["10.0.0.0/24"], "prefix": 24, "gateway": "10.0.0.1"}),
    )
    .await;
    ns.quiet("p", [253, 0, 253, 0]).await;

    // A burst: three writes each, no reads, and few for the pool.
    proxy.reset_requests();
    let start = Instant::now();
    each(|name| async move {
        ns.claim(&name, "p").await;
    })
    .await;
    wait_for(
        &ns.claims(),
        "all are bound",
        |c| !text(c, "/status/addressRef/name").is_empty(),
        CLAIMS,
    )
    .await;
    ns.quiet("p", [253, 100, 153, 0]).await;
    let requests = proxy.reset_requests();
    let n = CLAIMS as u64;
    let expected = Writes {
        claim: n,
        claim_status: n,
        address_create: n,
        address_patch: 0,
        address_delete: 0,
    };
    assert_eq!(Writes::of(&requests), expected, "{requests}");
    assert_eq!(reads(&requests), 0, "{requests}");
    let budget = pool_budget(start.elapsed());
    assert!(
        pool_writes(&requests) <= budget,
        "{} pool writes, {budget} allowed",
        pool_writes(&requests)
    );

    // Bound claims are seen again: nothing.
    let label = json!({"metadata": {"labels": {"touched": "yes"}}});
    each(|name| {
        let label = label.clone();
        async move {
            ns.patch(&ns.claims(), &name, label.clone()).await;
            ns.patch(&ns.addresses(), &name, label).await;
        }
    })
    .await;
    ns.patch(&ns.pools(POOL), "p", label).await;
    proxy.drop_watches();
    let before = versions(ns).await;
    nothing_but_a_barrier(ns, &before, &proxy).await;

    // A restart, with another identity: nothing.
    controller.stop();
    proxy.reset_requests();
    let before = versions(ns).await;
    let controller = stage
        .controller_through(proxy.kubeconfig().to_owned(), |_| {})
        .await;
    nothing_but_a_barrier(ns, &before, &proxy).await;

    // A release: three writes each.
    ns.quiet("p", [253, 100, 153, 0]).await;
    proxy.reset_requests();
    let start = Instant::now();
    each(|name| async move { ns.delete_claim(&name).await }).await;
    let is_of_test = |o: &DynamicObject| o.metadata.name.as_deref().is_some_and(|n| n.starts_with('c'));
    wait_for(&ns.claims(), "all are gone", is_of_test, 0).await;
    wait_for(&ns.addresses(), "all are gone", is_of_test, 0).await;
    ns.quiet("p", [253, 0, 253, 0]).await;
    let requests = proxy.reset_requests();
    let expected = Writes {
        claim: n,
        claim_status: 0,
        address_create: 0,
        address_patch: n,
        address_delete: n,
    };
    assert_eq!(Writes::of(&requests), expected, "{requests}");
    assert_eq!(reads(&requests), 0, "{requests}");
    let budget = pool_budget(start.elapsed());
    assert!(
        pool_writes(&requests) <= budget,
        "{} pool writes, {budget} allowed",
        pool_writes(&requests)
    );
    controller.stop();
}

/// One claim later, only that claim was written to.
async fn nothing_but_a_barrier(ns: &Ns, before: &BTreeMap<String, Option<String>>, proxy: &FaultProxy) {
    ns.barrier().await;
    let mut after = versions(ns).await;
    after.retain(|name, _| before.contains_key(name));
    assert_eq!(after, *before);
    let requests = proxy.reset_requests();
    let barrier = Writes {
        claim: 1,
        claim_status: 1,
        address_create: 1,
        address_patch: 0,
        address_delete: 0,
    };
    assert_eq!(Writes::of(&requests), barrier, "{requests}");
}

/// Claims that wait cause no traffic (spec §11.7): one condition each, and then nothing, even while others come and go.
#[tokio::test]
async fn a_waiting_claim_is_told_once() {
    let stage = stage("budget-waiting").await;
    let ns = &stage.ns;
    ns.pool("p", json!({"addresses": ["10.0.0.5"], "prefix": 24}))
        .await;
    let proxy = FaultProxy::start(stage.plane).await.expect("a proxy");
    let controller = stage
        .controller_through(proxy.kubeconfig().to_owned(), |_| {})
        .await;
    ns.take("holder", "p").await;
    each(|name| async move {
        ns.claim(&name, "p").await;
        ns.reason(&name, "PoolExhausted").await;
    })
    .await;
    ns.quiet("p", [1, 1, 0, 0]).await;
    let before = versions(ns).await;
    proxy.reset_requests();
    ns.patch(
        &ns.pools(POOL),
        "p",
        json!({"metadata": {"labels": {"touched": "yes"}}}),
    )
    .await;
    ns.barrier().await;
    let requests = proxy.requests();
    let barrier = Writes {
        claim: 1,
        claim_status: 1,
        address_create: 1,
        address_patch: 0,
        address_delete: 0,
    };
    assert_eq!(Writes::of(&requests), barrier, "{requests}");
    let after = versions(ns).await;
    assert!(
        before
            .iter()
            .filter(|(k, _)| k.starts_with("claim"))
            .all(|(k, v)| after.get(k) == Some(v))
    );
    controller.stop();
}
