//! Diagnostics checked by a real TokenReview and SubjectAccessReview.

use axum::body::{Body, to_bytes};
use http::Request;
use k8s_openapi::api::authentication::v1::{TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use runtime::diagnostics::{Reviewer, secure_router};
use runtime::logging::Verbosity;
use runtime::metrics::Metrics;
use testkit::ControlPlane;
use tower::ServiceExt;

use super::own_client;

async fn token(client: &kube::Client, namespace: &str, name: &str) -> String {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), namespace);
    let metadata = ObjectMeta {
        name: Some(name.into()),
        ..ObjectMeta::default()
    };
    let account = ServiceAccount {
        metadata,
        ..ServiceAccount::default()
    };
    accounts.create(&PostParams::default(), &account).await.unwrap();
    let request = TokenRequest {
        spec: Some(TokenRequestSpec::default()),
        ..TokenRequest::default()
    };
    let answer = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await
        .unwrap();
    answer.status.unwrap().token.unwrap()
}

#[tokio::test]
async fn a_service_account_sees_what_its_role_allows() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("diagnostics").await;
    let client = own_client(plane);
    let (scraper, nobody) = (
        token(&client, &namespace, "scraper").await,
        token(&client, &namespace, "nobody").await,
    );
    plane
        .apply_yaml(&format!(
            "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: {namespace}-scraper}}
rules: [{{nonResourceURLs: [/metrics], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: {namespace}-scraper}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {namespace}-scraper}}
subjects: [{{kind: ServiceAccount, name: scraper, namespace: {namespace}}}]
"
        ))
        .await
        .unwrap();
    let app = secure_router(
        Metrics::new(|_| {}),
        Verbosity::detached(0),
        Reviewer::new(client),
    );
    let ask = async |path: &str, token: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let response = app
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    };
    let (status, text) = ask("/metrics", &scraper).await;
    assert!(
        status == 200 && text.contains("process_cpu_seconds_total"),
        "{status} {text}"
    );
    assert_eq!(ask("/debug/pprof/", &scraper).await.0, 403);
    let (status, text) = ask("/metrics", &nobody).await;
    assert!(
        status == 403 && text.contains(&format!("system:serviceaccount:{namespace}:nobody")),
        "{text}"
    );
    assert_eq!(ask("/metrics", "not.a.token").await.0, 401);
}
