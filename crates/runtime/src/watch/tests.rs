use super::*;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use futures::stream;
use http::{Request, Response, StatusCode};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Client, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// What the fake API server does with one request; a line of the script. Time is paused, so no pause is real.
enum Reply {
    Fail(u16),
    List(&'static str, &'static [&'static str]),
    /// A list of these.
    Items(Vec<Value>),
    /// A watch that sends these and then ends.
    Events(Vec<Value>),
    /// A watch that sends these and stays open.
    Open(Vec<Value>),
}

struct Script {
    replies: VecDeque<Reply>,
    asked: Vec<String>,
}

fn object(name: &str, version: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": name, "namespace": "ns", "resourceVersion": version },
    })
}

fn event(kind: &str, name: &str, version: &str) -> Value {
    json!({ "type": kind, "object": object(name, version) })
}

fn error(code: u16) -> Value {
    json!({ "type": "ERROR", "object": { "kind": "Status", "status": "Failure", "code": code, "message": "gone" } })
}

fn list(version: &str, items: &[Value]) -> Response<Body> {
    let list = json!({
        "apiVersion": "v1", "kind": "ConfigMapList",
        "metadata": { "resourceVersion": version }, "items": items,
    });
    Response::new(Body::from(list.to_string()))
}

/// A map whose values are not text.
fn odd(name: &str, version: &str) -> Value {
    let mut odd = object(name, version);
    odd["data"] = json!({ "answer": 42 });
    odd
}

fn respond(script: &Mutex<Script>, request: &Request<kube::client::Body>) -> Response<Body> {
    let mut script = script.lock().unwrap();
    let query = request.uri().query().unwrap_or_default();
    let version = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("resourceVersion="));
    let verb = if query.contains("watch=true") {
        "watch"
    } else {
        "list"
    };
    script.asked.push(format!("{verb} {}", version.unwrap_or("-")));
    let lines = |events: Vec<Value>| {
        stream::iter(
            events
                .into_iter()
                .map(|event| Ok::<_, std::io::Error>(format!("{event}\n"))),
        )
    };
    match script.replies.pop_front() {
        // The script is over: the connection hangs.
        None => Response::new(Body::from_stream(stream::pending::<std::io::Result<String>>())),
        Some(Reply::Fail(code)) => {
            let status =
                json!({ "kind": "Status", "status": "Failure", "code": code, "message": "made to fail" });
            let code = StatusCode::from_u16(code).unwrap();
            Response::builder()
                .status(code)
                .body(Body::from(status.to_string()))
                .unwrap()
        }
        Some(Reply::List(version, names)) => list(
            version,
            &names.iter().map(|name| object(name, "1")).collect::<Vec<_>>(),
        ),
        Some(Reply::Items(items)) => list("10", &items),
        Some(Reply::Events(events)) => Response::new(Body::from_stream(lines(events))),
        Some(Reply::Open(events)) => Response::new(Body::from_stream(lines(events).chain(stream::pending()))),
    }
}

struct Run {
    seen: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Script>>,
    status: channel::Receiver<WatchStatus>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn start(replies: Vec<Reply>) -> Run {
    let script = Arc::new(Mutex::new(Script {
        replies: replies.into(),
        asked: Vec::new(),
    }));
    let served = Arc::clone(&script);
    let service = tower::service_fn(move |request| {
        std::future::ready(Ok::<_, std::convert::Infallible>(respond(&served, &request)))
    });
    let api: Api<Guarded<ConfigMap>> = Api::namespaced(Client::new(service, "ns"), "ns");
    let (sender, status) = status();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let stop = CancellationToken::new();
    let log = Arc::clone(&seen);
    let sink = move |event: WatchEvent<ConfigMap>| {
        log.lock().unwrap().push(match event {
            WatchEvent::Init => "init".to_owned(),
            WatchEvent::InitApply(object) => format!("listed {}", object.name_any()),
            WatchEvent::InitDone => "done".to_owned(),
            WatchEvent::Applied(object) => format!("applied {}", object.name_any()),
            WatchEvent::Deleted(key) => format!("deleted {}/{}", key.namespace, key.name),
            WatchEvent::Unreadable(it) => format!("unreadable {}: {}", it.key.name, it.error),
        });
    };
    let task = TaskTracker::new().spawn(run(api, watcher::Config::default(), sender, sink, stop.clone()));
    Run {
        seen,
        script,
        status,
        stop,
        task,
    }
}

impl Run {
    /// Waits until the sink has seen this many events, and returns them.
    async fn seen(&self, count: usize) -> Vec<String> {
        let wait = async {
            while self.seen.lock().unwrap().len() < count {
                sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(Duration::from_secs(600), wait)
            .await
            .expect("events come");
        self.seen.lock().unwrap().clone()
    }

    fn asked(&self) -> Vec<String> {
        self.script.lock().unwrap().asked.clone()
    }

    async fn until(&mut self, what: &str, test: impl Fn(&WatchStatus) -> bool) {
        let waited = timeout(
            Duration::from_secs(600),
            self.status.wait_for(|status| test(status)),
        )
        .await;
        waited.unwrap_or_else(|_| panic!("never {what}")).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_and_then_changes() {
    let events = vec![
        event("MODIFIED", "a", "11"),
        event("DELETED", "b", "12"),
        event("ADDED", "c", "13"),
    ];
    let mut run = start(vec![Reply::List("10", &["a", "b"]), Reply::Open(events)]);
    let want = [
        "init",
        "listed a",
        "listed b",
        "done",
        "applied a",
        "deleted ns/b",
        "applied c",
    ];
    assert_eq!(run.seen(7).await, want);
    assert_eq!(run.asked(), ["list -", "watch 10"]);
    run.until("synced", |status| {
        *status
            == WatchStatus {
                synced: true,
                health: Health::Live,
            }
    })
    .await;
    assert_eq!(run.status.borrow().missing(), None);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_is_waited_for_without_a_word_to_the_sink() {
    let mut run = start(vec![
        Reply::Fail(404),
        Reply::Fail(404),
        Reply::List("10", &["a"]),
    ]);
    run.until("not served", |status| status.health == Health::NotServed)
        .await;
    assert!(run.status.borrow().missing().unwrap().contains("CRD"));
    assert!(run.seen.lock().unwrap().is_empty());
    assert_eq!(run.seen(3).await, ["init", "listed a", "done"]);
    run.until("synced", |status| status.synced && status.health == Health::Live)
        .await;
}

#[tokio::test(start_paused = true)]
async fn failing_lists_are_repeated_until_one_works() {
    let replies = vec![
        Reply::Fail(500),
        Reply::Fail(429),
        Reply::Fail(403),
        Reply::List("10", &[]),
    ];
    let mut run = start(replies);
    run.until(
        "failing",
        |status| matches!(&status.health, Health::Failing(reason) if reason.contains("403")),
    )
    .await;
    assert!(!run.status.borrow().synced);
    assert_eq!(run.seen(2).await, ["init", "done"]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_watch_goes_on_where_it_was() {
    let run = start(vec![
        Reply::List("10", &["a"]),
        Reply::Events(vec![event("MODIFIED", "a", "11")]),
        Reply::Fail(503),
        Reply::Open(vec![event("MODIFIED", "a", "12")]),
    ]);
    let want = ["init", "listed a", "done", "applied a", "applied a"];
    assert_eq!(run.seen(5).await, want, "no new list, and nothing deleted");
    assert_eq!(run.asked(), ["list -", "watch 10", "watch 11", "watch 11"]);
}

#[tokio::test(start_paused = true)]
async fn an_expired_position_means_a_new_list() {
    for expired in [
        Reply::Events(vec![error(410)]),
        Reply::Fail(410),
        Reply::Fail(400),
    ] {
        let run = start(vec![
            Reply::List("10", &["a", "b"]),
            expired,
            Reply::List("90", &["b"]),
            Reply::Open(vec![event("ADDED", "c", "91")]),
        ]);
        let want = [
            "init",
            "listed a",
            "listed b",
            "done",
            "init",
            "listed b",
            "done",
            "applied c",
        ];
        assert_eq!(run.seen(8).await, want);
        assert_eq!(run.asked(), ["list -", "watch 10", "list -", "watch 90"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_crd_that_is_removed_is_not_a_deletion_of_its_objects() {
    let mut run = start(vec![
        Reply::List("10", &["a"]),
        Reply::Events(vec![]),
        Reply::Fail(404),
        Reply::Fail(404),
    ]);
    run.seen(3).await;
    run.until("not served", |status| status.health == Health::NotServed)
        .await;
    assert!(run.status.borrow().synced, "it was");
    assert_eq!(run.seen(3).await, ["init", "listed a", "done"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_read_hides_no_other() {
    let mut run = start(vec![
        Reply::Items(vec![object("a", "1"), odd("b", "2"), object("c", "3")]),
        Reply::Events(vec![
            json!({ "type": "MODIFIED", "object": odd("a", "11") }),
            event("MODIFIED", "b", "12"),
            json!({ "type": "DELETED", "object": odd("a", "13") }),
        ]),
        Reply::Open(vec![]),
    ]);
    let wrong = "invalid type: integer `42`, expected a string";
    let want = [
        "init".to_owned(),
        "listed a".to_owned(),
        format!("unreadable b: {wrong}"),
        "listed c".to_owned(),
        "done".to_owned(),
        format!("unreadable a: {wrong}"),
        "applied b".to_owned(),
        "deleted ns/a".to_owned(),
    ];
    assert_eq!(run.seen(8).await, want);
    run.until("synced", |status| status.synced && status.health == Health::Live)
        .await;
    let watched = async {
        while run.asked().len() < 3 {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(600), watched)
        .await
        .expect("the watch goes on");
    assert_eq!(
        run.asked(),
        ["list -", "watch 10", "watch 13"],
        "no new list, and no event twice"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_an_open_watch() {
    let run = start(vec![Reply::List("10", &[]), Reply::Open(vec![])]);
    run.seen(2).await;
    run.stop.cancel();
    timeout(Duration::from_secs(1), run.task)
        .await
        .expect("ended")
        .unwrap();
}

#[test]
fn pauses_grow_and_start_again_after_quiet() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut pauses = Pauses::default();
        let failed = Verdict::Failed("x".into());
        let mut last = Duration::ZERO;
        for _ in 0..10 {
            last = pauses.next(&failed);
        }
        assert!(last >= PAUSES.1 && last <= PAUSES.1 * 6 / 5, "{last:?}");
        tokio::time::advance(FORGET_AFTER + Duration::from_secs(1)).await;
        assert!(pauses.next(&failed) < PAUSES.0 * 2);
        assert!(pauses.next(&Verdict::NotServed) >= NOT_SERVED_PAUSE);
    });
}
