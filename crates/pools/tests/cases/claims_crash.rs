//! Spec §19.8: a controller that dies in the middle, and objects that come from a backup or another cluster.

use std::collections::BTreeMap;

use api::{
    names::{CLUSTER_NAME, PAUSED},
    pool::PoolKind,
};
use http::Method;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use serde_json::{Value, json};
use testkit::{
    FaultProxy, eventually,
    fault::{Action, Count, Fault, Filter},
};

use crate::{
    common::{Ns, PATIENCE, text},
    stage::{Stage, stage},
    witness::Witness,
};

const POOL: PoolKind = PoolKind::InClusterIPPool;

async fn pool(ns: &Ns) {
    ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.9"], "prefix": 24}))
        .await;
}

/// Runs a controller until this request was hit by this fault, and kills it there.
async fn killed_at(
    stage: &Stage,
    method: Method,
    path: &str,
    action: Action,
    work: impl Future<Output = ()>,
) {
    let proxy = FaultProxy::start(stage.plane).await.expect("a proxy");
    let controller = stage
        .controller_through(proxy.kubeconfig().to_owned(), |_| {})
        .await;
    let filter = Filter::method(method.clone()).path(path);
    let fault = proxy.inject(Fault {
        filter,
        action: action.clone(),
        count: Count::Always,
    });
    work.await;
    eventually(PATIENCE, &format!("{method} {path} meets {action:?}"), || async {
        if fault.hits() > 0 {
            Ok(())
        } else {
            Err(format!("so far:\n{}", proxy.requests()))
        }
    })
    .await;
    controller.kill();
}

#[tokio::test]
async fn case_119_a_controller_killed_before_the_status_write_leaks_nothing() {
    let stage = stage("case-119").await;
    let ns = &stage.ns;
    pool(ns).await;
    killed_at(
        &stage,
        Method::PATCH,
        "/ipaddressclaims/a/status",
        Action::status(500),
        async {
            ns.claim("a", "p").await;
        },
    )
    .await;
    let before = ns.addresses().get("a").await.expect("it was created before");
    assert!(
        ns.claims()
            .get("a")
            .await
            .expect("the claim")
            .data
            .get("status")
            .is_none(),
        "not bound yet"
    );
    let controller = stage.controller().await;
    let after = ns.bound("a").await;
    assert_eq!(
        before, after,
        "bound to the existing address, which is complete already"
    );
    ns.counts(POOL, "p", [5, 1, 4, 0]).await;
    assert_eq!(ns.take("b", "p").await, "10.0.0.6");
    controller.stop();
}

#[tokio::test]
async fn case_119_whatever_request_of_an_allocation_was_the_last() {
    let steps = [
        (Method::PATCH, "/ipaddressclaims/a", Action::DropConnection),
        (Method::PATCH, "/ipaddressclaims/a", Action::DropAfterForward),
        (
            Method::PATCH,
            "/inclusterippools/p/status",
            Action::DropConnection,
        ),
        (
            Method::PATCH,
            "/inclusterippools/p/status",
            Action::DropAfterForward,
        ),
        (Method::POST, "/ipaddresses", Action::DropConnection),
        (Method::POST, "/ipaddresses", Action::DropAfterForward),
        (Method::PATCH, "/ipaddressclaims/a/status", Action::DropConnection),
        (
            Method::PATCH,
            "/ipaddressclaims/a/status",
            Action::DropAfterForward,
        ),
    ];
    for (method, path, action) in steps {
        let stage = stage("case-119-create").await;
        let ns = &stage.ns;
        pool(ns).await;
        let witness = Witness::of(ns.addresses()).await;
        killed_at(&stage, method.clone(), path, action.clone(), async {
            ns.claim("a", "p").await;
        })
        .await;
        let controller = stage.controller().await;
        let what = format!("after {method} {path} {action:?}");
        assert_eq!(ns.bound_to("a").await, "10.0.0.5", "{what}");
        assert_eq!(ns.take("b", "p").await, "10.0.0.6", "{what}");
        ns.counts(POOL, "p", [5, 2, 3, 0]).await;
        witness.testify().await;
        controller.stop();
    }
}

/// Spec §11.5: every step of a release is repeatable.
#[tokio::test]
async fn whatever_request_of_a_release_was_the_last() {
    let steps = [
        (Method::PATCH, "/ipaddresses/a", Action::DropConnection),
        (Method::PATCH, "/ipaddresses/a", Action::DropAfterForward),
        (Method::DELETE, "/ipaddresses/a", Action::DropConnection),
        (Method::DELETE, "/ipaddresses/a", Action::DropAfterForward),
        (Method::PATCH, "/ipaddressclaims/a", Action::DropConnection),
        (Method::PATCH, "/ipaddressclaims/a", Action::DropAfterForward),
    ];
    for (method, path, action) in steps {
        let stage = stage("release").await;
        let ns = &stage.ns;
        pool(ns).await;
        let controller = stage.controller().await;
        ns.take("a", "p").await;
        // With an open journal the next controller would keep the address back for a while.
        ns.quiet("p", [5, 1, 4, 0]).await;
        controller.stop();
        killed_at(&stage, method.clone(), path, action.clone(), async {
            ns.delete_claim("a").await;
        })
        .await;
        let controller = stage.controller().await;
        ns.claim_gone("a").await;
        ns.address_gone("a").await;
        ns.counts(POOL, "p", [5, 0, 5, 0]).await;
        assert_eq!(
            ns.take("b", "p").await,
            "10.0.0.5",
            "after {method} {path} {action:?}"
        );
        controller.stop();
    }
}

/// What `clusterctl move` and backups keep: everything but status, UIDs and what the API server sets.
#[derive(Clone)]
struct Backup {
    pool: DynamicObject,
    claims: Vec<DynamicObject>,
    addresses: Vec<DynamicObject>,
}

impl Backup {
    /// Five claims on addresses that no allocator would choose for them now.
    async fn make() -> Self {
        let stage = stage("case-120-source").await;
        let ns = &stage.ns;
        let controller = stage.controller().await;
        ns.cluster("c1", json!({}), json!({})).await;
        ns.pool("p", json!({"addresses": ["10.0.0.5-10.0.0.19"], "prefix": 24}))
            .await;
        for i in 0..10 {
            let meta = json!({"labels": {CLUSTER_NAME: "c1"}});
            ns.claim_with(
                &format!("c{i}"),
                POOL.kind(),
                "p",
                meta,
                json!({"clusterName": "c1"}),
            )
            .await;
            ns.bound(&format!("c{i}")).await;
        }
        for i in [0, 1, 4, 6, 7] {
            ns.delete_claim(&format!("c{i}")).await;
            ns.claim_gone(&format!("c{i}")).await;
        }
        controller.stop();
        let list = |api: Api<DynamicObject>| async move {
            api.list(&ListParams::default()).await.expect("a list").items
        };
        Self {
            pool: ns.pools(POOL).get("p").await.expect("the pool"),
            claims: list(ns.claims()).await,
            addresses: list(ns.addresses()).await,
        }
    }

    /// Name of each claim and its address.
    fn holdings(&self) -> BTreeMap<String, String> {
        let holding =
            |a: &DynamicObject| (a.metadata.name.clone().expect("a name"), text(a, "/spec/address"));
        self.addresses.iter().map(holding).collect()
    }
}

/// Creates a copy, with owner references that point to the new owners.
async fn restore(
    api: &Api<DynamicObject>,
    object: &DynamicObject,
    owners: &[&DynamicObject],
) -> DynamicObject {
    let mut copy = object.clone();
    copy.data["status"].take();
    copy.data.as_object_mut().expect("an object").remove("status");
    let old = std::mem::take(&mut copy.metadata);
    copy.metadata.name = old.name;
    copy.metadata.labels = old.labels;
    copy.metadata.finalizers = old.finalizers;
    copy.metadata.owner_references = old.owner_references.map(|references| {
        let renewed = references.into_iter().map(|mut reference| {
            let is_owner = |o: &&&DynamicObject| {
                o.metadata.name.as_ref() == Some(&reference.name)
                    && o.types.as_ref().is_some_and(|t| t.kind == reference.kind)
            };
            if let Some(owner) = owners.iter().find(is_owner) {
                reference.uid = owner.metadata.uid.clone().expect("a uid");
            }
            reference
        });
        renewed.collect()
    });
    api.create(&PostParams::default(), &copy)
        .await
        .expect("the copy can be created")
}

/// Every claim is bound to the address it had, and everything is owned by the new objects.
async fn all_as_before(ns: &Ns, backup: &Backup) {
    let pool = ns.pools(POOL).get("p").await.expect("the pool");
    for (name, address) in backup.holdings() {
        let bound = ns.bound(&name).await;
        assert_eq!(text(&bound, "/spec/address"), address, "{name}");
        let claim = ns.claims().get(&name).await.expect("the claim");
        let owners: Vec<_> = bound
            .metadata
            .owner_references
            .iter()
            .flatten()
            .map(|o| Some(o.uid.clone()))
            .collect();
        assert_eq!(owners, [claim.metadata.uid, pool.metadata.uid.clone()], "{name}");
    }
    let list = ns.addresses().list(&ListParams::default()).await.expect("a list");
    assert_eq!(list.items.len(), backup.addresses.len());
    ns.counts(POOL, "p", [15, 5, 10, 0]).await;
    assert_eq!(ns.take("new", "p").await, "10.0.0.5", "what is free is free");
}

#[tokio::test]
async fn case_120_restored_while_no_controller_runs() {
    let backup = Backup::make().await;
    let stage = stage("case-120-down").await;
    let ns = &stage.ns;
    ns.cluster("c1", json!({}), json!({})).await;
    let pool = restore(&ns.pools(POOL), &backup.pool, &[]).await;
    for claim in &backup.claims {
        let claim = restore(&ns.claims(), claim, &[]).await;
        let address = backup
            .addresses
            .iter()
            .find(|a| a.metadata.name == claim.metadata.name)
            .expect("its address");
        restore(&ns.addresses(), address, &[&claim, &pool]).await;
    }
    let witness = Witness::of(ns.addresses()).await;
    let controller = stage.controller().await;
    all_as_before(ns, &backup).await;
    witness.testify().await;
    controller.stop();
}

/// As `clusterctl move` does it: the target's controller runs, the cluster is paused until everything is there, and
/// the pool comes after the claims.
#[tokio::test]
async fn case_120_moved_to_a_running_controller() {
    let backup = Backup::make().await;
    let stage = stage("case-120-move").await;
    let ns = &stage.ns;
    let controller = stage.controller().await;
    ns.cluster("c1", json!({"annotations": {PAUSED: ""}}), json!({}))
        .await;
    let mut claims = Vec::new();
    for claim in &backup.claims {
        claims.push(restore(&ns.claims(), claim, &[]).await);
    }
    ns.barrier().await;
    let pool = restore(&ns.pools(POOL), &backup.pool, &[]).await;
    for address in &backup.addresses {
        let claim = claims
            .iter()
            .find(|c| c.metadata.name == address.metadata.name)
            .expect("its claim");
        restore(&ns.addresses(), address, &[claim, &pool]).await;
    }
    ns.barrier().await;
    for claim in &claims {
        let now = ns
            .claims()
            .get(claim.metadata.name.as_deref().expect("a name"))
            .await
            .expect("the claim");
        assert_eq!(now, *claim, "untouched while the cluster is paused");
    }
    let barriers = ns
        .addresses()
        .list(&ListParams::default())
        .await
        .expect("a list")
        .items
        .len()
        - claims.len();
    assert_eq!(barriers, 2);
    ns.patch(
        &ns.clusters(),
        "c1",
        json!({"metadata": {"annotations": {PAUSED: Value::Null}}}),
    )
    .await;
    for (name, address) in backup.holdings() {
        assert_eq!(ns.bound_to(&name).await, address, "{name}");
    }
    ns.counts(POOL, "p", [15, 5, 10, 0]).await;
    controller.stop();
}

/// A backup that lost the owners' new UIDs: references to what does not exist any more are refreshed in place.
#[tokio::test]
async fn case_120_stale_owner_references_are_refreshed() {
    let backup = Backup::make().await;
    let stage = stage("case-120-stale").await;
    let ns = &stage.ns;
    ns.cluster("c1", json!({}), json!({})).await;
    for address in &backup.addresses {
        restore(&ns.addresses(), address, &[]).await;
    }
    restore(&ns.pools(POOL), &backup.pool, &[]).await;
    let controller = stage.controller().await;
    for claim in &backup.claims {
        restore(&ns.claims(), claim, &[]).await;
    }
    all_as_before(ns, &backup).await;
    controller.stop();
}
