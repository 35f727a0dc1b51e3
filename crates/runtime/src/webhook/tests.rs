use super::*;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine;
use serde_json::Value;
use tower::ServiceExt;

async fn call(app: &Router, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
    let request = Request::post(path)
        .header("content-type", "application/json")
        .body(body.into())
        .unwrap();
    let response = app.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

fn review(version: &str) -> Value {
    let gvk = json!({ "group": "ipam.cluster.x-k8s.io", "version": "v1alpha2", "kind": "InClusterIPPool" });
    let gvr =
        json!({ "group": "ipam.cluster.x-k8s.io", "version": "v1alpha2", "resource": "inclusterippools" });
    let object = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1alpha2", "kind": "InClusterIPPool",
        "metadata": { "name": "pool", "namespace": "default" },
        "spec": { "addresses": ["192.0.2.0/24"], "unknownField": 1 },
    });
    json!({
        "apiVersion": format!("admission.k8s.io/{version}"), "kind": "AdmissionReview",
        "request": {
            "uid": "u-1", "kind": gvk, "resource": gvr, "requestKind": gvk, "requestResource": gvr,
            "name": "pool", "namespace": "default", "operation": "UPDATE",
            "userInfo": { "username": "kubernetes-admin", "groups": ["system:masters"] },
            "object": object, "oldObject": null, "dryRun": false, "options": { "kind": "UpdateOptions" },
        },
    })
}

fn app(verdict: Verdict) -> Router {
    Router::new().route("/a", admission(move |_| std::future::ready(verdict.clone())))
}

async fn decided(verdict: Verdict) -> Value {
    let (status, mut answer) = call(&app(verdict), "/a", review("v1").to_string()).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["response"]["uid"], "u-1");
    answer["response"].take()
}

#[tokio::test]
async fn a_review_is_answered_in_its_own_version() {
    for version in ["v1", "v1beta1"] {
        let (status, answer) = call(&app(Verdict::allow()), "/a", review(version).to_string()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(answer["apiVersion"], format!("admission.k8s.io/{version}"));
        assert_eq!(answer["response"], json!({ "uid": "u-1", "allowed": true }));
    }
}

#[tokio::test]
async fn the_function_sees_the_whole_object() {
    let handler = admission(|request| async move {
        let object = request.object.expect("an update has an object");
        let field = object.data.pointer("/spec/unknownField").cloned();
        Verdict::Refused(format!(
            "{} {:?} {}",
            request.name,
            request.operation,
            field.unwrap_or_default()
        ))
    });
    let (_, answer) = call(
        &Router::new().route("/a", handler),
        "/a",
        review("v1").to_string(),
    )
    .await;
    assert_eq!(answer["response"]["status"]["message"], "pool Update 1");
}

#[tokio::test]
async fn a_patch_and_trimmed_warnings_are_carried() {
    let patch: json_patch::Patch =
        serde_json::from_value(json!([{ "op": "add", "path": "/spec/allocationPrefixLength", "value": 64 }]))
            .unwrap();
    let long = "ü".repeat(200);
    let answer = decided(Verdict::Allow {
        patch: Some(patch.clone()),
        warnings: vec!["short".into(), long],
    })
    .await;
    assert_eq!(answer["patchType"], "JSONPatch");
    let text = base64::engine::general_purpose::STANDARD
        .decode(answer["patch"].as_str().unwrap())
        .unwrap();
    assert_eq!(serde_json::from_slice::<json_patch::Patch>(&text).unwrap(), patch);
    assert_eq!(answer["warnings"][0], "short");
    assert_eq!(answer["warnings"][1], "ü".repeat(128));

    let empty = Verdict::Allow {
        patch: Some(json_patch::Patch(Vec::new())),
        warnings: Vec::new(),
    };
    assert_eq!(decided(empty).await, json!({ "uid": "u-1", "allowed": true }));
}

#[tokio::test]
async fn every_field_problem_is_reported_as_go_writes_it() {
    let verdict = Verdict::Invalid {
        group: "ipam.cluster.x-k8s.io".into(),
        kind: "InClusterIPPool".into(),
        name: "pool".into(),
        causes: vec![
            FieldCause::invalid("spec.addresses", "10.0.0.300", "not an address, range or CIDR"),
            FieldCause {
                field: "spec.prefix".into(),
                value: None,
                message: "set it".into(),
                reason: CauseReason::Required,
            },
        ],
    };
    let answer = decided(verdict).await;
    assert_eq!(answer["allowed"], false);
    let status = &answer["status"];
    assert_eq!(
        (&status["code"], &status["reason"]),
        (&json!(422), &json!("Invalid"))
    );
    let want = "InClusterIPPool.ipam.cluster.x-k8s.io \"pool\" is invalid: \
                [spec.addresses: Invalid value: \"10.0.0.300\": not an address, range or CIDR, \
                spec.prefix: Required value: set it]";
    assert_eq!(status["message"], want);
    let cause = json!({
        "reason": "FieldValueInvalid", "field": "spec.addresses",
        "message": "Invalid value: \"10.0.0.300\": not an address, range or CIDR",
    });
    assert_eq!(status["details"]["causes"][0], cause);
    assert_eq!(status["details"]["causes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn refusals_and_failures_have_their_codes() {
    let answer = decided(Verdict::Refused("in use".into())).await;
    assert_eq!(answer["status"]["code"], 400);
    assert_eq!(answer["status"]["reason"], "BadRequest");
    let answer = decided(Verdict::Internal("cache not ready".into())).await;
    assert_eq!(
        (&answer["allowed"], &answer["status"]["code"]),
        (&json!(false), &json!(500))
    );
}

#[tokio::test]
async fn a_panic_is_never_allowed() {
    let handler = admission(|request| async move {
        let object = request.object.expect("an object");
        assert!(object.metadata.name.is_none(), "made to fail");
        Verdict::allow()
    });
    let (status, answer) = call(
        &Router::new().route("/a", handler),
        "/a",
        review("v1").to_string(),
    )
    .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (
            &answer["response"]["allowed"],
            &answer["response"]["status"]["code"]
        ),
        (&json!(false), &json!(500))
    );
}

#[tokio::test]
async fn malformed_reviews_are_bad_requests() {
    let app = app(Verdict::allow()).route("/convert", conversion(|_, object| Ok(object)));
    let mut other = review("v1");
    other["apiVersion"] = json!("admission.k8s.io/v2");
    let empty = json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview" });
    for body in [
        "",
        "{",
        "null",
        "[]",
        "{}",
        &other.to_string(),
        &empty.to_string(),
    ] {
        for path in ["/a", "/convert"] {
            let (status, answer) = call(&app, path, body.to_owned()).await;
            assert_eq!(
                (status, &answer["code"]),
                (StatusCode::BAD_REQUEST, &json!(400)),
                "{path} {body}"
            );
        }
    }
    let (status, _) = call(&app, "/a", vec![b' '; ADMISSION_BODY_LIMIT + 1]).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

fn conversion_review(objects: &Value) -> String {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
        "request": { "uid": "u-2", "desiredAPIVersion": "g/v2", "objects": objects },
    })
    .to_string()
}

#[tokio::test]
async fn objects_are_converted_one_by_one_in_order() {
    let handler = conversion(|version, mut object| {
        object["apiVersion"] = json!(version);
        object["converted"] = json!(true);
        Ok(object)
    });
    let app = Router::new().route("/convert", handler);
    let objects = json!([
        { "apiVersion": "g/v1", "kind": "K", "metadata": { "name": "a" } },
        { "apiVersion": "g/v2", "kind": "K", "metadata": { "name": "b" } },
    ]);
    let (status, answer) = call(&app, "/convert", conversion_review(&objects)).await;
    assert_eq!(status, StatusCode::OK);
    let response = &answer["response"];
    assert_eq!(
        (&response["uid"], &response["result"]["status"]),
        (&json!("u-2"), &json!("Success"))
    );
    assert_eq!(response["convertedObjects"][0]["converted"], true);
    assert_eq!(
        response["convertedObjects"][1], objects[1],
        "already in the wanted version"
    );
}

#[tokio::test]
async fn one_failure_fails_the_review_and_names_the_object() {
    let handler = conversion(|_, object| match object["metadata"]["name"].as_str() {
        Some("bad") => Err("prefix 300 is out of range".to_owned()),
        Some("panic") => panic!("made to fail"),
        _ => Ok(object),
    });
    let app = Router::new().route("/convert", handler);
    for (name, want) in [
        ("bad", "K ns/bad from g/v1 to g/v2: prefix 300"),
        ("panic", "failed internally"),
    ] {
        let objects =
            json!([{ "apiVersion": "g/v1", "kind": "K", "metadata": { "name": name, "namespace": "ns" } }]);
        let (_, answer) = call(&app, "/convert", conversion_review(&objects)).await;
        let response = &answer["response"];
        assert_eq!(response["result"]["status"], "Failure");
        assert!(
            response["result"]["message"].as_str().unwrap().contains(want),
            "{answer}"
        );
        assert_eq!(response.get("convertedObjects"), None);
    }
}
