use super::*;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use futures::StreamExt;
use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::api::{PostParams, WatchEvent, WatchParams};
use kube::{Api, Config};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::server::{Limits, Transport, serve};

/// A server on loopback that ends with the value.
struct Fake {
    url: String,
    _stop: DropGuard,
}

async fn fake(app: Router) -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let limits = Limits {
        drain: Duration::ZERO,
        ..Limits::default()
    };
    TaskTracker::new().spawn(serve(listener, app, Transport::Plain, limits, stop.clone()));
    Fake {
        url,
        _stop: stop.drop_guard(),
    }
}

fn options(deadline: Duration) -> ClientOptions {
    ClientOptions {
        deadline,
        user_agent: "cadastre-test/1".into(),
        ..ClientOptions::default()
    }
}

fn client(url: &str, options: &ClientOptions) -> kube::Client {
    connect_with(Config::new(url.parse().unwrap()), options).unwrap()
}

fn node(name: &str) -> String {
    json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name, "resourceVersion": "1" } })
        .to_string()
}

fn status(code: StatusCode) -> impl IntoResponse {
    let body =
        json!({ "kind": "Status", "status": "Failure", "code": code.as_u16(), "message": "made to fail" });
    (code, axum::Json(body))
}

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_silent_server_is_a_timeout_with_an_unknown_outcome() {
    let silent =
        get(async || std::future::pending::<()>().await).post(async || std::future::pending::<()>().await);
    let server = fake(Router::new().fallback(silent)).await;
    let options = options(SHORT);
    let api: Api<ConfigMap> = Api::namespaced(client(&server.url, &options), "ns");
    let error = api
        .create(&PostParams::default(), &ConfigMap::default())
        .await
        .unwrap_err();
    let text = crate::answer::describe(&error);
    assert_eq!(
        text,
        "no complete answer from the API server to create configmaps within 0.2 s"
    );
    assert_eq!(outcome(&error), Outcome::Unknown);
    assert_eq!(options.calls.get("create", "configmaps", "timeout"), 1);
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_too() {
    let stalled = get(async || {
        let first = futures::stream::iter([Ok::<_, std::io::Error>("{\"kind\":")]);
        Body::from_stream(first.chain(futures::stream::pending())).into_response()
    });
    let server = fake(Router::new().fallback(stalled)).await;
    let api: Api<Node> = Api::all(client(&server.url, &options(SHORT)));
    let error = tokio::time::timeout(LONG, api.get("n"))
        .await
        .expect("cut")
        .unwrap_err();
    assert!(format!("{error:?}").contains("DeadlineExceeded"), "{error:?}");
}

#[tokio::test]
async fn a_429_is_retried_and_a_503_is_not() {
    let calls = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&calls);
    let app = Router::new()
        .route(
            "/api/v1/nodes/busy",
            get(async move || match seen.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => ([("retry-after", "0")], status(StatusCode::TOO_MANY_REQUESTS)).into_response(),
                _ => node("busy").into_response(),
            }),
        )
        .route(
            "/api/v1/nodes/hopeless",
            get(async || ([("retry-after", "3600")], status(StatusCode::TOO_MANY_REQUESTS))),
        )
        .fallback(async || status(StatusCode::SERVICE_UNAVAILABLE));
    let server = fake(app).await;
    let options = options(LONG);
    let api: Api<Node> = Api::all(client(&server.url, &options));

    assert_eq!(api.get("busy").await.unwrap().metadata.name.unwrap(), "busy");
    let count = |code| options.calls.get("get", "nodes", code);
    assert_eq!((count("429"), count("200")), (2, 1));

    let error = tokio::time::timeout(SHORT * 10, api.get("hopeless"))
        .await
        .expect("not waited for")
        .unwrap_err();
    assert_eq!(outcome(&error), Outcome::NotSent);

    let error = api.get("down").await.unwrap_err();
    assert_eq!((outcome(&error), count("503")), (Outcome::Unknown, 1));
}

#[tokio::test]
async fn a_watch_outlives_the_deadline() {
    let (events, received) = mpsc::channel::<String>(4);
    let received = Arc::new(tokio::sync::Mutex::new(received));
    let app = Router::new()
        .route(
            "/api/v1/nodes",
            get(async move || {
                let stream = futures::stream::unfold(received, async |received| {
                    let line = received.lock().await.recv().await?;
                    Some((Ok::<_, std::io::Error>(line), received))
                });
                Body::from_stream(stream)
            }),
        )
        .fallback(get(async || std::future::pending::<()>().await));
    let server = fake(app).await;
    let api: Api<Node> = Api::all(client(&server.url, &options(SHORT)));
    let mut watch = api.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let event = |name: &str| format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", node(name));
    let next = async |watch: &mut futures::stream::BoxStream<'_, _>| match watch.next().await {
        Some(Ok(WatchEvent::Added(node))) => Node::metadata_name(node),
        other => panic!("{other:?}"),
    };
    events.send(event("one")).await.unwrap();
    assert_eq!(next(&mut watch).await, "one");
    // Another request of the same client runs into its deadline meanwhile.
    assert!(api.get("silent").await.is_err());
    events.send(event("two")).await.unwrap();
    assert_eq!(next(&mut watch).await, "two");
}

trait Named {
    fn metadata_name(self) -> String;
}

impl Named for Node {
    fn metadata_name(self) -> String {
        self.metadata.name.unwrap()
    }
}

#[tokio::test]
async fn a_refused_connection_means_not_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let options = options(LONG);
    let error = Api::<Node>::all(client(&url, &options))
        .get("n")
        .await
        .unwrap_err();
    assert_eq!(outcome(&error), Outcome::NotSent, "{error:?}");
    assert_eq!(options.calls.get("get", "nodes", "error"), 1);
}

#[tokio::test]
async fn the_kubeconfig_of_the_flag_is_used_and_named_in_errors() {
    let app = Router::new()
        .fallback(async |headers: http::HeaderMap| node(headers["user-agent"].to_str().unwrap()));
    let server = fake(app).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = format!(
        "{{apiVersion: v1, kind: Config, current-context: c, contexts: [{{name: c, context: {{cluster: k, user: u}}}}], \
         clusters: [{{name: k, cluster: {{server: \"{}\"}}}}], users: [{{name: u, user: {{}}}}]}}",
        server.url
    );
    std::fs::write(file.path(), text).unwrap();
    let with = |path: &std::path::Path| ClientOptions {
        kubeconfig: Some(path.into()),
        ..options(LONG)
    };
    let client = connect(&with(file.path())).await.unwrap();
    assert_eq!(
        Api::<Node>::all(client).get("n").await.unwrap().metadata_name(),
        "cadastre-test/1"
    );

    let missing = connect(&with("/nonexistent/kubeconfig".as_ref()))
        .await
        .map(|_| ())
        .unwrap_err();
    assert!(
        missing.to_string().contains("/nonexistent/kubeconfig"),
        "{missing}"
    );
}

#[tokio::test]
async fn metrics_carry_the_names_of_the_calls() {
    let server = fake(Router::new().fallback(async || node("n"))).await;
    let options = options(LONG);
    Api::<Node>::all(client(&server.url, &options))
        .get("n")
        .await
        .unwrap();
    let metrics = crate::metrics::Metrics::new(|registry| options.calls.register(registry));
    let text = metrics.encode();
    let want = "cadastre_api_requests_total{verb=\"get\",resource=\"nodes\",code=\"200\"} 1";
    assert!(text.contains(want), "{text}");
}
