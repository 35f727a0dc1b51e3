//! The numbered cases of spec §21 that are about roll-outs, without an API server.

use jiff::SignedDuration;
use serde_json::json;

use super::stage::Stage;
use crate::plan::condition::enactment::Said::{Aborted, Available, Failing, WaitingForSlot};

#[test]
fn case_20_a_policy_begins_unknown_and_ends_available() {
    let mut stage = Stage::new(1, &json!({}));
    stage.run();
    assert_eq!(
        stage.said,
        [
            "Unknown",
            "Policy is progressing 0/1 nodes finished",
            "1/1 nodes successfully configured"
        ]
    );
    assert!(stage.slots().is_empty() && stage.map().is_empty());
    assert_eq!(stage.enactments["n1"].slot, None, "the permission is taken back");
}

#[test]
fn case_21_a_policy_for_nobody_is_ignored() {
    let mut stage = Stage::new(2, &json!({"nodeSelector": {"zone": "a"}}));
    stage.coordinate();
    assert_eq!(stage.said, ["Policy does not match any node"]);
    assert!(!stage.coordinate(), "and that is all");
}

#[test]
fn case_47_half_of_the_nodes_at_a_time() {
    let mut stage = Stage::new(4, &json!({}));
    stage.run();
    assert_eq!((stage.most, stage.all()), (2, vec![Available; 4]));
    assert_eq!(stage.last(), "4/4 nodes successfully configured");
}

#[test]
fn case_49_when_all_fail_the_other_half_is_not_touched() {
    let mut stage = Stage::new(4, &json!({}));
    for node in ["n1", "n2", "n3", "n4"] {
        stage.script(node, &[false]);
    }
    stage.run();
    assert_eq!(stage.all(), [Failing, Failing, Aborted, Aborted]);
    assert_eq!(
        stage.last(),
        "2/4 nodes failed to configure, 2 nodes aborted configuration"
    );
    assert_eq!(stage.slots(), ["n1", "n2"], "who failed keeps the slot");
    assert_eq!(stage.map(), [("1".to_owned(), 2)]);
}

#[test]
fn case_50_one_failure_leaves_one_slot() {
    let mut stage = Stage::new(4, &json!({"maxUnavailable": 2}));
    stage.script("n2", &[false]);
    stage.run();
    assert_eq!(stage.all(), [Available, Failing, Available, Available]);
    assert_eq!((stage.last(), stage.most), ("1/4 nodes failed to configure", 2));
}

#[test]
fn case_51_a_node_that_tries_again_keeps_others_waiting() {
    let mut stage = Stage::new(3, &json!({"maxUnavailable": 1}));
    stage.script("n1", &[false, false, true]);
    stage.run();
    assert_eq!((stage.all(), stage.most), (vec![Available; 3], 1));
    assert!(
        stage
            .said
            .iter()
            .any(|m| m == "Policy is progressing 0/3 nodes finished, 1 retrying")
    );
    assert!(
        !stage.said.iter().any(|m| m.contains("failed")),
        "never Degraded: {:?}",
        stage.said
    );
}

#[test]
fn case_52_all_at_once() {
    let mut stage = Stage::new(5, &json!({"maxUnavailable": "100%"}));
    stage.run();
    assert_eq!((stage.most, stage.all()), (5, vec![Available; 5]));
}

#[test]
fn case_53_a_node_that_joins_later_goes_alone() {
    let mut stage = Stage::new(2, &json!({}));
    stage.run();
    let before = stage.enactments.clone();
    stage.join("n9");
    stage.run();
    assert_eq!(stage.all(), [Available; 3]);
    assert!(
        before
            .iter()
            .all(|(node, enactment)| stage.enactments[node] == *enactment)
    );
    assert_eq!(stage.last(), "3/3 nodes successfully configured");
}

#[test]
fn case_54_a_node_that_is_deleted_frees_its_slot() {
    let mut stage = Stage::new(3, &json!({"maxUnavailable": 1}));
    stage.script("n1", &[false]);
    stage.coordinate();
    for _ in 0..4 {
        stage.act("n1");
        stage.act("n2");
        stage.coordinate();
    }
    assert_eq!(
        (stage.slots(), stage.enactments["n2"].said),
        (vec!["n1"], WaitingForSlot)
    );
    stage.leave("n1");
    stage.run();
    assert_eq!(stage.all(), [Available; 2]);
    assert_eq!(stage.last(), "2/2 nodes successfully configured");
}

#[test]
fn case_61_a_node_that_leaves_is_not_counted_any_more() {
    let mut stage = Stage::new(2, &json!({}));
    stage.run();
    stage.leave("n2");
    stage.run();
    assert_eq!(stage.last(), "1/1 nodes successfully configured");
}

#[test]
fn case_58_a_node_that_is_not_ready_is_left_out() {
    let mut stage = Stage::new(4, &json!({}));
    stage.nodes.get_mut("n4").unwrap().ready = false;
    stage.nodes.get_mut("n4").unwrap().handler = true;
    stage.coordinate();
    for _ in 0..12 {
        for node in ["n1", "n2", "n3"] {
            stage.act(node);
        }
        stage.coordinate();
    }
    assert_eq!(
        stage.last(),
        "3/4 nodes successfully configured, 1 nodes ignored due to NotReady state"
    );
    assert!(stage.slots().is_empty());
}

#[test]
fn case_59_a_node_without_our_process_is_not_counted() {
    let mut stage = Stage::new(3, &json!({}));
    stage.nodes.get_mut("n2").unwrap().handler = false;
    stage.run();
    assert_eq!(stage.last(), "2/2 nodes successfully configured");
}

#[test]
fn case_60_a_silent_process_is_named_after_three_minutes() {
    let mut stage = Stage::new(4, &json!({"maxUnavailable": "100%"}));
    for _ in 0..8 {
        stage.coordinate();
        for node in ["n1", "n2", "n3"] {
            stage.act(node);
        }
    }
    stage.coordinate();
    assert_eq!(stage.last(), "Policy is progressing 3/4 nodes finished");
    let when = stage
        .plan()
        .look_again
        .expect("somebody is to be looked at again");
    assert_eq!(when.duration_since(stage.now), SignedDuration::from_mins(3));
    stage.now = when;
    stage.coordinate();
    assert_eq!(
        stage.last(),
        "Policy is progressing 3/4 nodes finished, 1 nodes without handler"
    );
    stage.nodes.get_mut("n4").unwrap().sign = Some(when);
    stage.coordinate();
    assert_eq!(
        stage.last(),
        "Policy is progressing 3/4 nodes finished",
        "it gave a sign"
    );
}

#[test]
fn case_62_what_is_said_about_an_older_generation_counts_as_nothing() {
    let mut stage = Stage::new(2, &json!({}));
    stage.run();
    stage.edit(json!({"desiredState": {"interfaces": []}}));
    stage.coordinate();
    assert_eq!(stage.last(), "Policy is progressing 0/2 nodes finished");
    stage.run();
    assert_eq!(stage.last(), "2/2 nodes successfully configured");
}

#[test]
fn a_failed_node_takes_its_slot_along_when_the_policy_is_repaired() {
    let mut stage = Stage::new(3, &json!({"maxUnavailable": 1}));
    stage.script("n2", &[false]);
    stage.run();
    assert_eq!(stage.all(), [Available, Failing, Aborted]);
    stage.script("n2", &[true]);
    stage.edit(json!({"maxUnavailable": 1, "desiredState": {}}));
    stage.run();
    assert_eq!((stage.all(), stage.most), (vec![Available; 3], 1));
}

#[test]
fn case_11_a_larger_limit_counts_at_once() {
    let mut stage = Stage::new(4, &json!({"maxUnavailable": 1}));
    stage.coordinate();
    for node in ["n1", "n2", "n3", "n4"] {
        stage.act(node);
        stage.act(node);
    }
    stage.coordinate();
    stage.act("n1");
    stage.coordinate();
    assert_eq!(stage.between(), ["n1"]);
    // A node under way finishes what it began; those that wait say so for the new generation.
    stage.edit(json!({"maxUnavailable": 3}));
    for node in ["n2", "n3", "n4"] {
        stage.act(node);
    }
    stage.coordinate();
    stage.coordinate();
    assert_eq!(stage.between(), ["n1", "n2", "n3"]);
}

#[test]
fn a_node_that_waits_for_something_else_holds_nobody_up() {
    use crate::plan::condition::enactment::{EnactmentState, PendingReason, said};
    let mut stage = Stage::new(2, &json!({"maxUnavailable": 1}));
    stage.coordinate();
    stage.act("n1");
    stage.act("n1");
    stage.act("n2");
    stage.act("n2");
    stage.coordinate();
    assert_eq!(stage.slots(), ["n1"]);
    let enactment = stage.enactments.get_mut("n1").unwrap();
    let foreign = EnactmentState::Pending {
        reason: PendingReason::ForeignCheckpoint,
        message: "another program holds a checkpoint",
    };
    foreign.write(&mut enactment.conditions, 1, stage.now);
    enactment.said = said(&enactment.conditions);
    stage.coordinate();
    assert_eq!(
        (stage.slots(), &stage.enactments["n1"].slot),
        (vec!["n1"], &None),
        "first the permission goes"
    );
    stage.coordinate();
    assert_eq!(stage.slots(), ["n2"], "then the slot");
}

#[test]
fn what_is_lost_from_the_status_is_found_on_the_nodes() {
    let mut stage = Stage::new(4, &json!({"maxUnavailable": 2}));
    stage.coordinate();
    for node in ["n1", "n2", "n3", "n4"] {
        stage.act(node);
        stage.act(node);
    }
    stage.coordinate();
    stage.act("n1");
    assert_eq!(stage.between(), ["n1", "n2"]);
    stage.policy.status = None;
    stage.coordinate();
    stage.coordinate();
    assert_eq!(
        (stage.between(), stage.slots()),
        (vec!["n1", "n2"], vec!["n1", "n2"])
    );
}

#[test]
fn case_96_an_unmanaged_node_is_not_counted() {
    let mut stage = Stage::new(3, &json!({}));
    stage.nodes.get_mut("n3").unwrap().managed = false;
    stage.run();
    assert_eq!(
        stage.last(),
        "2/2 nodes successfully configured, 1 nodes not managed"
    );
}

#[test]
fn the_finalizer_follows_the_spec_and_goes_when_the_nodes_are_done() {
    let mut stage = Stage::new(1, &json!({"onDelete": "Revert"}));
    assert_eq!(stage.plan().finalizer, Some(true));
    stage.policy.metadata.finalizers = Some(vec![crate::names::REVERT_FINALIZER.to_owned()]);
    stage.run();
    assert_eq!(stage.plan().finalizer, None);
    stage.policy.metadata.deletion_timestamp =
        Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(stage.now));
    let plan = stage.plan();
    assert_eq!(
        (plan.finalizer, plan.look_again.is_some()),
        (None, true),
        "n1 has not undone it yet"
    );
    stage.now = plan.look_again.unwrap();
    assert_eq!(
        stage.plan().finalizer,
        Some(false),
        "a dead node is not waited for longer"
    );
    stage.now -= SignedDuration::from_secs(60);
    stage.enactments.clear();
    assert_eq!(stage.plan().finalizer, Some(false));
}
