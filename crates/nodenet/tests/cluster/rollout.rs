//! Cases 47 to 57 of spec §21.

use std::time::Duration;

use nodenet::plan::condition::enactment::Said::{Aborted, Available, Failing, Progressing, WaitingForSlot};
use serde_json::json;

use crate::ground::Site;
use crate::scripted::Script;

fn done(nodes: usize) -> String {
    format!("Available: {nodes}/{nodes} nodes successfully configured")
}

#[tokio::test(flavor = "multi_thread")]
async fn case_47_at_most_half_of_the_nodes_are_between_old_and_new() {
    let site = Site::with_nodes(4).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"desiredState": {"interfaces": []}}))
        .await;
    let story = witness.says("p", &done(4)).await;
    assert_eq!(story.most["p"], 2, "both slots are used, and no third");
    for n in 1..=4 {
        let told = story.enactment(&format!("n{n}.p"));
        assert!(
            told.ends_with(&[WaitingForSlot, Progressing, Available]),
            "n{n}: {told:?}"
        );
    }
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_48_limits_as_people_write_them() {
    let site = Site::with_nodes(5).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    let table = [
        (json!("50%"), 3),
        (json!(3), 3),
        (json!(0), 1),
        (json!("0%"), 1),
        (json!("42"), 3),
        (json!("asdf"), 3),
    ];
    for (n, (value, want)) in table.into_iter().enumerate() {
        let name = format!("p{n}");
        site.policy(&name, json!({"maxUnavailable": value})).await;
        let story = witness.says(&name, &done(5)).await;
        assert!(
            story.most[&name] <= want,
            "{value}: {} at once",
            story.most[&name]
        );
        assert!(want == 1 || story.most[&name] > 1, "{value}: only one at a time");
    }
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_49_when_all_fail_the_other_half_is_not_touched() {
    let mut site = Site::open().await;
    for n in 1..=4 {
        site.join(&format!("n{n}"), Script::fails()).await;
    }
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    let degraded = "Degraded: 2/4 nodes failed to configure, 2 nodes aborted configuration";
    let story = witness.says("p", degraded).await;
    let count = |wanted| {
        (1..=4)
            .filter(|n| story.last_of(&format!("n{n}.p")) == wanted)
            .count()
    };
    assert_eq!((count(Failing), count(Aborted), story.most["p"]), (2, 2, 2));
    for n in 1..=4 {
        let name = format!("n{n}.p");
        assert_eq!(
            story.touched(&name),
            story.last_of(&name) == Failing,
            "{:?}",
            story.enactment(&name)
        );
    }
    let status = story.last["p"].status.clone().expect("a status");
    assert_eq!(
        (status.unavailable_node_count_map["1"], status.slots.len()),
        (2, 2)
    );
    // Repaired, the policy goes through all of them.
    for n in 1..=4 {
        site.script(&format!("n{n}"), Script::default());
    }
    site.edit("p", json!({"desiredState": {"interfaces": []}})).await;
    let story = witness.says("p", &done(4)).await;
    assert!(story.most["p"] <= 2);
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_50_one_failure_leaves_one_slot() {
    let mut site = Site::with_nodes(3).await;
    site.join("n4", Script::fails()).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"maxUnavailable": 2})).await;
    let story = witness
        .until("all are done", |story| {
            let ended = |n: usize| matches!(story.last_of(&format!("n{n}.p")), Available | Failing);
            (1..=4).all(ended) && story.now("p") == "Degraded: 1/4 nodes failed to configure"
        })
        .await;
    assert_eq!((story.last_of("n4.p"), story.most["p"]), (Failing, 2));
    assert!((1..=4).all(|n| !story.enactment(&format!("n{n}.p")).contains(&Aborted)));
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_51_a_node_that_tries_again_keeps_others_waiting() {
    let mut site = Site::open().await;
    let twice = Script {
        ends: vec![false, false, true],
        takes: Duration::from_millis(400),
    };
    site.join("n1", twice).await;
    site.join("n2", Script::default()).await;
    site.join("n3", Script::default()).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"maxUnavailable": 1})).await;
    let story = witness.says("p", &done(3)).await;
    assert_eq!(story.most["p"], 1);
    assert!((1..=3).all(|n| !story.enactment(&format!("n{n}.p")).contains(&Aborted)));
    assert!(
        story.said("p").iter().all(|told| !told.starts_with("Degraded")),
        "{:?}",
        story.said("p")
    );
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_52_all_at_once() {
    let mut site = Site::open().await;
    let slow = Script {
        takes: Duration::from_secs(3),
        ..Script::default()
    };
    for n in 1..=4 {
        site.join(&format!("n{n}"), slow.clone()).await;
    }
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"maxUnavailable": "100%"})).await;
    let story = witness.says("p", &done(4)).await;
    assert_eq!(story.most["p"], 4);
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_53_a_node_that_joins_later_goes_alone() {
    let mut site = Site::with_nodes(2).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({})).await;
    let before = witness.says("p", &done(2)).await;
    site.join("n3", Script::default()).await;
    let story = witness.says("p", &done(3)).await;
    for n in ["n1.p", "n2.p"] {
        assert_eq!(story.enactment(n), before.enactment(n), "untouched");
    }
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_54_a_deleted_node_frees_its_slot() {
    let mut site = Site::open().await;
    site.join("n1", Script::fails()).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"maxUnavailable": 1})).await;
    witness.says("p", "Degraded: 1/1 nodes failed to configure").await;
    site.kill("n1").await;
    let how = kube::api::DeleteParams::default();
    site.all::<k8s_openapi::api::core::v1::Node>()
        .delete("n1", &how)
        .await
        .expect("the Node goes");
    let freed = std::time::Instant::now();
    let story = witness
        .until("the slot is free", |story| {
            let status = story
                .last
                .get("p")
                .and_then(|p| p.status.clone())
                .unwrap_or_default();
            status.slots.is_empty() && status.unavailable_node_count_map.is_empty()
        })
        .await;
    assert!(freed.elapsed() < Duration::from_secs(5), "{:?}", freed.elapsed());
    assert_eq!(story.now("p"), "Ignored: Policy does not match any node");
    witness
        .until("its enactment is collected", |story| {
            !story.exist.contains("n1.p")
        })
        .await;
    site.join("n2", Script::default()).await;
    witness.says("p", &done(1)).await;
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_56_without_a_coordinator_nobody_starts_and_the_next_one_goes_on() {
    let mut site = Site::open().await;
    let slow = Script {
        takes: Duration::from_secs(2),
        ..Script::default()
    };
    for n in 1..=3 {
        site.join(&format!("n{n}"), slow.clone()).await;
    }
    let mut witness = site.witness().await;
    let first = site.elect();
    site.policy("p", json!({"maxUnavailable": 1})).await;
    witness
        .until("one is at work, two wait", |story| {
            let count = |wanted| {
                (1..=3)
                    .filter(|n| story.last_of(&format!("n{n}.p")) == wanted)
                    .count()
            };
            (count(Progressing), count(WaitingForSlot)) == (1, 2)
        })
        .await;
    let holder = site.lease().await.and_then(|lease| lease.spec?.holder_identity);
    assert!(
        holder.is_some_and(|holder| !holder.is_empty()),
        "the lease nmstate-coordinator is held"
    );
    first.kill().await;
    let story = witness
        .until("the one at work finishes", |story| {
            (1..=3).any(|n| story.last_of(&format!("n{n}.p")) == Available)
        })
        .await;
    let waiting = (1..=3)
        .filter(|n| story.last_of(&format!("n{n}.p")) == WaitingForSlot)
        .count();
    assert_eq!(waiting, 2, "nobody else started");
    let second = site.elect();
    let story = witness.says("p", &done(3)).await;
    assert_eq!(story.most["p"], 1);
    second.stop().await;
    let holder = site.lease().await.and_then(|lease| lease.spec?.holder_identity);
    assert!(
        holder.is_none_or(|holder| holder.is_empty()),
        "an orderly stop gives the lease back"
    );
    witness.end().await;
    site.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_57_two_policies_have_limits_of_their_own() {
    let site = Site::with_nodes(4).await;
    let mut witness = site.witness().await;
    let coordinator = site.coordinate().await;
    site.policy("p", json!({"maxUnavailable": 1})).await;
    site.policy("q", json!({"maxUnavailable": 3})).await;
    witness.says("p", &done(4)).await;
    let story = witness.says("q", &done(4)).await;
    assert!(story.most["p"] <= 1 && story.most["q"] <= 3, "{:?}", story.most);
    assert_eq!(site.most_applies_on_a_node(), 1);
    coordinator.stop().await;
    witness.end().await;
    site.close().await;
}

/// Two that both believe they lead: slots are recorded under the policy's resourceVersion.
#[tokio::test(flavor = "multi_thread")]
async fn two_coordinators_grant_no_more_than_one() {
    let site = Site::with_nodes(6).await;
    let mut witness = site.witness().await;
    let (one, two) = (site.coordinate().await, site.coordinate().await);
    site.policy("p", json!({"maxUnavailable": 2})).await;
    let story = witness.says("p", &done(6)).await;
    assert!(story.most["p"] <= 2, "{} at once", story.most["p"]);
    one.stop().await;
    two.stop().await;
    witness.end().await;
    site.close().await;
}
