use super::*;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::{Body, to_bytes};
use http_body_util::BodyExt;
use kube::Client;
use serde_json::{Value, json};
use tower::ServiceExt;

/// An API server that knows the token `good` (may get everything) and `other` (may do nothing).
fn api(asked: Arc<AtomicU64>) -> Client {
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        let asked = Arc::clone(&asked);
        async move {
            asked.fetch_add(1, Ordering::SeqCst);
            let path = request.uri().path().to_owned();
            let bytes = request.into_body().collect().await.unwrap().to_bytes();
            let mut review: Value = serde_json::from_slice(&bytes).unwrap();
            let (code, status) = if path.ends_with("/tokenreviews") {
                match review["spec"]["token"].as_str().unwrap() {
                    "broken" => (500, json!({})),
                    "bad" => (201, json!({ "authenticated": false, "error": "unknown token" })),
                    token => (
                        201,
                        json!({ "authenticated": true, "user": { "username": token } }),
                    ),
                }
            } else {
                assert!(path.ends_with("/subjectaccessreviews"), "{path}");
                let spec = &review["spec"];
                let allowed = spec["user"] == "good" && spec["nonResourceAttributes"]["verb"] == "get"
                    || spec["user"] == "admin";
                (201, json!({ "allowed": allowed }))
            };
            review["status"] = status;
            if code == 500 {
                review =
                    json!({ "kind": "Status", "status": "Failure", "code": 500, "message": "made to fail" });
            }
            let response = http::Response::builder()
                .status(code)
                .body(Body::from(review.to_string()))
                .unwrap();
            Ok::<_, std::convert::Infallible>(response)
        }
    });
    Client::new(service, "default")
}

struct Server {
    app: Router,
    verbosity: Verbosity,
    asked: Arc<AtomicU64>,
}

fn server() -> Server {
    let asked = Arc::new(AtomicU64::new(0));
    let verbosity = Verbosity::detached(0);
    let reviewer = Reviewer::new(api(Arc::clone(&asked)));
    let app = secure_router(Metrics::new(|_| {}), verbosity.clone(), reviewer);
    Server {
        app,
        verbosity,
        asked,
    }
}

impl Server {
    async fn ask(&self, method: &str, path: &str, token: Option<&str>, body: &str) -> (u16, String) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn get(&self, path: &str, token: &str) -> (u16, String) {
        self.ask("GET", path, Some(token), "").await
    }
}

#[tokio::test]
async fn only_an_allowed_bearer_sees_anything() {
    let server = server();
    for path in ["/metrics", "/debug/pprof/", "/debug/flags/v", "/nothing/here"] {
        assert_eq!(
            server.ask("GET", path, None, "").await.0,
            401,
            "{path} without a token"
        );
        assert_eq!(server.get(path, "bad").await.0, 401, "{path} with a bad token");
        let (status, text) = server.get(path, "other").await;
        assert_eq!(status, 403, "{path} without permission");
        assert!(text.contains("\"other\"") && text.contains(path), "{text}");
        assert_eq!(
            server.get(path, "broken").await.0,
            500,
            "{path} when the API server fails"
        );
    }
    assert!(
        server
            .get("/metrics", "good")
            .await
            .1
            .contains("process_resident_memory_bytes")
    );
    assert_eq!(server.get("/nothing/here", "good").await.0, 404);
}

#[tokio::test]
async fn other_schemes_are_no_bearer() {
    let server = server();
    for value in ["Basic good", "good", "Bearer ", ""] {
        let request = Request::get("/metrics")
            .header("authorization", value)
            .body(Body::empty())
            .unwrap();
        let response = server.app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 401, "{value:?}");
    }
    assert_eq!(server.asked.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_are_remembered_for_ten_seconds_and_failures_are_not() {
    let server = server();
    let asked = || server.asked.load(Ordering::SeqCst);
    for _ in 0..5 {
        assert_eq!(server.get("/metrics", "good").await.0, 200);
    }
    assert_eq!(asked(), 2, "one review of each kind");
    for _ in 0..5 {
        assert_eq!(server.get("/metrics", "bad").await.0, 401);
    }
    assert_eq!(asked(), 3, "denials are remembered too");
    assert_eq!(server.get("/debug/pprof/", "good").await.0, 200);
    assert_eq!(asked(), 5, "another path is another question");
    server.get("/metrics", "broken").await;
    server.get("/metrics", "broken").await;
    assert_eq!(asked(), 7);
    tokio::time::advance(CACHE_TIME).await;
    server.get("/metrics", "good").await;
    assert_eq!(asked(), 9);
}

#[tokio::test]
async fn the_verbosity_is_read_and_set() {
    let server = server();
    assert_eq!(server.get("/debug/flags/v", "good").await, (200, "0\n".into()));
    let put = async |token, body| server.ask("PUT", "/debug/flags/v", Some(token), body).await;
    assert_eq!(put("good", "5").await.0, 403, "reading does not allow writing");
    let (status, text) = put("admin", "5\n").await;
    assert_eq!(
        (status, text.as_str()),
        (200, "successfully set klog.logging.verbosity to 5\n")
    );
    assert_eq!(server.verbosity.get(), 5);
    assert_eq!(put("admin", "loud").await.0, 400);
    assert_eq!(server.verbosity.get(), 5);
}

#[tokio::test]
async fn profiles_that_mean_something_are_served() {
    let server = server();
    let (status, line) = server.get("/debug/pprof/cmdline", "good").await;
    let own = std::env::args().next().unwrap();
    assert!(status == 200 && line.starts_with(&own), "{line}");
    assert!(
        server
            .get("/debug/pprof/heap", "good")
            .await
            .1
            .contains("resident_bytes ")
    );
    assert!(
        server
            .get("/debug/pprof/threadcreate", "good")
            .await
            .1
            .starts_with("threads ")
    );
    assert!(server.get("/debug/pprof/", "good").await.1.contains("heap"));
    let (status, text) = server.get("/debug/pprof/profile", "good").await;
    assert!(status == 404 && text.contains("perf"), "{text}");
}

#[tokio::test]
async fn the_insecure_variant_has_metrics_and_nothing_else() {
    let app = insecure_router(Metrics::new(|_| {}));
    let status = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        app.clone().oneshot(request).await.unwrap().status().as_u16()
    };
    assert_eq!(status("/metrics").await, 200);
    for path in ["/debug/pprof/", "/debug/flags/v", "/"] {
        assert_eq!(status(path).await, 404, "{path}");
    }
}
