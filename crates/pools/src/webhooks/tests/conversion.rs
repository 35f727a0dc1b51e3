//! Conversion, spec §19.11.

use super::*;

fn conversion_review(desired: &str, objects: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "ConversionReview",
        "request": { "uid": "u", "desiredAPIVersion": format!("ipam.cluster.x-k8s.io/{desired}"), "objects": objects },
    })
}

#[tokio::test]
async fn case_147_conversion_over_http() {
    let old = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1alpha1", "kind": "InClusterIPPool",
        "metadata": { "name": "p", "namespace": "team" }, "spec": { "subnet": "1.1.1.0/24" },
    });
    let app = app(PoolKind::InClusterIPPool, &[]);
    let mut answer = post(
        &app,
        CONVERT_PATH,
        &conversion_review("v1alpha2", &json!([old, old])),
    )
    .await;
    assert_eq!(answer["response"]["result"]["status"], "Success");
    let stored = answer["response"]["convertedObjects"].take();
    assert_eq!(
        stored[1]["spec"],
        json!({ "addresses": ["1.1.1.1-1.1.1.254"], "prefix": 24 })
    );
    let back = post(&app, CONVERT_PATH, &conversion_review("v1alpha1", &stored)).await;
    assert_eq!(
        back["response"]["convertedObjects"][0]["spec"]["subnet"],
        "1.1.1.0/24"
    );
}

#[tokio::test]
async fn case_154_conversion_failure_over_http() {
    let bad = json!({
        "apiVersion": "ipam.cluster.x-k8s.io/v1alpha1", "kind": "InClusterIPPool",
        "metadata": { "name": "p", "namespace": "team" }, "spec": { "subnet": "nonsense" },
    });
    let answer = post(
        &app(PoolKind::InClusterIPPool, &[]),
        CONVERT_PATH,
        &conversion_review("v1alpha2", &json!([bad])),
    )
    .await;
    let result = &answer["response"]["result"];
    assert_eq!(result["status"], "Failure");
    let message = result["message"].as_str().unwrap();
    assert!(
        message.contains("InClusterIPPool team/p") && message.contains("spec.subnet"),
        "{message}"
    );
    assert_eq!(message.matches("cannot convert").count(), 1, "{message}");
}
