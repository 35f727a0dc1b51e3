//! What is wished becomes true, and what is true is left alone.

use handler::backend::NetBackend as _;
use handler::backend::kernel::Allowance;
use serde_json::{Value, json};

use super::ground::{LONG, Node, begin, bridge, change};

/// No step is left, and nmstate sees no difference that we would act on.
async fn is_true(node: &Node, desired: &Value) {
    let plan = node.backend().plan(desired).await.unwrap();
    assert!(plan.is_no_op(), "{plan:#?}");
}

#[test]
fn a_bridge_takes_over_ports_addresses_routes_and_rules() {
    let node = Node::new("apply");
    node.run(async || {
        node.commit(bridge()).await;
        let br1 = node.link("br1").unwrap();
        assert_eq!(
            (&br1["mtu"], &br1["linkinfo"]["info_data"]["stp_state"]),
            (&json!(1400), &json!(1))
        );
        assert_eq!(br1["linkinfo"]["info_data"]["forward_delay"], 400);
        assert_eq!(br1["linkinfo"]["info_data"]["ageing_time"], 12_000);
        assert_eq!(
            node.addresses("br1"),
            ["192.0.2.5/24", "203.0.113.9/28", "2001:db8::5/64"]
        );
        let e1 = node.link("e1").unwrap();
        assert_eq!(e1["master"], "br1");
        assert_eq!(e1["linkinfo"]["info_slave_data"]["cost"], 50);
        assert_eq!(
            node.addresses("e1"),
            Vec::<String>::new(),
            "a port has no address of its own"
        );
        assert_eq!(node.link("v1").unwrap()["mtu"], 1300);
        let vx7 = node.link("vx7").unwrap();
        assert_eq!(
            (&vx7["mtu"], &vx7["linkinfo"]["info_data"]["id"]),
            (&json!(1350), &json!(7))
        );
        assert_eq!(
            (
                &vx7["linkinfo"]["info_data"]["link"],
                &vx7["linkinfo"]["info_data"]["port"]
            ),
            (&json!("br1"), &json!(4789))
        );
        let main = node.ip("route show table main");
        assert!(main.contains("198.51.100.0/24 via 192.0.2.1 dev br1"), "{main}");
        assert!(main.contains("blackhole 10.66.0.0/16"), "{main}");
        assert!(!main.contains("dev e1"), "{main}");
        let table = node.ip("route show table 1000");
        assert!(
            table.contains("default via 192.0.2.1 dev br1 proto static metric 77 "),
            "{table}"
        );
        assert!(table.contains("mtu 1280"), "{table}");
        let rules = node.ip("rule show");
        assert!(rules.contains("500:\tfrom 203.0.113.0/28 lookup 1000"), "{rules}");
        assert!(
            node.ip("-6 rule show")
                .contains("501:\tfrom all to 2001:db8:9::/48 lookup main")
        );
        is_true(&node, &bridge()).await;
    });
}

#[test]
fn the_same_again_is_no_step() {
    let node = Node::new("again");
    node.run(async || {
        node.commit(bridge()).await;
        let before = node.state();
        let mut settings = node.settings();
        settings.before_step = Some(std::sync::Arc::new(|step| panic!("a step: {step}")));
        let backend = handler::backend::KernelBackend::new(settings);
        let open = begin(&backend, bridge()).await.unwrap();
        backend.commit(&open).await.unwrap();
        assert_eq!(node.state(), before);
    });
}

#[test]
fn addresses_are_replaced_and_families_switched_off() {
    let node = Node::new("address");
    node.run(async || {
        let desired = json!({"interfaces": [{
            "name": "e1", "type": "ethernet", "state": "up",
            "ipv4": {"enabled": true, "dhcp": false, "address": [{"ip": "192.0.2.6", "prefix-length": 25}]},
            "ipv6": {"enabled": false},
        }]});
        node.commit(desired.clone()).await;
        assert_eq!(node.addresses("e1"), ["192.0.2.6/25"]);
        assert!(!node.ip("address show dev e1").contains("inet6"), "IPv6 is off");
        is_true(&node, &desired).await;
        node.commit(json!({"interfaces": [{
            "name": "e1", "type": "ethernet", "state": "up", "ipv4": {"enabled": false},
            "ipv6": {"enabled": true, "dhcp": false, "autoconf": false, "address": [
                {"ip": "2001:db8:1::6", "prefix-length": 64},
            ]},
        }]}))
        .await;
        assert_eq!(node.addresses("e1"), ["2001:db8:1::6/64"]);
    });
}

#[test]
fn ports_leave_and_bridges_go() {
    let node = Node::new("leave");
    node.run(async || {
        node.commit(bridge()).await;
        node.commit(json!({"interfaces": [{
            "name": "br1", "type": "linux-bridge", "state": "up",
            "bridge": {"options": {"stp": {"enabled": false}}, "port": [{"name": "e1", "vlan": {}}]},
        }]}))
        .await;
        assert_eq!(node.link("v0").unwrap()["master"], Value::Null);
        assert_eq!(node.link("e1").unwrap()["master"], "br1");
        assert_eq!(node.link("br1").unwrap()["linkinfo"]["info_data"]["stp_state"], 0);
        assert_eq!(node.addresses("br1").len(), 3, "what was not named stays");
        let gone = json!({"interfaces": [
            {"name": "vx7", "type": "vxlan", "state": "absent"},
            {"name": "br1", "type": "linux-bridge", "state": "absent"},
        ]});
        node.commit(gone.clone()).await;
        assert!(node.link("br1").is_none() && node.link("vx7").is_none());
        is_true(&node, &gone).await;
    });
}

#[test]
fn a_pair_is_made_and_goes() {
    let node = Node::new("pair");
    node.run(async || {
        let pair = |state: &str| {
            json!({"interfaces": [
                {"name": "a0", "type": "veth", "state": state, "veth": {"peer": "a1"}, "mtu": 1450},
            ]})
        };
        node.commit(pair("up")).await;
        assert_eq!(node.link("a0").unwrap()["mtu"], 1450);
        assert!(
            node.link("a1").unwrap()["flags"]
                .as_array()
                .unwrap()
                .contains(&json!("UP"))
        );
        is_true(&node, &pair("up")).await;
        node.commit(pair("absent")).await;
        assert!(node.link("a0").is_none() && node.link("a1").is_none());
    });
}

#[test]
fn routes_and_rules_are_taken_away_by_what_they_have() {
    let node = Node::new("routes");
    node.run(async || {
        node.ip("rule add from 192.0.2.77 lookup 500 priority 900");
        node.commit(json!({
            "interfaces": [],
            "routes": {"config": [
                {"state": "absent", "destination": "198.51.100.0/24"},
                {"destination": "198.51.100.0/25", "next-hop-interface": "e1", "next-hop-address": "192.0.2.2",
                 "weight": 1},
                {"destination": "198.51.100.0/25", "next-hop-interface": "e1", "next-hop-address": "192.0.2.3",
                 "weight": 3},
            ]},
            "route-rules": {"config": [{"state": "absent", "ip-from": "192.0.2.77/32", "route-table": 500}]},
        }))
        .await;
        let routes = node.ip("route show");
        assert!(!routes.contains("198.51.100.0/24"), "{routes}");
        assert!(routes.contains("nexthop via 192.0.2.3 dev e1 weight 3"), "{routes}");
        assert!(!node.ip("rule show").contains("192.0.2.77"));
    });
}

#[test]
fn name_servers_are_written_only_when_allowed() {
    let node = Node::new("dns");
    node.run(async || {
        let desired =
            json!({"dns-resolver": {"config": {"server": ["192.0.2.53"], "search": ["example.org"]}}});
        let error = begin(&node.backend(), desired.clone()).await.unwrap_err();
        assert!(error.to_string().contains("dnsMode: File"), "{error}");
        let allowed = node.backend().allowing(Allowance {
            resolver_file: true,
            ..Allowance::default()
        });
        let open = allowed.begin(&change(desired.clone(), LONG)).await.unwrap();
        assert!(
            node.resolver()
                .unwrap()
                .ends_with("search example.org\nnameserver 192.0.2.53\n")
        );
        allowed.rollback(&open).await.unwrap();
        assert_eq!(node.resolver(), None);
    });
}
