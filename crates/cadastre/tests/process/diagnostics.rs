//! `/metrics` and `/debug`: who may read them.

use api::pool::PoolKind;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{
    Api, Client, Config,
    api::{ObjectMeta, PostParams},
};
use serde_json::json;

use crate::{
    replica::{Replica, home},
    rig,
};

/// A client that does not care for the certificate, as scrapers of Cluster API are configured.
fn scraper(port: u16) -> Client {
    let uri = format!("https://127.0.0.1:{port}").parse().expect("a URI");
    let mut config = Config::new(uri);
    config.accept_invalid_certs = true;
    testkit::client(&config).expect("a client")
}

async fn ask(client: &Client, method: Method, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let request = request
        .body(kube::client::Body::from(body.as_bytes().to_vec()))
        .expect("a request");
    let answer = client.send(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

/// A service account's token, taken from the kubeconfig made for it.
async fn token(plane: &testkit::ControlPlane, namespace: &str, name: &str) -> String {
    let api: Api<ServiceAccount> = Api::namespaced(plane.client(), namespace);
    let metadata = ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    };
    let account = ServiceAccount {
        metadata,
        ..ServiceAccount::default()
    };
    api.create(&PostParams::default(), &account)
        .await
        .expect("a service account");
    let path = plane
        .kubeconfig_for_service_account(namespace, name)
        .await
        .expect("a kubeconfig");
    let text = std::fs::read_to_string(path).expect("a file");
    let token = text.lines().find_map(|line| line.trim().strip_prefix("token:"));
    token.expect("a token").trim().trim_matches('"').to_owned()
}

/// 401 without a token or with a wrong one, 403 without the right, 200 with the role of the release.
#[tokio::test]
async fn secured_diagnostics_ask_the_api_server_who_may() {
    let (plane, _, ns) = home("scrape").await;
    let rbac = include_str!("../../../../deploy/clusterctl/rbac.yaml");
    let namespace = include_str!("../../../../deploy/clusterctl/namespace.yaml");
    plane
        .apply_yaml(namespace)
        .await
        .expect("the namespace of the release");
    plane.apply_yaml(rbac).await.expect("the roles of the release");
    let replica = Replica::without_webhooks(plane.kubeconfig(), &ns, &[]).await;
    let client = scraper(replica.diagnostics.number());
    let nobody = token(plane, &ns, "nobody").await;
    let scrape = token(plane, &ns, "scraper").await;
    let root = token(plane, &ns, "debugger").await;
    let binding = |name: &str, role: &str| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("{ns}-{name}")},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "namespace": ns, "name": name}],
        })
    };
    let debug = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": format!("{ns}-debug")},
        "rules": [{"nonResourceURLs": ["/debug/*"], "verbs": ["get", "put"]}],
    });
    for object in [
        binding("scraper", "capi-ipam-in-cluster-metrics-reader"),
        debug,
        binding("debugger", &format!("{ns}-debug")),
    ] {
        plane.apply_yaml(&object.to_string()).await.expect("it applies");
    }

    let metrics = "/metrics";
    assert_eq!(ask(&client, Method::GET, metrics, None, "").await.0, 401);
    assert_eq!(
        ask(&client, Method::GET, metrics, Some("nonsense"), "").await.0,
        401
    );
    let (status, text) = ask(&client, Method::GET, metrics, Some(&nobody), "").await;
    assert_eq!(status, 403, "{text}");
    assert!(text.contains("nobody") && text.contains("/metrics"), "{text}");
    let (status, text) = ask(&client, Method::GET, metrics, Some(&scrape), "").await;
    assert_eq!(status, 200, "{text}");
    for name in [
        "ipam_allocations_total",
        "ipam_duplicate_addresses_total",
        "process_resident_memory_bytes",
    ] {
        assert!(text.contains(name), "{name} is missing: {text}");
    }
    assert_eq!(
        ask(&client, Method::GET, "/debug/flags/v", Some(&scrape), "")
            .await
            .0,
        403
    );
    // Unknown paths tell nobody more than that they may not ask.
    assert_eq!(ask(&client, Method::GET, "/nonsense", None, "").await.0, 401);

    assert_eq!(
        ask(&client, Method::GET, "/debug/flags/v", Some(&root), "").await,
        (200, "0\n".to_owned())
    );
    assert!(
        !replica.process.log().contains("DEBUG"),
        "nothing is said in detail yet"
    );
    let (status, text) = ask(&client, Method::PUT, "/debug/flags/v", Some(&root), "5").await;
    assert_eq!(
        (status, text.as_str()),
        (200, "successfully set klog.logging.verbosity to 5\n")
    );
    assert_eq!(
        ask(&client, Method::GET, "/debug/flags/v", Some(&root), "").await,
        (200, "5\n".to_owned())
    );
    rig::create(
        &rig::claims(&plane.client(), &ns),
        &rig::claim("c", PoolKind::InClusterIPPool, "none"),
    )
    .await;
    replica.says("DEBUG").await;
    assert_eq!(
        ask(&client, Method::PUT, "/debug/flags/v", Some(&root), "loud")
            .await
            .0,
        400
    );
    assert_eq!(
        ask(&client, Method::PUT, "/debug/flags/v", Some(&scrape), "0")
            .await
            .0,
        403
    );
    replica.dismiss().await;
}

/// `--insecure-diagnostics`: metrics for everybody and nothing else.
#[tokio::test]
async fn insecure_diagnostics_show_metrics_alone() {
    let (plane, _, ns) = home("insecure").await;
    let replica = Replica::without_webhooks(plane.kubeconfig(), &ns, &["--insecure-diagnostics"]).await;
    let port = replica.diagnostics.number();
    let get = async |path: &str| {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .expect("it listens");
        crate::replica::get(stream, path).await.expect("an answer")
    };
    assert_eq!(get("/metrics").await.0, 200);
    for path in ["/debug/flags/v", "/debug/pprof/", "/"] {
        assert_eq!(get(path).await.0, 404, "{path}");
    }
    replica.dismiss().await;
}
