//! The recorder against a fake API server that records what it gets.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::{advance, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::metrics::Metrics;
use crate::shutdown::Tasks;

/// Answers every create with the object, or with a failure.
#[derive(Clone)]
struct Server {
    requests: Arc<Mutex<Vec<(String, Value)>>>,
    /// The code of every answer.
    code: Arc<AtomicU16>,
    /// An answer needs a permit; closed, nothing is answered any more.
    answers: Arc<Semaphore>,
}

impl Server {
    fn start() -> (Self, Client) {
        let server = Self {
            requests: Arc::default(),
            code: Arc::new(AtomicU16::new(201)),
            answers: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        };
        let handler = server.clone();
        let service = tower::service_fn(move |request| handler.clone().answer(request));
        (server, Client::new(service, "default"))
    }

    async fn answer(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let target = format!("{} {}", request.method(), request.uri().path());
        let bytes = request
            .into_body()
            .collect()
            .await
            .expect("a body in memory")
            .to_bytes();
        let object: Value = serde_json::from_slice(&bytes).expect("json");
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((target, object.clone()));
        self.answers.acquire().await.expect("never closed").forget();
        let code = self.code.load(Ordering::SeqCst);
        let body = if code < 300 {
            object
        } else {
            json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": "no"})
        };
        let body = Body::from(serde_json::to_vec(&body).unwrap());
        Ok(Response::builder()
            .status(StatusCode::from_u16(code).unwrap())
            .body(body)
            .unwrap())
    }

    fn requests(&self) -> Vec<(String, Value)> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn notes(&self) -> Vec<String> {
        self.requests()
            .iter()
            .map(|(_, object)| object["note"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// A recorder with its task running.
struct Running {
    server: Server,
    recorder: Recorder,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    fn start() -> Self {
        let (server, client) = Server::start();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (recorder, task) = Recorder::new(client, "ipam.example/controller", "pod-1", stop.clone());
        tasks.spawn(task);
        tasks.close();
        Self {
            server,
            recorder,
            stop,
            tasks,
        }
    }

    fn record(&self, regarding: &ObjectReference, reason: &str, note: &str) {
        self.recorder
            .record(regarding, EventType::Normal, reason, "Allocate", note);
    }

    /// Waits until this many events have had that outcome. Time is paused: a deadline that passes means that
    /// nothing else is going to happen.
    async fn until(&self, outcome: &'static str, count: u64) {
        let reached = async {
            while self.recorder.count(outcome) < count {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(Duration::from_secs(30), reached)
            .await
            .expect("the events got there");
        assert_eq!(self.recorder.count(outcome), count, "{outcome}");
    }

    async fn finish(&self) {
        self.stop.cancel();
        timeout(Duration::from_secs(30), self.tasks.wait())
            .await
            .expect("the task ended");
    }
}

fn claim(uid: &str) -> ObjectReference {
    ObjectReference {
        api_version: Some("ipam.example/v1".into()),
        kind: Some("Claim".into()),
        namespace: Some("team-a".into()),
        name: Some("web".into()),
        uid: Some(uid.into()),
        ..ObjectReference::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_is_written_beside_its_object() {
    let running = Running::start();
    let note = "got 192.0.2.7";
    running.recorder.record(
        &claim("u1"),
        EventType::Warning,
        "AddressAllocated",
        "Allocate",
        note,
    );
    running.until("written", 1).await;
    let (target, mut object) = running.server.requests().remove(0);
    assert_eq!(target, "POST /apis/events.k8s.io/v1/namespaces/team-a/events");
    let name = object["metadata"]["name"].take();
    assert!(name.as_str().unwrap().starts_with("web."), "{name}");
    let time = object["eventTime"].take();
    assert_eq!(
        time.as_str().unwrap().len(),
        "2026-01-01T00:00:00.000000Z".len(),
        "{time}"
    );
    let expected = json!({
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": null, "namespace": "team-a"},
        "eventTime": null,
        "type": "Warning",
        "reason": "AddressAllocated",
        "action": "Allocate",
        "note": note,
        "reportingController": "ipam.example/controller",
        "reportingInstance": "pod-1",
        "regarding": {
            "apiVersion": "ipam.example/v1", "kind": "Claim",
            "namespace": "team-a", "name": "web", "uid": "u1",
        },
    });
    assert_eq!(object, expected);
}

#[tokio::test(start_paused = true)]
async fn events_of_cluster_scoped_objects_live_in_default() {
    let running = Running::start();
    for namespace in [None, Some(String::new())] {
        let note = format!("{namespace:?}");
        running.record(
            &ObjectReference {
                namespace,
                ..claim("u1")
            },
            "PoolExhausted",
            &note,
        );
    }
    running.until("written", 2).await;
    for (target, object) in running.server.requests() {
        assert_eq!(target, "POST /apis/events.k8s.io/v1/namespaces/default/events");
        assert_eq!(object["metadata"]["namespace"], "default");
    }
}

#[tokio::test(start_paused = true)]
async fn long_texts_are_cut() {
    let running = Running::start();
    running.record(&claim("u1"), &"R".repeat(200), &"ä".repeat(MAX_NOTE));
    running.record(&claim("u1"), "Reason", &format!("a{}", "ä".repeat(MAX_NOTE)));
    running.until("written", 2).await;
    assert_eq!(running.server.requests()[0].1["reason"], "R".repeat(MAX_FIELD));
    let lengths: Vec<usize> = running.server.notes().iter().map(String::len).collect();
    assert_eq!(lengths, [MAX_NOTE, MAX_NOTE - 1]);
}

#[tokio::test(start_paused = true)]
async fn the_same_event_is_written_once_in_five_minutes() {
    let running = Running::start();
    (0..3).for_each(|_| running.record(&claim("u1"), "PoolExhausted", "full"));
    running.until("merged", 2).await;
    for (regarding, reason, note) in [
        (claim("u2"), "PoolExhausted", "full"),
        (claim("u1"), "Other", "full"),
        (claim("u1"), "Other", "x"),
    ] {
        running.record(&regarding, reason, note);
    }
    running.until("written", 4).await;
    advance(WINDOW).await;
    running.record(&claim("u1"), "PoolExhausted", "full");
    running.until("written", 5).await;
    assert_eq!(running.recorder.count("merged"), 2);
    assert_eq!(running.server.requests().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn without_a_uid_objects_differ_by_name() {
    let running = Running::start();
    let named = |name: &str| ObjectReference {
        uid: None,
        name: Some(name.into()),
        ..claim("")
    };
    running.record(&named("a"), "Reason", "note");
    running.record(&named("b"), "Reason", "note");
    running.record(&named("a"), "Reason", "note");
    running.until("merged", 1).await;
    running.until("written", 2).await;
}

#[tokio::test(start_paused = true)]
async fn an_event_that_was_refused_may_be_tried_again() {
    let running = Running::start();
    running.server.code.store(403, Ordering::SeqCst);
    running.record(&claim("u1"), "Reason", "note");
    running.until("failed", 1).await;
    running.server.code.store(201, Ordering::SeqCst);
    running.record(&claim("u1"), "Reason", "note");
    running.until("written", 1).await;
    assert_eq!(running.recorder.count("merged"), 0);
}

#[tokio::test(start_paused = true)]
async fn recording_never_waits_and_drops_what_does_not_fit() {
    let running = Running::start();
    running.server.answers.forget_permits(Semaphore::MAX_PERMITS);
    // Nothing runs between these calls: the channel takes what fits into it, and no more.
    (0..CAPACITY + 5).for_each(|n| running.record(&claim("u1"), "Reason", &n.to_string()));
    assert_eq!(running.recorder.count("dropped"), 5);
    running.server.answers.add_permits(CAPACITY);
    running.until("written", CAPACITY as u64).await;
    assert_eq!(
        running.server.notes()[CAPACITY - 1],
        (CAPACITY - 1).to_string(),
        "in order, the newest dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_recorded_before_the_stop_is_still_written() {
    let running = Running::start();
    running.record(&claim("u1"), "Reason", "last words");
    running.finish().await;
    assert_eq!(running.server.notes(), ["last words"]);
    running.record(&claim("u1"), "Reason", "too late");
    assert_eq!(running.recorder.count("dropped"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_does_not_hold_up_the_stop() {
    let running = Running::start();
    running.server.answers.forget_permits(Semaphore::MAX_PERMITS);
    (0..3).for_each(|n| running.record(&claim("u1"), "Reason", &n.to_string()));
    // The first one is on its way when the stop comes.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(running.server.notes(), ["0"]);
    let start = tokio::time::Instant::now();
    running.finish().await;
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!(
        running.recorder.count("dropped") + running.recorder.count("failed"),
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_costs_one_event_at_a_time() {
    let running = Running::start();
    running.server.answers.forget_permits(Semaphore::MAX_PERMITS);
    (0..2).for_each(|n| running.record(&claim("u1"), "Reason", &n.to_string()));
    running.until("failed", 2).await;
    running.server.answers.add_permits(8);
    running.record(&claim("u1"), "Reason", "again");
    running.until("written", 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_started_recorder_ends_with_the_other_tasks() {
    let (server, client) = Server::start();
    let tasks = Tasks::new();
    let recorder = Recorder::start(client, "controller", "pod-1", &tasks);
    recorder.record(&claim("u1"), EventType::Normal, "Reason", "Allocate", "note");
    assert_eq!(tasks.drain(Duration::from_secs(30)).await, 0);
    assert_eq!((server.notes(), tasks.failure()), (vec!["note".to_owned()], None));
}

#[tokio::test(start_paused = true)]
async fn outcomes_are_metrics() {
    let running = Running::start();
    let metrics = Metrics::new(|registry| running.recorder.register(registry));
    running.record(&claim("u1"), "Reason", "note");
    running.until("written", 1).await;
    let page = metrics.encode();
    assert!(
        page.contains("cadastre_events_total{outcome=\"written\"} 1\n"),
        "{page}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_task_goes_on_when_no_recorder_is_left() {
    let Running {
        recorder,
        stop,
        tasks,
        ..
    } = Running::start();
    drop(recorder);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(tasks.len(), 1);
    stop.cancel();
    timeout(Duration::from_secs(30), tasks.wait())
        .await
        .expect("the task ended");
}
