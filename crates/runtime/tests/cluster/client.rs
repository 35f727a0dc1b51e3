//! Our client against a real server, and behind a proxy that misbehaves.

use std::time::{Duration, Instant};

use http::Method;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};
use runtime::client::{Calls, ClientOptions, Outcome, connect, outcome};
use testkit::fault::{Action, Count, Fault, Filter};
use testkit::{ControlPlane, FaultProxy};

fn config_map(name: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    }
}

async fn through(proxy: &FaultProxy, deadline: Duration) -> (kube::Client, Calls) {
    let options = ClientOptions {
        kubeconfig: Some(proxy.kubeconfig().into()),
        deadline,
        ..ClientOptions::default()
    };
    let client = connect(&options).await.expect("a client");
    (client, options.calls)
}

#[tokio::test]
async fn requests_are_fast_and_counted() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("client").await;
    let options = ClientOptions {
        kubeconfig: Some(plane.kubeconfig().into()),
        ..ClientOptions::default()
    };
    let api: Api<ConfigMap> = Api::namespaced(connect(&options).await.unwrap(), &namespace);
    api.create(&PostParams::default(), &config_map("a"))
        .await
        .unwrap();
    assert_eq!(api.get_opt("none").await.unwrap().map(|_| ()), None);
    api.get("a").await.unwrap();
    let count = |verb, code| options.calls.get(verb, "configmaps", code);
    assert_eq!(
        (count("create", "201"), count("get", "404"), count("get", "200")),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn what_happened_to_a_write_is_never_guessed() {
    let plane = ControlPlane::shared().await;
    let namespace = plane.namespace("client").await;
    let proxy = FaultProxy::start(plane).await.unwrap();
    let (client, calls) = through(&proxy, Duration::from_secs(10)).await;
    let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
    // A connection to use again, so that the faults hit a warm one.
    api.create(&PostParams::default(), &config_map("warm"))
        .await
        .unwrap();
    let inject = |action, count| {
        let filter = Filter::method(Method::POST).path("/configmaps");
        proxy.inject(Fault {
            filter,
            action,
            count: Count::Times(count),
        })
    };
    let create = async |name: &str| {
        api.create(&PostParams::default(), &config_map(name))
            .await
            .map(|_| ())
    };

    inject(Action::DropAfterForward, 1);
    let error = create("done").await.unwrap_err();
    assert_eq!(outcome(&error), Outcome::Unknown, "{error:?}");
    assert!(
        api.get_opt("done").await.unwrap().is_some(),
        "it was done all the same"
    );

    let injected = inject(Action::status(503), 1);
    let error = create("unavailable").await.unwrap_err();
    assert_eq!(
        (outcome(&error), injected.hits()),
        (Outcome::Unknown, 1),
        "not repeated by itself"
    );

    inject(
        Action::Status {
            code: 429,
            retry_after: Some(0),
        },
        2,
    );
    create("patient").await.expect("a 429 is repeated");
    assert_eq!(calls.get("create", "configmaps", "429"), 2);

    let error = create("patient").await.unwrap_err();
    assert_eq!(outcome(&error), Outcome::Refused, "it exists");

    inject(Action::Delay(Duration::from_secs(3600)), 1);
    let (hasty, _) = through(&proxy, Duration::from_millis(500)).await;
    let hasty: Api<ConfigMap> = Api::namespaced(hasty, &namespace);
    let start = Instant::now();
    let error = hasty
        .create(&PostParams::default(), &config_map("late"))
        .await
        .unwrap_err();
    assert_eq!(outcome(&error), Outcome::Unknown, "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}
