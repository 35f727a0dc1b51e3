//! Server-side apply, as `kubectl apply --server-side` does it, through both versions.

use api::pool::PoolKind;
use http::Method;
use serde_json::{Value, json};

use crate::{
    answer::{Answer, send},
    home::Home,
};

const KINDS: [PoolKind; 2] = [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool];

async fn apply(home: &Home, version: &str, kind: PoolKind, manager: &str, spec: &Value) -> Answer {
    let path = format!("{}?fieldManager={manager}", home.path(version, kind, Some("p")));
    let object = home.object(version, kind, "p", spec);
    send(
        &home.client,
        Method::PATCH,
        &path,
        "application/apply-patch+yaml",
        &object,
    )
    .await
}

/// Applying creates, changes nothing when nothing is new, is judged like any other write, and fields of others stay.
#[tokio::test]
async fn pools_can_be_applied_in_either_version() {
    let home = Home::new("apply").await;
    for kind in KINDS {
        let old = json!({"subnet": "10.0.0.0/24", "gateway": "10.0.0.1"});
        apply(&home, "v1alpha1", kind, "kubectl", &old).await.accepted();
        let spec = home.get("v1alpha2", kind, "p").await.accepted()["spec"].clone();
        assert_eq!(
            spec,
            json!({"addresses": ["10.0.0.1-10.0.0.254"], "prefix": 24, "gateway": "10.0.0.1"})
        );

        let more =
            json!({"excludedAddresses": ["10.0.0.7"], "addresses": ["10.0.0.1-10.0.0.254"], "prefix": 24});
        apply(&home, "v1alpha2", kind, "gitops", &more).await.accepted();
        let before = home.get("v1alpha2", kind, "p").await.accepted();
        assert_eq!(before["spec"]["excludedAddresses"], json!(["10.0.0.7"]));
        for _ in 0..2 {
            apply(&home, "v1alpha2", kind, "gitops", &more).await.accepted();
        }
        let after = home.get("v1alpha2", kind, "p").await.accepted();
        assert_eq!(
            after["metadata"]["generation"], before["metadata"]["generation"],
            "nothing was new"
        );

        let clash = json!({"addresses": ["10.0.0.9"], "prefix": 24, "excludedAddresses": ["10.0.0.8"]});
        let answer = apply(&home, "v1alpha2", kind, "somebody-else", &clash).await;
        assert_eq!(answer.code, 409, "{}", answer.body);
        assert!(answer.message().contains("gitops"), "{}", answer.message());

        let bad =
            json!({"addresses": ["10.0.0.1-10.0.0.254"], "prefix": 24, "excludedAddresses": ["nonsense"]});
        apply(&home, "v1alpha2", kind, "gitops", &bad)
            .await
            .invalid(&["spec.excludedAddresses"]);

        // Through the old version again: what it cannot express stays.
        apply(
            &home,
            "v1alpha1",
            kind,
            "kubectl",
            &json!({"subnet": "10.0.0.0/24", "gateway": "10.0.0.254"}),
        )
        .await
        .accepted();
        let last = home.get("v1alpha2", kind, "p").await.accepted();
        assert_eq!(last["spec"]["gateway"], "10.0.0.254");
        assert_eq!(last["spec"]["excludedAddresses"], json!(["10.0.0.7"]));
    }
}
