//! The API server and the readiness of the node, against a real one.

use std::time::Duration;

use handler::probe::{ApiServer, Outcome, Passed, Probe, Targets, run};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams, PostParams};
use runtime::client::ClientOptions;
use serde_json::json;
use testkit::{ControlPlane, Options};
use tokio::sync::watch;

const BUDGET: Duration = Duration::from_secs(60);

fn node_ready(node: &str) -> Probe {
    Probe::NodeReady {
        node: node.to_owned(),
    }
}

async fn probe(plane: &ControlPlane, probes: &[Probe], budget: Duration) -> Vec<Outcome> {
    let server = ApiServer::new(plane.config(), ClientOptions::default());
    let (_keep, targets) = watch::channel(Targets::default());
    run(probes, &targets, Some(&server), budget).await
}

async fn create_node(plane: &ControlPlane, name: &str) {
    let nodes: Api<Node> = Api::all(plane.client());
    let node = serde_json::from_value(json!({"metadata": {"name": name}})).expect("a Node");
    nodes
        .create(&PostParams::default(), &node)
        .await
        .expect("it is made");
}

async fn set_ready(plane: &ControlPlane, name: &str, status: &str) {
    let nodes: Api<Node> = Api::all(plane.client());
    let condition = json!({"type": "Ready", "status": status, "reason": "KubeletNotReady",
        "message": "container runtime network\nis not ready"});
    let patch = json!({"status": {"conditions": [condition]}});
    nodes
        .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .expect("its status is set");
}

#[tokio::test]
async fn an_api_server_that_answers_passes() {
    let plane = ControlPlane::shared().await;
    let outcomes = probe(plane, &[Probe::ApiServer], BUDGET).await;
    assert_eq!(outcomes[0].result, Ok(Passed::ApiServer));
    assert_eq!(outcomes[0].attempts, 1);
}

#[tokio::test]
async fn a_node_passes_when_it_is_ready_and_says_why_when_it_is_not() {
    let plane = ControlPlane::shared().await;
    let short = Duration::from_secs(2);
    let outcomes = probe(plane, &[node_ready("nobody")], short).await;
    let why = outcomes[0].to_string();
    assert!(
        why.contains("node-readiness of node nobody failed") && why.contains("not found"),
        "{why}"
    );

    create_node(plane, "probe-1").await;
    let outcomes = probe(plane, &[node_ready("probe-1")], short).await;
    let why = outcomes[0].to_string();
    assert!(why.contains("no condition Ready yet"), "{why}");

    set_ready(plane, "probe-1", "False").await;
    let outcomes = probe(plane, &[node_ready("probe-1")], short).await;
    let why = outcomes[0].to_string();
    let words = "Ready is False: KubeletNotReady: container runtime network is not ready";
    assert!(why.contains(words), "one line: {why}");

    set_ready(plane, "probe-1", "True").await;
    let outcomes = probe(plane, &[node_ready("probe-1")], BUDGET).await;
    assert_eq!(outcomes[0].result, Ok(Passed::NodeReady));
}

/// The probe's half of case 76, and decision D20: an API server that is away is an attempt that failed, for both probes;
/// they end with the budget if it stays away, and pass when it comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_76_an_unreachable_api_server_fails_the_probe_and_its_return_passes_it() {
    let plane = ControlPlane::start(Options::default())
        .await
        .expect("a control plane");
    create_node(&plane, "probe-2").await;
    set_ready(&plane, "probe-2", "True").await;
    let probes = [Probe::ApiServer, node_ready("probe-2")];
    let outcomes = probe(&plane, &probes, BUDGET).await;
    assert!(outcomes.iter().all(Outcome::passed), "{outcomes:?}");

    plane.stop_apiserver().await.expect("it stops");
    let outcomes = probe(&plane, &probes, Duration::from_secs(3)).await;
    let why: Vec<String> = outcomes.iter().map(ToString::to_string).collect();
    assert!(
        why[0].starts_with("probe api-server of the API server failed for 3 s"),
        "{}",
        why[0]
    );
    assert!(
        why[1].starts_with("probe node-readiness of node probe-2 failed for 3 s"),
        "{}",
        why[1]
    );
    for (why, outcome) in why.iter().zip(&outcomes) {
        assert!(why.contains("refused") && !why.contains('\n'), "{why}");
        assert!(outcome.attempts >= 2, "retried each second: {why}");
    }

    let (outcomes, started) = tokio::join!(probe(&plane, &probes, BUDGET), plane.start_apiserver());
    started.expect("it starts again");
    assert!(outcomes.iter().all(Outcome::passed), "{outcomes:?}");
    assert!(
        outcomes[1].attempts > 1,
        "the first read failed and did not end it: {outcomes:?}"
    );
}
