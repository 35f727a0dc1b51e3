//! What was made final is applied again: the kernel forgets everything at a reboot.

use handler::backend::{NetBackend as _, Recovery, TakenBack};
use serde_json::{Value, json};

use super::child::{Child, Death};
use super::ground::{LONG, Node, bridge, change};

fn of_policy(policy: &str, desired: Value) -> handler::backend::Change {
    let mut change = change(desired, LONG);
    change.policy = policy.to_owned();
    change
}

fn mtu(mtu: u32) -> Value {
    json!({"interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "mtu": mtu}]})
}

/// Routes and rules that somebody wrote.
fn written(node: &Node) -> Vec<String> {
    let all = [
        "route show table all",
        "-6 route show table all",
        "rule show",
        "-6 rule show",
    ];
    let text: String = all.iter().map(|command| node.ip(command)).collect();
    let lines = text
        .lines()
        .filter(|line| line.contains("proto static") || line.contains("lookup"));
    // Whether the bridge has a carrier yet is nobody's wish.
    lines
        .map(|line| line.replace(" linkdown", "").trim().to_owned())
        .collect()
}

#[test]
fn committed_documents_are_applied_again_in_order() {
    let node = Node::new("keep");
    node.run(async || {
        let backend = node.backend();
        for (policy, desired) in [("b", bridge()), ("a", mtu(1450))] {
            let open = backend.begin(&of_policy(policy, desired)).await.unwrap();
            backend.commit(&open).await.unwrap();
        }
        let names = |kept: Vec<handler::backend::kernel::Kept>| -> Vec<String> {
            kept.into_iter().map(|kept| kept.policy).collect()
        };
        assert_eq!(names(backend.kept().await.unwrap()), ["b", "a"]);
        let committed = written(&node);
        // What a reboot leaves of it.
        for command in [
            "link del vx7",
            "link del br1",
            "rule del priority 500",
            "-6 rule del priority 501",
        ] {
            node.ip(command);
        }
        node.ip("link set e1 mtu 1500");
        node.ip("link set v1 mtu 1500");
        let done = backend.reapply().await.unwrap();
        assert_eq!(
            (done.applied.as_slice(), done.failed.len()),
            (&["b".to_owned(), "a".to_owned()][..], 0)
        );
        assert_eq!(written(&node), committed);
        assert_eq!(node.link("e1").unwrap()["mtu"], 1450);
        let again = backend.reapply().await.unwrap();
        assert!(again.applied.is_empty() && again.failed.is_empty(), "{again:?}");
        assert_eq!(
            names(backend.kept().await.unwrap()),
            ["b", "a"],
            "the order stays"
        );
        backend.forget("b").await.unwrap();
        assert_eq!(names(backend.kept().await.unwrap()), ["a"]);
    });
}

#[test]
fn what_was_not_committed_is_not_kept() {
    let node = Node::new("unkept");
    node.run(async || {
        let backend = node.backend();
        let open = backend.begin(&of_policy("p", mtu(1450))).await.unwrap();
        backend.rollback(&open).await.unwrap();
        assert_eq!(backend.kept().await.unwrap(), []);
    });
}

#[test]
fn a_document_that_fails_does_not_stop_the_others() {
    let node = Node::new("fails");
    node.run(async || {
        let backend = node.backend();
        let pair = json!({"interfaces": [{"name": "v1", "type": "veth", "state": "up", "mtu": 1333}]});
        for (policy, desired) in [("a", pair), ("b", mtu(1450))] {
            let open = backend.begin(&of_policy(policy, desired)).await.unwrap();
            backend.commit(&open).await.unwrap();
        }
        node.ip("link del v1");
        node.ip("link set e1 mtu 1500");
        let done = backend.reapply().await.unwrap();
        assert_eq!(done.applied, ["b"]);
        assert_eq!(done.failed.len(), 1);
        assert_eq!(done.failed[0].0, "a");
        assert_eq!(node.link("e1").unwrap()["mtu"], 1450);
    });
}

#[test]
fn a_reboot_in_the_middle_leaves_no_half_change() {
    let node = Node::new("reboot");
    node.run(async || {
        let before = node.state();
        Child::new(&node, bridge()).unwatched().run(Death::WhenOpen);
        // A reboot: the kernel has what the machine starts with, and another name for this run.
        for command in ["link del vx7", "link del br1", "rule del priority 500", "-6 rule del priority 501"] {
            node.ip(command);
        }
        node.ip("route del blackhole 10.66.0.0/16");
        node.ip("link set v1 mtu 1500");
        node.ip("address add 192.0.2.44/24 dev e1");
        let path = node.path("state/open.json");
        let mut journal: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        journal["boot"] = json!("11111111-2222-3333-4444-555555555555");
        std::fs::write(&path, journal.to_string()).unwrap();
        let recovered = node.backend().recover().await.unwrap();
        assert!(
            matches!(&recovered, Recovery::RolledBack { by: TakenBack::FormerState, outcome, .. } if outcome.differs.is_empty()),
            "{recovered:?}"
        );
        assert_eq!(node.addresses("e1"), ["192.0.2.44/24"], "what this boot brought stays as it is");
        assert!(node.link("br1").is_none());
        assert_eq!(node.backend().recover().await.unwrap(), Recovery::Nothing);
        drop(before);
    });
}
