//! Cases 14 to 17, and what the webhook says without refusing.

use std::sync::{Arc, Mutex};

use api::nmstate::State;
use kube::api::{Api, Patch, PatchParams, PostParams};
use nodenet::names::TIMESTAMP_ANNOTATION;
use nodenet::plan::condition::enactment::EnactmentState;
use serde_json::{Value, json};

use crate::gate::{Gate, PATIENCE, refusal};

#[tokio::test(flavor = "multi_thread")]
async fn case_14_an_unknown_key_is_named() {
    let gate = Gate::open().await;
    let (code, message) = refusal(
        gate.create("p", json!({"desiredState": {"interfacez": []}}))
            .await,
    );
    assert_eq!(code, 422, "{message}");
    assert!(message.contains("spec.desiredState.interfacez"), "{message}");
    gate.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_15_expressions_are_parsed() {
    let gate = Gate::open().await;
    let with = |text: &str| json!({"capture": {"e": text}, "desiredState": {"interfaces": []}});
    gate.create("good", with("interfaces.name=~\"foo\""))
        .await
        .expect("accepted");
    let (_, message) = refusal(gate.create("bad", with("interfaces.name=~~foo")).await);
    assert!(message.contains("spec.capture.e"), "{message}");
    gate.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_16_without_webhooks_policies_are_taken() {
    let mut gate = Gate::open().await;
    gate.silence().await;
    let policy = gate.create("p", json!({})).await.expect("accepted");
    assert_eq!(policy.annotation(TIMESTAMP_ANNOTATION), None);
    gate.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_17_the_time_of_the_last_change_is_written() {
    let gate = Gate::open().await;
    let time = |policy: &api::nmstate::Policy| -> i128 {
        policy
            .annotation(TIMESTAMP_ANNOTATION)
            .expect("the annotation")
            .parse()
            .expect("a decimal integer")
    };
    let created = time(&gate.create("p", json!({})).await.expect("accepted"));
    let read = time(&gate.policies().get("p").await.expect("it is there"));
    assert_eq!(created, read);
    let updated = gate
        .edit("p", json!({"metadata": {"labels": {"a": "b"}}}))
        .await
        .expect("accepted");
    assert!(time(&updated) > created);
    gate.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_72_a_reference_to_nothing_is_refused() {
    let gate = Gate::open().await;
    let spec = json!({"desiredState": {"interfaces": [{"name": "{{ capture.b.interfaces.0.name }}"}]}});
    let (code, message) = refusal(gate.create("p", spec).await);
    assert_eq!(code, 422, "{message}");
    assert!(
        message.contains("spec.desiredState.interfaces[0].name"),
        "{message}"
    );
    gate.close().await;
}

/// Problems of a spec that is stored already do not keep its labels from being changed.
#[tokio::test(flavor = "multi_thread")]
async fn metadata_of_a_bad_policy_may_be_changed() {
    let mut gate = Gate::bare().await;
    gate.create("p", json!({"desiredState": {"interfacez": []}}))
        .await
        .expect("no webhook, no refusal");
    gate.answer().await;
    gate.edit("p", json!({"metadata": {"labels": {"a": "b"}}}))
        .await
        .expect("accepted");
    gate.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_95_a_nodes_own_state_waits_for_its_enactment() {
    let gate = Gate::open().await;
    let states: Api<State> = Api::all(gate.client.clone());
    let with = |mtu: u32| json!({"interfaces": [{"name": "eth1", "type": "ethernet", "mtu": mtu}]});
    let state = json!({"metadata": {"name": "n1"}, "spec": {"desiredState": with(1450)}});
    let state: State = serde_json::from_value(state).expect("a report");
    states
        .create(&PostParams::default(), &state)
        .await
        .expect("accepted");
    let enactments: Api<api::nmstate::Enactment> = Api::all(gate.client.clone());
    let object = json!({"metadata": {"name": "n1.node-desired-state",
        "labels": {"nmstate.io/node": "n1", "nmstate.io/policy": "node-desired-state"}}});
    let object = serde_json::from_value(object).expect("an enactment");
    enactments
        .create(&PostParams::default(), &object)
        .await
        .expect("accepted");
    let mut conditions = Vec::new();
    EnactmentState::Progressing.write(&mut conditions, 1, jiff::Timestamp::now());
    let patch = Patch::Merge(json!({"status": {"conditions": conditions, "policyGeneration": 1}}));
    enactments
        .patch_status("n1.node-desired-state", &PatchParams::default(), &patch)
        .await
        .expect("accepted");
    let edit = |spec: Value| {
        let states = states.clone();
        async move {
            states
                .patch(
                    "n1",
                    &PatchParams::default(),
                    &Patch::Merge(json!({"spec": spec})),
                )
                .await
        }
    };
    // The webhook learns of the enactment a moment later; the change is refused from then on.
    let mtu = Arc::new(Mutex::new(1500));
    testkit::eventually(PATIENCE, "the change is refused", || async {
        let next = {
            let mut mtu = mtu.lock().expect("no holder panics");
            *mtu += 1;
            *mtu
        };
        match edit(json!({"desiredState": with(next)})).await {
            Err(kube::Error::Api(status))
                if status
                    .message
                    .contains("node desired state of n1 is still in progress") =>
            {
                Ok(())
            }
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    edit(json!({"managed": false}))
        .await
        .expect("everything else may be changed");
    gate.close().await;
}
