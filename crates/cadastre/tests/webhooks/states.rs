//! Rules about what a pool has given away (cases 85 to 90 and, for prefix pools, 140 to 144).

use api::{
    names::{GROUP, SKIP_DELETE_GUARD},
    pool::PoolKind,
};
use http::Method;
use serde_json::{Value, json};
use testkit::eventually;

use crate::{
    answer::send,
    home::Home,
    rig::{self, PATIENCE},
};

const KINDS: [PoolKind; 2] = [PoolKind::InClusterIPPool, PoolKind::GlobalInClusterIPPool];

/// A pool from a time without admission can be labelled and let go.
#[tokio::test]
async fn case_85_end_to_end() {
    let home = Home::legacy().await;
    for kind in KINDS {
        let labelled = home
            .patch(
                "v1alpha2",
                kind,
                "bad",
                &json!({"metadata": {"labels": {"a": "b"}}}),
            )
            .await;
        labelled.accepted();
        home.delete(kind, "bad").await.accepted();
        home.gone(kind, "bad").await;
    }
}

#[tokio::test]
async fn case_86_end_to_end() {
    let home = Home::new("case-86").await;
    for kind in KINDS {
        let spec = |addresses: &str| json!({"addresses": [addresses], "prefix": 24});
        home.post("v1alpha2", kind, "p", &spec("10.0.0.10-10.0.0.20"))
            .await
            .accepted();
        let claims = ["one", "two", "three", "four"].map(|name| format!("{name}-{}", kind.singular()));
        for (number, claim) in claims.iter().enumerate() {
            assert_eq!(
                home.take(claim, kind, "p").await,
                format!("10.0.0.{}", 10 + number)
            );
        }
        let message = home
            .put("v1alpha2", kind, "p", |p| p["spec"] = spec("10.0.0.11-10.0.0.20"))
            .await
            .bad_request();
        assert!(message.contains("[10.0.0.10-10.0.0.10]"), "{message}");
        // Merged, sorted, every range from-to (spec §10.3).
        let excluding = json!({"spec": {"excludedAddresses": ["10.0.0.13", "10.0.0.10/31"]}});
        let message = home.patch("v1alpha2", kind, "p", &excluding).await.bad_request();
        assert!(
            message.contains("[10.0.0.10-10.0.0.11 10.0.0.13-10.0.0.13]"),
            "{message}"
        );
        let message = home
            .patch("v1alpha2", kind, "p", &json!({"spec": {"gateway": "10.0.0.12"}}))
            .await
            .bad_request();
        assert!(message.contains("[10.0.0.12-10.0.0.12]"), "{message}");
        // The same through the old version.
        let message = home
            .patch(
                "v1alpha1",
                kind,
                "p",
                &json!({"spec": {"addresses": ["10.0.0.20"]}}),
            )
            .await
            .bad_request();
        assert!(message.contains("[10.0.0.10-10.0.0.13]"), "{message}");
        home.put("v1alpha2", kind, "p", |p| p["spec"] = spec("10.0.0.10-10.0.0.13"))
            .await
            .accepted();
    }
}

#[tokio::test]
async fn case_87_and_88_end_to_end() {
    let home = Home::new("case-88").await;
    for kind in KINDS {
        guarded(
            &home,
            kind,
            &json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24}),
        )
        .await;
    }
}

/// `DELETE` is refused while something is in use; the annotation lets it pass, and the pool stays until the last is gone.
async fn guarded(home: &Home, kind: PoolKind, spec: &Value) {
    home.post("v1alpha2", kind, "p", spec).await.accepted();
    let claim = format!("c-{}", kind.singular());
    home.take(&claim, kind, "p").await;
    let message = home.delete(kind, "p").await.bad_request();
    assert!(
        message.contains(SKIP_DELETE_GUARD),
        "the message names the way out: {message}"
    );

    home.annotate(kind, "p", SKIP_DELETE_GUARD).await;
    home.delete(kind, "p").await.accepted();
    let pool = home.get("v1alpha2", kind, "p").await.accepted();
    assert!(
        pool["metadata"]["deletionTimestamp"].is_string(),
        "it is terminating: {pool}"
    );
    home.give_back(&claim).await;
    home.gone(kind, "p").await;
}

/// An address that is out of range already does not stand in the way of anything else.
#[tokio::test]
async fn case_89_end_to_end() {
    let home = Home::new("case-89").await;
    for kind in KINDS {
        home.post(
            "v1alpha2",
            kind,
            "p",
            &json!({"addresses": ["10.0.0.10-10.0.0.20"], "prefix": 24}),
        )
        .await
        .accepted();
        let by_hand = rig::object(json!({
            "apiVersion": format!("{GROUP}/{}", rig::CAPI), "kind": "IPAddress",
            "metadata": {"name": format!("by-hand-{}", kind.singular())},
            "spec": {
                "claimRef": {"name": "nobody"}, "address": "10.0.0.99", "prefix": 24,
                "poolRef": {"apiGroup": GROUP, "kind": kind.kind(), "name": home.name(kind, "p")},
            },
        }));
        rig::create(&crate::read::addresses(&home.client, &home.ns), &by_hand).await;
        eventually(PATIENCE, "the pool counts it as out of range", || async {
            let pool = home.get("v1alpha2", kind, "p").await.accepted();
            let counts = &pool["status"]["ipAddresses"];
            if counts["outOfRange"] == 1 {
                Ok(())
            } else {
                Err(counts.to_string())
            }
        })
        .await;
        home.patch(
            "v1alpha2",
            kind,
            "p",
            &json!({"metadata": {"labels": {"a": "b"}}}),
        )
        .await
        .accepted();
        // What was not in it before cannot be lost.
        home.patch(
            "v1alpha2",
            kind,
            "p",
            &json!({"spec": {"addresses": ["10.0.0.10-10.0.0.30"]}}),
        )
        .await
        .accepted();
    }
}

/// Status writes do not match the rules of the release: where the webhooks cannot be reached, other writes fail and
/// these do not.
#[tokio::test]
async fn case_90_end_to_end() {
    let home = Home::new("case-90").await;
    let kind = PoolKind::InClusterIPPool;
    home.post(
        "v1alpha2",
        kind,
        "p",
        &json!({"addresses": ["10.0.0.10"], "prefix": 24}),
    )
    .await
    .accepted();
    let closed = testkit::Port::reserve().expect("a free port");
    let mut manifests =
        testkit::apply::parse(include_str!("../../../../deploy/clusterctl/webhooks.yaml")).expect("YAML");
    for (number, configuration) in manifests.iter_mut().enumerate() {
        configuration["metadata"] = json!({"name": format!("{}-{number}", home.ns)});
        // A namespace selector does not keep out global kinds.
        let webhooks = configuration["webhooks"].as_array_mut().expect("webhooks");
        webhooks.retain(|webhook| webhook.pointer("/rules/0/resources/0") == Some(&json!(kind.plural())));
        assert_eq!(webhooks.len(), 1);
        for webhook in webhooks {
            webhook["clientConfig"] = json!({"url": format!("https://127.0.0.1:{}/nobody", closed.number())});
            webhook["namespaceSelector"] = json!({"matchLabels": {"kubernetes.io/metadata.name": home.ns}});
        }
        home.plane
            .apply_yaml(&configuration.to_string())
            .await
            .expect("the configuration applies");
    }
    eventually(PATIENCE, "the unreachable webhooks are in force", || async {
        let answer = home
            .patch(
                "v1alpha2",
                kind,
                "p",
                &json!({"metadata": {"labels": {"a": "b"}}}),
            )
            .await;
        if answer.code == 500 && answer.message().contains("failed calling webhook") {
            Ok(())
        } else {
            Err(format!("{} {}", answer.code, answer.message()))
        }
    })
    .await;
    let path = format!("{}/status", home.path("v1alpha2", kind, Some("p")));
    let patch = json!({"status": {"observedGeneration": 7}});
    let answer = send(
        &home.client,
        Method::PATCH,
        &path,
        "application/merge-patch+json",
        &patch,
    )
    .await;
    assert_eq!(answer.accepted()["status"]["observedGeneration"], 7);
}

const PREFIX_KINDS: [PoolKind; 2] = [PoolKind::InClusterPrefixPool, PoolKind::GlobalInClusterPrefixPool];

#[tokio::test]
async fn case_140_end_to_end() {
    let home = Home::new("case-140").await;
    for kind in PREFIX_KINDS {
        home.post("v1alpha2", kind, "p", &json!({"prefixes": ["fd00::/48"]}))
            .await
            .accepted();
        let length = |length: i64| json!({"spec": {"allocationPrefixLength": length}});
        let message = home.patch("v1alpha2", kind, "p", &length(56)).await.bad_request();
        assert!(
            message.contains("allocationPrefixLength") && message.contains("56"),
            "{message}"
        );
        // Absent equals 64 (spec §10.5).
        home.patch("v1alpha2", kind, "p", &length(64)).await.accepted();
    }
}

#[tokio::test]
async fn case_141_and_142_end_to_end() {
    let home = Home::new("case-141").await;
    for kind in PREFIX_KINDS {
        home.post(
            "v1alpha2",
            kind,
            "p",
            &json!({"prefixes": ["fd00::/62", "fd10::/62"]}),
        )
        .await
        .accepted();
        for claim in ["one", "two"] {
            home.take(&format!("{claim}-{}", kind.singular()), kind, "p")
                .await;
        }
        let change = async |spec: Value| home.patch("v1alpha2", kind, "p", &json!({"spec": spec})).await;
        let message = change(json!({"prefixes": ["fd10::/62"]})).await.bad_request();
        // Sorted as strings (spec §10.5).
        assert!(message.contains("[fd00:0:0:1:: fd00::]"), "{message}");
        let message = change(json!({"excludedPrefixes": ["fd00:0:0:1::5"]}))
            .await
            .bad_request();
        assert!(message.contains("[fd00:0:0:1::]"), "{message}");

        change(json!({"gateway": "fd00::1"})).await.accepted();
        change(json!({"excludedPrefixes": ["fd00:0:0:2::/64"]}))
            .await
            .accepted();
        change(json!({"prefixes": ["fd00::/63"]})).await.accepted();
    }
}

#[tokio::test]
async fn case_144_end_to_end() {
    let home = Home::new("case-144").await;
    for kind in PREFIX_KINDS {
        guarded(&home, kind, &json!({"prefixes": ["fd00::/62"]})).await;
    }
}
