//! What was applied is undone: by call, by the time limit, after a kill.

use std::time::Duration;

use handler::backend::kernel::Allowance;
use handler::backend::{BackendError, NetBackend as _, Recovery, RolledBack, TakenBack};
use serde_json::json;

use super::child::{Child, Death};
use super::ground::{Node, begin, bridge, change};

const SHORT: Duration = Duration::from_secs(1);

#[test]
fn by_call() {
    let node = Node::new("call");
    node.run(async || {
        let before = node.state();
        let backend = node.backend();
        let open = begin(&backend, bridge()).await.unwrap();
        assert!(node.link("br1").is_some());
        assert_eq!(backend.rollback(&open).await.unwrap(), RolledBack::default());
        node.is_again(&before).await;
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
    });
}

#[test]
fn by_the_time_limit() {
    let node = Node::new("limit");
    node.run(async || {
        let before = node.state();
        let backend = node.backend();
        let open = backend.begin(&change(bridge(), SHORT)).await.unwrap();
        node.is_again(&before).await;
        let error = backend.commit(&open).await.unwrap_err();
        assert!(
            matches!(&error, BackendError::Lost { rolled_back, .. } if rolled_back.differs.is_empty()),
            "{error}"
        );
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
    });
}

#[test]
fn case_44_after_a_kill_between_apply_and_commit() {
    let node = Node::new("kill");
    node.run(async || {
        let before = node.state();
        Child::new(&node, bridge()).timeout(SHORT).run(Death::WhenOpen);
        assert!(node.link("br1").is_some(), "the change outlives the process");
        node.is_again(&before).await;
        let recovered = node.backend().recover().await.unwrap();
        let Recovery::RolledBack {
            policy,
            generation,
            outcome,
            by,
        } = recovered
        else {
            panic!("{recovered:?}");
        };
        assert_eq!((policy.as_str(), generation, by), ("p", 7, TakenBack::TimeLimit));
        assert_eq!(outcome, RolledBack::default());
    });
}

#[test]
fn case_44_a_restarted_handler_does_not_wait_for_the_time_limit() {
    let node = Node::new("restart");
    node.run(async || {
        let before = node.state();
        Child::new(&node, bridge()).run(Death::WhenOpen);
        let recovered = node.backend().recover().await.unwrap();
        assert!(
            matches!(
                recovered,
                Recovery::RolledBack {
                    by: TakenBack::Now,
                    ..
                }
            ),
            "{recovered:?}"
        );
        node.is_again(&before).await;
        node.commit(bridge()).await;
    });
}

#[test]
fn a_policy_that_cuts_the_node_off_its_gateway_leaves_it_as_it_was() {
    let node = Node::new("gateway");
    node.run(async || {
        node.ip("route add default via 192.0.2.1 dev e1");
        let before = node.state();
        let backend = node.backend();
        let desired = json!({
            "interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "ipv4": {"enabled": false}}],
            "routes": {"config": [{"state": "absent", "next-hop-interface": "e1"}]},
        });
        let open = begin(&backend, desired).await.unwrap();
        assert_eq!(node.ip("route show"), "");
        assert_eq!(backend.rollback(&open).await.unwrap(), RolledBack::default());
        node.is_again(&before).await;
    });
}

#[test]
fn a_deleted_pair_comes_back_with_all_it_had() {
    let node = Node::new("deleted");
    node.run(async || {
        node.ip("link set v0 mtu 1380");
        node.ip("address add 203.0.113.1/30 dev v0 label v0:one");
        node.ip("route add 203.0.113.128/25 via 203.0.113.2 dev v0 metric 9 src 203.0.113.1");
        let before = node.state();
        let backend = node.backend();
        let gone = json!({"interfaces": [{"name": "v0", "type": "veth", "state": "absent"}]});
        let open = begin(&backend, gone).await.unwrap();
        assert!(node.link("v0").is_none() && node.link("v1").is_none());
        assert_eq!(backend.rollback(&open).await.unwrap(), RolledBack::default());
        node.is_again(&before).await;
    });
}

#[test]
fn a_bridge_with_other_options_and_ports_comes_back() {
    let node = Node::new("bridge");
    node.run(async || {
        node.commit_quiet_bridge().await;
        let before = node.state();
        let backend = node.backend();
        let other = json!({"interfaces": [
            {"name": "br1", "type": "linux-bridge", "state": "up", "mtu": 1500, "mac-address": "02:00:00:00:00:77",
             "bridge": {"options": {"stp": {"enabled": false}, "mac-ageing-time": 10},
                        "port": [{"name": "v0", "vlan": {}, "stp-hairpin-mode": true}]}},
            {"name": "vx7", "type": "vxlan", "state": "absent"},
            {"name": "e1", "type": "ethernet", "state": "down"},
        ]});
        let open = begin(&backend, other).await.unwrap();
        assert_eq!(backend.rollback(&open).await.unwrap(), RolledBack::default());
        node.is_again(&before).await;
    });
}

#[test]
fn what_others_did_meanwhile_stays() {
    let node = Node::new("others");
    node.run(async || {
        let backend = node.backend();
        let open = begin(&backend, bridge()).await.unwrap();
        node.ip("link add pod1 type veth peer name pod1p");
        node.ip("route add 10.244.1.0/24 dev v1");
        node.ip("address add 203.0.113.200/32 dev v1");
        assert_eq!(backend.rollback(&open).await.unwrap(), RolledBack::default());
        assert!(node.link("pod1").is_some());
        assert!(node.ip("route show").contains("10.244.1.0/24"));
        assert_eq!(node.addresses("v1"), ["203.0.113.200/32"]);
    });
}

#[test]
fn what_the_kernel_refuses_half_way_is_undone() {
    let node = Node::new("refused");
    node.run(async || {
        let before = node.state();
        let backend = node.backend();
        let mut desired = bridge();
        // No route to that router: the kernel says no when all links are made.
        desired["routes"]["config"] = json!([
            {"destination": "198.51.100.0/24", "next-hop-interface": "br1", "next-hop-address": "10.9.9.9"},
        ]);
        let error = begin(&backend, desired).await.unwrap_err();
        let BackendError::Failed { reason, rolled_back } = &error else {
            panic!("{error:?}")
        };
        assert!(
            reason.contains("cannot add route 198.51.100.0/24 via 10.9.9.9 dev br1"),
            "{reason}"
        );
        assert_eq!(rolled_back.as_ref(), Some(&RolledBack::default()));
        node.is_again(&before).await;
        assert_eq!(backend.recover().await.unwrap(), Recovery::Nothing);
    });
}

#[test]
fn case_75_name_servers_come_back() {
    let node = Node::new("resolver");
    node.run(async || {
        std::fs::write(node.path("resolv.conf"), "nameserver 192.0.2.1\n").unwrap();
        let backend = node.backend().allowing(Allowance {
            resolver_file: true,
            ..Allowance::default()
        });
        let dead = json!({"dns-resolver": {"config": {"server": ["203.0.113.53"], "search": []}}});
        backend.begin(&change(dead, SHORT)).await.unwrap();
        assert!(node.resolver().unwrap().contains("203.0.113.53"));
        testkit::eventually(super::ground::DEADLINE, "the name server is back", || async {
            let now = node.resolver();
            if now.as_deref() == Some("nameserver 192.0.2.1\n") {
                Ok(())
            } else {
                Err(format!("{now:?}"))
            }
        })
        .await;
    });
}

#[test]
fn what_cannot_be_put_back_is_told() {
    let node = Node::new("differs");
    node.run(async || {
        let backend = node.backend();
        let lower = json!({"interfaces": [{"name": "e1", "type": "ethernet", "state": "up", "mtu": 1300}]});
        let open = begin(&backend, lower).await.unwrap();
        // Somebody takes the card out of the machine.
        node.ip("link del e1");
        let outcome = backend.rollback(&open).await.unwrap();
        // A pair is made anew, with everything it had.
        assert_eq!(outcome, RolledBack::default());
        assert_eq!(node.link("e1").unwrap()["mtu"], 1500);
    });
}
