//! Every kind of fault, seen by a real client of a real API server.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use http::Method;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::{Client, Error};
use testkit::fault::{Action, Count, Fault, Filter};
use testkit::{ControlPlane, FaultProxy, Options, client, eventually};

const SOON: Duration = Duration::from_secs(20);

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

/// A client that shows each answer instead of retrying.
async fn plain_client(proxy: &FaultProxy) -> Client {
    let mut config = proxy.config().await.expect("kubeconfig of the proxy");
    config.default_retry = false;
    client(&config).expect("a client")
}

/// A proxy before the shared control plane, and config maps of a fresh namespace through it.
async fn set_up(prefix: &str) -> (&'static ControlPlane, FaultProxy, Api<ConfigMap>, Api<ConfigMap>) {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace(prefix).await;
    let proxy = FaultProxy::start(plane).await.expect("a proxy");
    let through = Api::namespaced(plain_client(&proxy).await, &namespace);
    let direct = Api::namespaced(plane.client(), &namespace);
    (plane, proxy, through, direct)
}

fn fault(filter: Filter, action: Action, count: Count) -> Fault {
    Fault {
        filter,
        action,
        count,
    }
}

#[tokio::test]
async fn without_faults_everything_passes_and_is_counted() {
    let (_plane, proxy, through, _direct) = set_up("clean").await;
    through
        .create(&PostParams::default(), &config_map("a"))
        .await
        .expect("create");
    through.get("a").await.expect("get");
    through.list(&ListParams::default()).await.expect("list");
    let data = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
    let patch = ConfigMap {
        data: Some(data),
        ..config_map("a")
    };
    through
        .patch("a", &PatchParams::apply("t"), &Patch::Apply(&patch))
        .await
        .expect("apply");
    let requests = proxy.reset_requests();
    for verb in ["create", "get", "list", "patch"] {
        assert_eq!(requests.of(verb, "configmaps", ""), 1, "{requests}");
    }
    assert_eq!((requests.writes(), requests.total()), (2, 4), "{requests}");
    assert_eq!(proxy.requests().total(), 0, "reset");
}

#[tokio::test]
async fn refusals_carry_code_and_reason_and_end_after_the_given_times() {
    let (_plane, proxy, through, direct) = set_up("status").await;
    let posts = || Filter::method(Method::POST).path("/configmaps");
    for (code, reason) in [
        (409, "Conflict"),
        (429, "TooManyRequests"),
        (500, "InternalError"),
    ] {
        let name = format!("m{code}");
        let injected = proxy.inject(fault(posts(), Action::status(code), Count::Times(1)));
        match through.create(&PostParams::default(), &config_map(&name)).await {
            Err(Error::Api(status)) => assert_eq!((status.code, status.reason.as_str()), (code, reason)),
            other => panic!("expected a refusal with {code}, got {other:?}"),
        }
        assert!(
            direct.get_opt(&name).await.expect("readable").is_none(),
            "the server never saw it"
        );
        through
            .create(&PostParams::default(), &config_map(&name))
            .await
            .expect("the second passes");
        assert_eq!(injected.hits(), 1);
    }
}

#[tokio::test]
async fn a_retrying_client_honours_retry_after() {
    let (plane, proxy, _through, _direct) = set_up("retry").await;
    let namespace = plane.namespace("retry").await;
    let retrying: Api<ConfigMap> = Api::namespaced(
        client(&proxy.config().await.expect("config")).expect("client"),
        &namespace,
    );
    let injected = proxy.inject(fault(Filter::any(), Action::status(429), Count::Times(1)));
    let started = Instant::now();
    retrying
        .create(&PostParams::default(), &config_map("a"))
        .await
        .expect("tried again");
    assert_eq!(injected.hits(), 1);
    assert!(
        started.elapsed() >= Duration::from_secs(1),
        "Retry-After says one second"
    );
}

#[tokio::test]
async fn a_delay_only_takes_time() {
    let (_plane, proxy, through, _direct) = set_up("delay").await;
    let pause = Duration::from_millis(300);
    proxy.inject(fault(Filter::any(), Action::Delay(pause), Count::Times(1)));
    let started = Instant::now();
    through
        .create(&PostParams::default(), &config_map("late"))
        .await
        .expect("created");
    assert!(started.elapsed() >= pause);
}

#[tokio::test]
async fn a_dropped_request_has_no_effect_and_a_lost_answer_has_one() {
    let (_plane, proxy, through, direct) = set_up("drop").await;
    proxy.inject(fault(Filter::writes(), Action::DropConnection, Count::Times(1)));
    through
        .create(&PostParams::default(), &config_map("dropped"))
        .await
        .expect_err("no answer");
    assert!(
        direct.get_opt("dropped").await.expect("readable").is_none(),
        "not created"
    );

    proxy.inject(fault(Filter::writes(), Action::DropAfterForward, Count::Times(1)));
    through
        .create(&PostParams::default(), &config_map("lost"))
        .await
        .expect_err("no answer either");
    direct.get("lost").await.expect("created all the same");
}

#[tokio::test]
async fn clearing_ends_a_fault_that_would_last() {
    let (_plane, proxy, through, _direct) = set_up("clear").await;
    proxy.inject(fault(Filter::any(), Action::status(503), Count::Always));
    for _ in 0..3 {
        through.list(&ListParams::default()).await.expect_err("refused");
    }
    proxy.clear();
    through.list(&ListParams::default()).await.expect("passes");
}

#[tokio::test]
async fn dropped_watches_end_and_new_ones_work() {
    let (_plane, proxy, through, direct) = set_up("cut").await;
    let mut events = through
        .watch(&WatchParams::default(), "0")
        .await
        .expect("watch")
        .boxed();
    direct
        .create(&PostParams::default(), &config_map("one"))
        .await
        .expect("created");
    seen(&mut events, "one").await;
    assert_eq!(proxy.open_watches(), 1);

    assert_eq!(proxy.drop_watches(), 1);
    let rest: Vec<_> = tokio::time::timeout(SOON, events.collect())
        .await
        .expect("the stream ends");
    assert!(rest.iter().all(Result::is_err), "{rest:?}");
    eventually(SOON, "no watch is open", || async {
        let open = proxy.open_watches();
        if open == 0 {
            Ok(())
        } else {
            Err(format!("{open} open"))
        }
    })
    .await;

    let mut events = through
        .watch(&WatchParams::default(), "0")
        .await
        .expect("watch again")
        .boxed();
    seen(&mut events, "one").await;
}

#[tokio::test]
async fn stalled_watches_deliver_late_and_lose_nothing() {
    let (_plane, proxy, through, direct) = set_up("stall").await;
    let mut events = through
        .watch(&WatchParams::default(), "0")
        .await
        .expect("watch")
        .boxed();
    direct
        .create(&PostParams::default(), &config_map("before"))
        .await
        .expect("created");
    seen(&mut events, "before").await;

    proxy.stall_watches(true);
    for name in ["during-1", "during-2"] {
        direct
            .create(&PostParams::default(), &config_map(name))
            .await
            .expect("created");
    }
    through.get("during-2").await.expect("other requests pass");
    let early = tokio::time::timeout(Duration::from_millis(500), next_name(&mut events)).await;
    assert!(early.is_err(), "{early:?} came through");

    proxy.stall_watches(false);
    seen(&mut events, "during-1").await;
    seen(&mut events, "during-2").await;
}

#[tokio::test]
async fn the_proxy_outlives_restarts_of_the_api_server() {
    let plane = ControlPlane::start(Options::default())
        .await
        .expect("control plane");
    let proxy = FaultProxy::start(&plane).await.expect("a proxy");
    let maps: Api<ConfigMap> = Api::default_namespaced(plain_client(&proxy).await);
    maps.create(&PostParams::default(), &config_map("kept"))
        .await
        .expect("created");
    plane.stop_apiserver().await.expect("stopped");
    let error = maps.get("kept").await.expect_err("nobody there");
    assert!(
        !matches!(error, Error::Api(_)),
        "a dropped connection, not an answer: {error:?}"
    );
    plane.start_apiserver().await.expect("started");
    eventually(SOON, "the proxy reaches the new server", || async {
        maps.get("kept").await.map_err(|error| error.to_string())
    })
    .await;
}

#[tokio::test]
async fn identities_and_tokens_reach_the_api_server() {
    let options = Options {
        audit_log: true,
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("control plane");
    let proxy = FaultProxy::start_as(&plane, "somebody", &["some-group"])
        .await
        .expect("a proxy");
    let maps: Api<ConfigMap> = Api::default_namespaced(plain_client(&proxy).await);
    let error = maps.get("x").await.expect_err("no rights").to_string();
    assert!(error.contains("somebody"), "{error}");

    let account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: robot}}";
    plane.apply_yaml(account).await.expect("account");
    let path = plane
        .kubeconfig_for_service_account("default", "robot")
        .await
        .expect("token");
    let mut config = proxy.config().await.expect("config");
    config.auth_info = kube::config::Kubeconfig::read_from(path)
        .ok()
        .and_then(|mut kubeconfig| kubeconfig.auth_infos.pop()?.auth_info)
        .expect("a token");
    let maps: Api<ConfigMap> = Api::default_namespaced(client(&config).expect("client"));
    let error = maps.get("x").await.expect_err("no rights").to_string();
    assert!(error.contains("system:serviceaccount:default:robot"), "{error}");

    let log = std::fs::read_to_string(plane.audit_log().expect("switched on")).expect("readable");
    assert!(
        log.contains("\"username\":\"somebody\""),
        "the audit log names who asked"
    );
}

type Events = futures::stream::BoxStream<'static, Result<WatchEvent<ConfigMap>, Error>>;

/// The name in the next event about an object of ours.
async fn next_name(events: &mut Events) -> String {
    loop {
        match events.next().await {
            Some(Ok(WatchEvent::Added(map) | WatchEvent::Modified(map))) => {
                return map.metadata.name.unwrap_or_default();
            }
            Some(Ok(_)) => {}
            other => panic!("the watch ended: {other:?}"),
        }
    }
}

async fn seen(events: &mut Events, name: &str) {
    let found = tokio::time::timeout(SOON, next_name(events))
        .await
        .expect("an event in time");
    assert_eq!(found, name);
}
