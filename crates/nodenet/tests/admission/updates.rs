//! Cases 7 to 13: what may be changed when. No webhook is there.

use nodenet::plan::condition::policy::PolicyState;
use serde_json::{Value, json};

use crate::gate::{Gate, refusal};

fn eth1(mtu: u32) -> Value {
    json!({"interfaces": [{"name": "eth1", "type": "ethernet", "mtu": mtu}]})
}

async fn progressing() -> Gate {
    let gate = Gate::bare().await;
    gate.create("p", json!({"desiredState": eth1(1400), "maxUnavailable": 1}))
        .await
        .expect("accepted");
    let message = "Policy is progressing 0/1 nodes finished".to_owned();
    gate.says("p", PolicyState::Progressing(message)).await;
    gate
}

#[tokio::test]
async fn case_7_content_is_not_changed_while_nodes_are_at_work() {
    let gate = progressing().await;
    let patch = json!({"spec": {"desiredState": eth1(9000)}});
    let (code, message) = refusal(gate.edit("p", patch.clone()).await);
    assert_eq!(code, 403, "{message}");
    assert!(message.contains("policy p is still in progress"), "{message}");
    gate.says("p", PolicyState::Unknown).await;
    assert_eq!(
        refusal(gate.edit("p", patch).await).0,
        403,
        "nobody has looked yet"
    );
    gate.close().await;
}

#[tokio::test]
async fn case_8_labels_may_be_changed_any_time() {
    let gate = progressing().await;
    gate.edit("p", json!({"metadata": {"labels": {"a": "b"}}}))
        .await
        .expect("accepted");
    gate.close().await;
}

#[tokio::test]
async fn case_9_a_failed_policy_may_be_repaired() {
    let gate = progressing().await;
    gate.says(
        "p",
        PolicyState::Degraded("1/1 nodes failed to configure".to_owned()),
    )
    .await;
    gate.edit("p", json!({"spec": {"desiredState": eth1(9000)}}))
        .await
        .expect("accepted");
    gate.close().await;
}

#[tokio::test]
async fn case_10_a_policy_nobody_looked_at_may_be_changed() {
    let gate = Gate::bare().await;
    gate.create("p", json!({})).await.expect("accepted");
    gate.edit("p", json!({"spec": {"desiredState": eth1(1400)}}))
        .await
        .expect("accepted");
    gate.close().await;
}

#[tokio::test]
async fn case_11_the_limit_may_be_changed_any_time() {
    let gate = progressing().await;
    gate.edit("p", json!({"spec": {"maxUnavailable": "100%"}}))
        .await
        .expect("accepted");
    gate.edit("p", json!({"spec": {"maxUnavailable": null}}))
        .await
        .expect("accepted");
    gate.edit("p", json!({"spec": {"probes": {"timeoutSeconds": 30}}}))
        .await
        .expect("accepted");
    for content in [
        json!({"nodeSelector": {"zone": "a"}}),
        json!({"capture": {"e": "interfaces.name==\"eth1\""}}),
        json!({"priority": 5}),
        json!({"match": {"interfaces": {"name": "eth1"}}}),
        json!({"desiredState": null}),
        json!({"after": ["q"]}),
    ] {
        assert_eq!(
            refusal(gate.edit("p", json!({"spec": content})).await).0,
            403,
            "{content}"
        );
    }
    gate.close().await;
}

#[tokio::test]
async fn case_12_captures_may_be_added() {
    let gate = progressing().await;
    gate.says(
        "p",
        PolicyState::Available("1/1 nodes successfully configured".to_owned()),
    )
    .await;
    let captures = json!({"spec": {"capture": {"e": "interfaces.name==\"eth1\""}}});
    gate.edit("p", captures).await.expect("accepted");
    gate.close().await;
}

#[tokio::test]
async fn case_13_no_captures_and_none_are_the_same() {
    let gate = progressing().await;
    gate.edit("p", json!({"spec": {"capture": {}}}))
        .await
        .expect("accepted, even while nodes are at work");
    gate.close().await;
}
