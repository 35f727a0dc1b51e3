//! What policies say: cases 11, 20, 21 and 58 to 62 of spec §21, on every watch event.

use std::time::{Duration, Instant};

use jiff::SignedDuration;
use serde_json::json;

use crate::ground::Site;
use crate::scripted::Script;

#[tokio::test(flavor = "multi_thread")]
async fn case_20_a_policy_begins_unknown_and_ends_available() {
    let mut site = Site::open().await;
    let slow = Script {
        takes: Duration::from_secs(2),
        ..Script::default()
    };
    site.join("n1", slow).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    let done = "Available: 1/1 nodes successfully configured";
    witness.says("p", done).await;
    let story = witness
        .until("the permission is taken back", |story| {
            let status = story.last["p"].status.clone().unwrap_or_default();
            status.unavailable_node_count_map.is_empty() && status.slots.is_empty()
        })
        .await;
    assert_eq!(
        story.said("p"),
        [
            "Unknown",
            "Progressing: Policy is progressing 0/1 nodes finished",
            done
        ]
    );
    let status = story.last["p"].status.clone().expect("a status");
    let order: Vec<&str> = status.conditions.iter().map(|c| c.type_.as_str()).collect();
    assert_eq!(order, ["Available", "Degraded", "Progressing", "Ignored"]);
    assert!(status.conditions.iter().all(|c| c.observed_generation == Some(1)));
    let summary = status.summary.expect("a summary");
    assert_eq!(
        (summary.matching, summary.available, summary.progressing),
        (1, 1, 0)
    );
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_21_a_policy_for_nobody_is_ignored_with_one_write() {
    let site = Site::with_nodes(2).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"nodeSelector": {"zone": "b"}})).await;
    witness.says("p", "Ignored: Policy does not match any node").await;
    // Something that is written later is the proof that nothing else was written before it.
    site.policy("q", json!({})).await;
    let story = witness
        .says("q", "Available: 2/2 nodes successfully configured")
        .await;
    assert_eq!(story.writes["p"].len(), 1, "{:?}", story.said("p"));
    assert!(!story.exist.iter().any(|name| name.ends_with(".p")));
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_11_a_change_of_the_limit_applies_nothing_again() {
    let site = Site::with_nodes(3).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy(
        "p",
        json!({"maxUnavailable": 1, "desiredState": {"interfaces": []}}),
    )
    .await;
    let done = "Available: 3/3 nodes successfully configured";
    let before = witness.says("p", done).await;
    site.edit("p", json!({"maxUnavailable": 3})).await;
    let story = witness
        .until("the new generation is answered", |story| {
            let status = story.last["p"].status.clone().unwrap_or_default();
            status.observed_generation == Some(2) && story.now("p") == done
        })
        .await;
    for n in 1..=3 {
        let name = format!("n{n}.p");
        assert_eq!(
            story.enactment(&name),
            before.enactment(&name),
            "nothing is applied again"
        );
    }
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_58_a_node_that_is_not_ready_is_told_within_two_seconds() {
    let site = Site::with_nodes(4).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    witness
        .says("p", "Available: 4/4 nodes successfully configured")
        .await;
    site.ready("n4", false).await;
    let since = Instant::now();
    let text = "Available: 4/4 nodes successfully configured, 1 nodes ignored due to NotReady state";
    witness.says("p", text).await;
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    // A node that was never Ready is left out of what is waited for.
    site.node("n5").await;
    site.ready("n5", false).await;
    site.pod("n5").await;
    let text = "Available: 4/5 nodes successfully configured, 2 nodes ignored due to NotReady state";
    witness.says("p", text).await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_59_a_node_without_our_process_is_not_counted() {
    let site = Site::with_nodes(2).await;
    site.node("n3").await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    witness
        .says("p", "Available: 2/2 nodes successfully configured")
        .await;
    site.delete_pod("n2").await;
    witness
        .says("p", "Available: 1/1 nodes successfully configured")
        .await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_60_a_dead_process_leaves_the_policy_progressing() {
    let mut site = Site::with_nodes(4).await;
    site.kill("n4").await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    witness
        .says("p", "Progressing: Policy is progressing 3/4 nodes finished")
        .await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_61_a_node_that_leaves_is_not_counted_any_more() {
    let mut site = Site::with_nodes(2).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    witness
        .says("p", "Available: 2/2 nodes successfully configured")
        .await;
    site.kill("n2").await;
    let how = kube::api::DeleteParams::default();
    site.all::<k8s_openapi::api::core::v1::Node>()
        .delete("n2", &how)
        .await
        .expect("the Node goes");
    witness
        .says("p", "Available: 1/1 nodes successfully configured")
        .await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_62_what_is_said_about_an_older_generation_counts_as_nothing() {
    let mut site = Site::with_nodes(2).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    witness
        .says("p", "Available: 2/2 nodes successfully configured")
        .await;
    site.kill("n2").await;
    site.edit("p", json!({"desiredState": {"interfaces": []}})).await;
    witness
        .says("p", "Progressing: Policy is progressing 1/2 nodes finished")
        .await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_96_an_unmanaged_node_is_not_counted() {
    let mut site = Site::with_nodes(3).await;
    site.kill("n3").await;
    let state = json!({"metadata": {"name": "n3"}, "spec": {"managed": false}});
    let states: kube::Api<api::nmstate::State> = site.all();
    states
        .create(
            &kube::api::PostParams::default(),
            &serde_json::from_value(state).expect("a report"),
        )
        .await
        .expect("accepted");
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    witness
        .says(
            "p",
            "Available: 2/2 nodes successfully configured, 1 nodes not managed",
        )
        .await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

/// However busy the nodes are: at most one status write per policy and second, and never twice the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_is_written_at_most_once_a_second() {
    let site = Site::with_nodes(6).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"maxUnavailable": 1})).await;
    let story = witness
        .says("p", "Available: 6/6 nodes successfully configured")
        .await;
    let writes = &story.writes["p"];
    // A watch event may come a little late, so that the next seems early.
    for pair in writes.windows(2) {
        let gap = pair[1].duration_since(pair[0]);
        assert!(
            gap > SignedDuration::from_millis(800),
            "{gap:?} between two writes"
        );
    }
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}
