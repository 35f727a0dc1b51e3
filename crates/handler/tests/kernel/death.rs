//! Death before every single step: the network is as before, whoever cleans up.

use handler::backend::{NetBackend as _, Recovery, RolledBack, TakenBack};
use serde_json::{Value, json};

use super::child::{Child, Death};
use super::ground::{Node, bridge};

/// More steps than any change here has.
const MANY: usize = 100;

fn outcome(recovered: &Recovery) -> (&RolledBack, TakenBack) {
    match recovered {
        Recovery::RolledBack { outcome, by, .. } => (outcome, *by),
        other => panic!("{other:?}"),
    }
}

/// Kills the child before every step, and lets the watchdog or the next process clean up.
async fn dies_everywhere(node: &Node, desired: &Value) -> usize {
    let before = node.state();
    for number in 0..MANY {
        let child = || Child::new(node, desired.clone());
        if !child().run(Death::BeforeStep(number)) {
            node.is_again(&before).await;
            return number;
        }
        // The watchdog sees that nobody has the turn any more.
        node.is_again(&before).await;
        testkit::eventually(super::ground::DEADLINE, "the watchdog is done", || async {
            if node.path("state/open.json").exists() {
                Err("open".to_owned())
            } else {
                Ok(())
            }
        })
        .await;
        let recovered = node.backend().recover().await.unwrap();
        assert_eq!(
            outcome(&recovered),
            (&RolledBack::default(), TakenBack::TimeLimit),
            "step {number}"
        );
        // Without a watchdog the next process does it.
        assert!(child().unwatched().run(Death::BeforeStep(number)));
        let recovered = node.backend().recover().await.unwrap();
        assert_eq!(
            outcome(&recovered),
            (&RolledBack::default(), TakenBack::Now),
            "step {number}"
        );
        node.is_again(&before).await;
    }
    panic!("more than {MANY} steps");
}

#[test]
fn while_a_bridge_takes_over() {
    let node = Node::new("death");
    node.run(async || {
        let steps = dies_everywhere(&node, &bridge()).await;
        assert!(
            steps > 15,
            "only {steps} steps: the change got smaller than the test wants"
        );
    });
}

#[test]
fn while_a_bridge_is_taken_apart() {
    let node = Node::new("apart");
    node.run(async || {
        node.commit_quiet_bridge().await;
        let apart = json!({
            "interfaces": [
                {"name": "vx7", "type": "vxlan", "state": "absent"},
                {"name": "br1", "type": "linux-bridge", "state": "absent"},
                {"name": "v0", "type": "veth", "state": "absent"},
                {"name": "e1", "type": "veth", "state": "up", "mtu": 1280, "mac-address": "02:00:00:00:00:01",
                 "ipv4": {"enabled": true, "dhcp": false, "address": [{"ip": "192.0.2.5", "prefix-length": 24}]}},
            ],
            "route-rules": {"config": [{"state": "absent", "priority": 500}]},
        });
        let steps = dies_everywhere(&node, &apart).await;
        assert!(steps > 8, "only {steps} steps: the change got smaller than the test wants");
    });
}
