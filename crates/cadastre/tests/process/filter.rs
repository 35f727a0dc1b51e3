//! `--watch-filter`.

use api::{names::WATCH_FILTER, pool::PoolKind};
use kube::Client;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use testkit::eventually;

use crate::{
    read::{bound, text},
    replica::{Replica, home},
    rig::{self, PATIENCE},
};

/// Case 161: the filter is about claims. Pools need no label, their events wake claims, and the addresses of claims
/// that others serve count as in use.
#[tokio::test]
async fn case_161_watch_filter_applies_to_claims_only() {
    let (plane, client, ns) = home("filter").await;
    let replica = Replica::without_webhooks(plane.kubeconfig(), &ns, &["--watch-filter", "x"]).await;
    let (kind, claims) = (PoolKind::InClusterIPPool, rig::claims(&client, &ns));
    let pools = rig::pools(&client, &ns, kind);

    // Claims first: only an event of the unlabelled pool can wake them.
    for (name, filter) in [
        ("other", Some("y")),
        ("none", None),
        ("ours", Some("x")),
        ("second", Some("x")),
    ] {
        let mut claim = rig::claim(name, kind, "p");
        claim.metadata.labels = filter.map(|f| [(WATCH_FILTER.to_owned(), f.to_owned())].into());
        rig::create(&claims, &claim).await;
    }
    rig::create(
        &pools,
        &rig::pool(kind, "p", &json!({"addresses": ["192.0.2.10"], "prefix": 24})),
    )
    .await;
    let first = winner(&client, &ns, &["ours", "second"]).await;
    let waits = if first == "ours" { "second" } else { "ours" };

    // A change of the pool wakes the one that waits.
    let patch = json!({"spec": {"addresses": ["192.0.2.10", "192.0.2.20"]}});
    pools
        .patch("p", &PatchParams::default(), &Patch::Merge(&patch))
        .await
        .expect("the pool changes");
    assert_eq!(bound(&client, &ns, waits).await, "192.0.2.20");

    for name in ["other", "none"] {
        let claim = claims.get(name).await.expect("it exists");
        assert_eq!(claim.metadata.finalizers, None, "{name} is not ours");
        assert!(claim.data.get("status").is_none(), "{name}: {}", claim.data);
    }
    replica.dismiss().await;
}

/// Waits until one of these claims is bound; returns its name.
async fn winner<'a>(client: &Client, namespace: &str, names: &[&'a str]) -> &'a str {
    eventually(PATIENCE, &format!("one of {names:?} is bound"), || async {
        for name in names {
            let object = rig::claims(client, namespace)
                .get(name)
                .await
                .map_err(|e| e.to_string())?;
            if !text(&object, "/status/addressRef/name").is_empty() {
                return Ok(*name);
            }
        }
        Err("none is".to_owned())
    })
    .await
}
