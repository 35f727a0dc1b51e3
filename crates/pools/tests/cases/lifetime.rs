//! Spec §19.9: how long a pool lives.

use std::time::Duration;

use api::{
    names::{PAUSED, PROTECT_POOL, SKIP_DELETE_GUARD},
    pool::PoolKind,
};
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    ground::{PATIENCE, finalizers, gone},
    site::Site,
};

fn spec(kind: PoolKind) -> Value {
    if kind.is_prefix() {
        json!({"prefixes": ["fd00::/62"]})
    } else {
        json!({"addresses": ["10.0.0.10-10.0.0.13"], "prefix": 24})
    }
}

async fn protected(site: &Site) {
    eventually(Duration::from_secs(5), "the pool is protected", || async {
        let finalizers = finalizers(&site.object().await);
        if finalizers == [PROTECT_POOL] {
            Ok(())
        } else {
            Err(format!("finalizers are {finalizers:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn case_121_a_new_pool_is_protected() {
    for kind in PoolKind::ALL {
        let site = Site::open("case-121", kind, spec(kind)).await;
        protected(&site).await;
    }
}

#[tokio::test]
async fn case_122_an_unused_pool_may_go() {
    for kind in PoolKind::ALL {
        let site = Site::open("case-122", kind, spec(kind)).await;
        protected(&site).await;
        site.delete().await;
        site.gone().await;
    }
}

#[tokio::test]
async fn case_123_a_pool_in_use_stays_until_its_last_address_is_gone() {
    for kind in PoolKind::ALL {
        let site = Site::open("case-123", kind, spec(kind)).await;
        site.take_in_turn(2).await;
        site.counts([4, 2, 2, 0]).await;
        site.annotate(json!({SKIP_DELETE_GUARD: ""})).await;
        site.delete().await;
        site.ns.barrier().await;
        let pool = site.object().await;
        assert!(pool.metadata.deletion_timestamp.is_some());
        assert_eq!(finalizers(&pool), [PROTECT_POOL]);
        site.release("claim-0").await;
        site.ns.barrier().await;
        // One is left. The status is no longer kept (spec §9).
        assert_eq!(site.object().await.data["status"], pool.data["status"]);
        site.ns.delete_claim("claim-1").await;
        site.gone().await;
        site.ns.claim_gone("claim-1").await;
    }
}

/// Who made an object, and whether it has a claim, makes no difference (spec §1).
#[tokio::test]
async fn an_address_made_by_hand_keeps_a_deleted_pool() {
    for kind in PoolKind::ALL {
        let site = Site::open("by-hand", kind, spec(kind)).await;
        site.by_hand("reserved", "bogus", 24).await;
        site.delete().await;
        site.ns.barrier().await;
        assert!(site.object().await.metadata.deletion_timestamp.is_some());
        site.ns
            .addresses()
            .delete("reserved", &Default::default())
            .await
            .expect("it can be deleted");
        gone(&site.ns.addresses(), "reserved").await;
        site.gone().await;
    }
}

#[tokio::test]
async fn case_124_pausing_does_not_keep_a_pool() {
    for kind in PoolKind::ALL {
        let site = Site::plan("case-124", kind).await;
        let meta = json!({"annotations": {PAUSED: "false"}});
        site.ns.pool_with(kind, &site.pool, meta, spec(kind)).await;
        // Neither does it keep the pool from being protected and counted (spec §13).
        protected(&site).await;
        site.counts([4, 0, 4, 0]).await;
        site.delete().await;
        site.gone().await;
    }
}

/// Spec §13: removing ours leaves the finalizers of others, and a deleting pool never gets ours.
#[tokio::test]
async fn finalizers_of_others_are_left_alone() {
    const OTHER: &str = "example.com/audit";
    for kind in PoolKind::ALL {
        let site = Site::plan("others", kind).await;
        site.ns
            .pool_with(kind, &site.pool, json!({"finalizers": [OTHER]}), spec(kind))
            .await;
        eventually(PATIENCE, "the pool is protected", || async {
            let finalizers = finalizers(&site.object().await);
            if finalizers == [OTHER, PROTECT_POOL] {
                Ok(())
            } else {
                Err(format!("finalizers are {finalizers:?}"))
            }
        })
        .await;
        site.delete().await;
        eventually(PATIENCE, "ours is removed", || async {
            let finalizers = finalizers(&site.object().await);
            if finalizers == [OTHER] {
                Ok(())
            } else {
                Err(format!("finalizers are {finalizers:?}"))
            }
        })
        .await;
        site.ns.barrier().await;
        assert_eq!(finalizers(&site.object().await), [OTHER]);
        let none = json!({"metadata": {"finalizers": null}});
        site.ns.patch(&site.ns.pools(kind), &site.pool, none).await;
        site.gone().await;
    }
}
