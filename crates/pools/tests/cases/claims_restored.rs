//! Spec §19.8 case 120: objects that come from a backup or another cluster.

use std::collections::BTreeMap;

use api::{
    names::{CLUSTER_NAME, PAUSED},
    pool::PoolKind,
};
use futures::future::join_all;
use kube::api::{Api, DynamicObject, ListParams, PostParams};
use serde_json::{Value, json};

use crate::{
    ground::{Ns, text},
    site::{ADDRESS_KINDS, Site},
    stage::stage_for,
    witness::Witness,
};

/// What `clusterctl move` and backups keep: everything but status, UIDs and what the API server sets.
#[derive(Clone)]
struct Backup {
    kind: PoolKind,
    pool: DynamicObject,
    claims: Vec<DynamicObject>,
    addresses: Vec<DynamicObject>,
}

impl Backup {
    /// Five claims on addresses that no allocator would choose for them now. What was saved is then deleted: a global
    /// pool is to be restored under its name.
    async fn make(kind: PoolKind) -> Self {
        let stage = stage_for(kind, "case-120-source").await;
        let ns = &stage.ns;
        let controller = stage.controller().await;
        ns.cluster("c1", json!({}), json!({})).await;
        let site = stage
            .site(kind, json!({"addresses": ["10.0.0.5-10.0.0.19"], "prefix": 24}))
            .await;
        for i in 0..10 {
            let name = format!("c{i}");
            let meta = json!({"labels": {CLUSTER_NAME: "c1"}});
            site.claim_with(&name, meta, json!({"clusterName": "c1"})).await;
            ns.bound(&name).await;
        }
        let delete = async |claims: &[u8]| {
            for i in claims {
                ns.delete_claim(&format!("c{i}")).await;
                ns.claim_gone(&format!("c{i}")).await;
            }
        };
        delete(&[0, 1, 4, 6, 7]).await;
        let list =
            async |api: Api<DynamicObject>| api.list(&ListParams::default()).await.expect("a list").items;
        let backup = Self {
            kind,
            pool: site.object().await,
            claims: list(ns.claims()).await,
            addresses: list(ns.addresses()).await,
        };
        delete(&[2, 3, 5, 8, 9]).await;
        site.delete().await;
        site.gone().await;
        controller.stop();
        backup
    }

    /// The pool in another namespace.
    fn site(&self, ns: &Ns) -> Site {
        let mut site = Site::within(ns.clone(), self.kind);
        site.pool = self.pool.metadata.name.clone().expect("a name");
        site
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
    let site = backup.site(ns);
    let pool = site.object().await;
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
    site.counts([15, 5, 10, 0]).await;
    assert_eq!(site.take("new").await, "10.0.0.5", "what is free is free");
}

#[tokio::test]
async fn case_120_restored_while_no_controller_runs() {
    join_all(ADDRESS_KINDS.map(restored_while_no_controller_runs)).await;
}

async fn restored_while_no_controller_runs(kind: PoolKind) {
    let backup = Backup::make(kind).await;
    let stage = stage_for(kind, "case-120-down").await;
    let ns = &stage.ns;
    ns.cluster("c1", json!({}), json!({})).await;
    let pool = restore(&ns.pools(kind), &backup.pool, &[]).await;
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
    join_all(ADDRESS_KINDS.map(moved_to_a_running_controller)).await;
}

async fn moved_to_a_running_controller(kind: PoolKind) {
    let backup = Backup::make(kind).await;
    let stage = stage_for(kind, "case-120-move").await;
    let ns = &stage.ns;
    let controller = stage.controller().await;
    ns.cluster("c1", json!({"annotations": {PAUSED: ""}}), json!({}))
        .await;
    let mut claims = Vec::new();
    for claim in &backup.claims {
        claims.push(restore(&ns.claims(), claim, &[]).await);
    }
    ns.barrier().await;
    let pool = restore(&ns.pools(kind), &backup.pool, &[]).await;
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
    backup.site(ns).counts([15, 5, 10, 0]).await;
    controller.stop();
}

/// A backup that lost the owners' new UIDs: references to what does not exist any more are refreshed in place.
#[tokio::test]
async fn case_120_stale_owner_references_are_refreshed() {
    join_all(ADDRESS_KINDS.map(stale_owner_references_are_refreshed)).await;
}

async fn stale_owner_references_are_refreshed(kind: PoolKind) {
    let backup = Backup::make(kind).await;
    let stage = stage_for(kind, "case-120-stale").await;
    let ns = &stage.ns;
    ns.cluster("c1", json!({}), json!({})).await;
    for address in &backup.addresses {
        restore(&ns.addresses(), address, &[]).await;
    }
    restore(&ns.pools(kind), &backup.pool, &[]).await;
    let controller = stage.controller().await;
    for claim in &backup.claims {
        restore(&ns.claims(), claim, &[]).await;
    }
    all_as_before(ns, &backup).await;
    controller.stop();
}
