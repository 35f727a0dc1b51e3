//! The webhooks as the API server sees them.

mod address;
mod conversion;
mod prefix;

use std::sync::Arc;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::*;

/// A cluster where every pool of this name has these objects in use; nothing is known of any other pool.
struct Fixed {
    pool: PoolName,
    in_use: Vec<InUse>,
}

impl Surroundings for Fixed {
    fn in_use(&self, pool: &PoolName) -> Option<Vec<InUse>> {
        (*pool == self.pool).then(|| self.in_use.clone())
    }

    fn neighbours(&self, _: &PoolName) -> Option<Vec<Neighbour>> {
        None
    }
}

/// Webhooks of a cluster where the pool `p` of this kind has these addresses in use.
fn app(kind: PoolKind, in_use: &[(&str, i64)]) -> Router {
    let in_use = in_use
        .iter()
        .map(|(a, l)| InUse {
            address: (*a).into(),
            prefix: Some(*l),
        })
        .collect();
    let surroundings: Arc<dyn Surroundings> = Arc::new(Fixed {
        pool: PoolName::new(kind, "team", "p"),
        in_use,
    });
    router(&surroundings, Overlap::Off)
}

async fn post(app: &Router, path: &str, body: &Value) -> Value {
    let request = Request::post(path).header("content-type", "application/json");
    let response = app
        .clone()
        .oneshot(request.body(Body::from(body.to_string())).unwrap())
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn pool(kind: PoolKind, metadata: &Value, spec: &Value) -> Value {
    let mut object = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1alpha2", "kind": kind.kind(), "metadata": { "name": "p" }, "spec": spec,
    });
    object["metadata"]
        .as_object_mut()
        .unwrap()
        .extend(metadata.as_object().unwrap().clone());
    object
}

/// A review as the API server sends it.
fn review(version: &str, kind: PoolKind, operation: &str, new: &Value, old: &Value) -> Value {
    let gvk = json!({ "group": "ipam.cluster.x-k8s.io", "version": "v1alpha2", "kind": kind.kind() });
    let gvr = json!({ "group": "ipam.cluster.x-k8s.io", "version": "v1alpha2", "resource": kind.plural() });
    let mut review = json!({
        "apiVersion": format!("admission.k8s.io/{version}"),
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5", "kind": gvk, "resource": gvr, "requestKind": gvk, "requestResource": gvr,
            "name": "p", "operation": operation, "userInfo": { "username": "admin", "groups": ["system:masters"] },
            "object": new, "oldObject": old, "dryRun": false,
            "options": { "apiVersion": "meta.k8s.io/v1", "kind": "CreateOptions" },
        },
    });
    if kind.is_namespaced() {
        review["request"]["namespace"] = json!("team");
    }
    review
}

/// The `response` to a v1 review on the validating path.
async fn validate(
    kind: PoolKind,
    in_use: &[(&str, i64)],
    operation: &str,
    new: &Value,
    old: &Value,
) -> Value {
    let body = review("v1", kind, operation, new, old);
    post(&app(kind, in_use), &validate_path(kind), &body).await["response"].take()
}

/// The patch of a mutating response, decoded.
fn patch_of(response: &Value) -> Option<Value> {
    let text = STANDARD.decode(response.get("patch")?.as_str()?).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

fn no_metadata() -> Value {
    json!({})
}

#[test]
fn paths_are_those_of_the_manifests() {
    let paths: Vec<_> = PoolKind::ALL
        .into_iter()
        .flat_map(|kind| [validate_path(kind), mutate_path(kind)])
        .collect();
    assert_eq!(
        paths,
        [
            "/validate-ipam-cluster-x-k8s-io-v1alpha2-inclusterippool",
            "/mutate-ipam-cluster-x-k8s-io-v1alpha2-inclusterippool",
            "/validate-ipam-cluster-x-k8s-io-v1alpha2-globalinclusterippool",
            "/mutate-ipam-cluster-x-k8s-io-v1alpha2-globalinclusterippool",
            "/validate-ipam-cluster-x-k8s-io-v1alpha2-inclusterprefixpool",
            "/mutate-ipam-cluster-x-k8s-io-v1alpha2-inclusterprefixpool",
            "/validate-ipam-cluster-x-k8s-io-v1alpha2-globalinclusterprefixpool",
            "/mutate-ipam-cluster-x-k8s-io-v1alpha2-globalinclusterprefixpool",
        ]
    );
}

#[tokio::test]
async fn no_answer_is_never_a_yes() {
    let kind = PoolKind::InClusterIPPool;
    let nothing_known = app(PoolKind::GlobalInClusterIPPool, &[]);
    let spec = |last: u8| {
        pool(
            kind,
            &no_metadata(),
            &json!({ "addresses": [format!("10.0.0.1-10.0.0.{last}")], "prefix": 24 }),
        )
    };
    let undecidable = [
        review("v1", kind, "DELETE", &Value::Null, &spec(9)),
        review("v1", kind, "UPDATE", &spec(8), &spec(9)),
        review("v1", kind, "DELETE", &Value::Null, &Value::Null),
        review("v1", kind, "UPDATE", &spec(8), &Value::Null),
        review("v1", kind, "CONNECT", &spec(8), &spec(8)),
    ];
    for review in undecidable {
        let response = post(&nothing_known, &validate_path(kind), &review).await["response"].take();
        assert_eq!(
            (&response["allowed"], &response["status"]["code"]),
            (&json!(false), &json!(500)),
            "{review}"
        );
    }
}

#[tokio::test]
async fn unreadable_spec_is_the_schemas_business_unless_it_gets_past_it() {
    let kind = PoolKind::InClusterIPPool;
    let deleting = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": [] });
    let broken = |metadata: &Value, text: &str| pool(kind, metadata, &json!({ "addresses": text }));
    let new = broken(&no_metadata(), "10.0.0.1");
    let mutate = post(
        &app(kind, &[]),
        &mutate_path(kind),
        &review("v1", kind, "CREATE", &new, &Value::Null),
    )
    .await;
    assert_eq!(mutate["response"]["allowed"], true);
    let created = validate(kind, &[], "CREATE", &new, &Value::Null).await;
    assert_eq!(
        (&created["allowed"], &created["status"]["code"]),
        (&json!(false), &json!(400))
    );
    let changed = validate(kind, &[], "UPDATE", &new, &broken(&no_metadata(), "10.0.0.2")).await;
    assert_eq!(changed["allowed"], false);
    for (old, new) in [
        (new.clone(), new),
        (broken(&no_metadata(), "a"), broken(&deleting, "b")),
    ] {
        assert_eq!(validate(kind, &[], "UPDATE", &new, &old).await["allowed"], true);
    }
}
