use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::plan::capture::{Sources, States};

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

/// Neighbours as nmstate shows them.
fn hears(vlans: &[u16], pvid: Option<u16>, system: &str) -> Value {
    let named: Vec<Value> = vlans
        .iter()
        .map(|id| json!({"name": format!("net{id}"), "vid": id}))
        .collect();
    let mut tlvs = vec![
        json!({"type": 1, "chassis-id": "00:01:30:F9:AD:A0", "chassis-id-type": 4}),
        json!({"type": 5, "system-name": system}),
        json!({"type": 2, "port-id": "Eth1/7", "port-id-type": 5}),
        json!({"type": 127, "oui": "00:80:c2", "subtype": 3, "ieee-802-1-vlans": named}),
    ];
    if let Some(id) = pvid {
        tlvs.push(json!({"type": 127, "oui": "00:80:c2", "subtype": 1, "ieee-802-1-pvid": id}));
    }
    json!({"enabled": true, "neighbors": [tlvs]})
}

fn state() -> Value {
    json!({"interfaces": [
        {"name": "lo", "type": "loopback", "state": "up"},
        {
            "name": "eth1", "type": "ethernet", "state": "up", "mac-address": "52:54:00:AA:00:01", "driver": "virtio_net",
            "alt-names": [{"name": "enp1s0"}], "lldp": hears(&[101, 102], None, "sw1"),
        },
        {"name": "eth2", "type": "ethernet", "state": "up", "lldp": hears(&[103], None, "sw2")},
        {"name": "eth3", "type": "ethernet", "state": "ignore", "lldp": hears(&[101], None, "sw1")},
        {"name": "v1", "type": "veth", "state": "up", "lldp": hears(&[], Some(101), "sw3")},
        {"name": "br0", "type": "linux-bridge", "state": "up", "bridge": {"port": [{"name": "eth2"}]}},
    ]})
}

struct Node {
    state: Value,
    links: BTreeMap<String, LinkFacts>,
    created: BTreeSet<String>,
    now: Timestamp,
}

impl Node {
    fn new() -> Self {
        Self {
            state: state(),
            links: BTreeMap::new(),
            created: BTreeSet::new(),
            now: at(1000),
        }
    }

    fn select(&self, rules: &Value) -> Selection {
        let rules = Rules::parse(rules).unwrap();
        let candidates = Candidates {
            state: &self.state,
            links: &self.links,
            created: &self.created,
            now: self.now,
            settle_seconds: SETTLE_SECONDS,
        };
        select(&rules, &candidates)
    }

    fn matched(&self, rules: &Value) -> Vec<String> {
        self.select(rules).matched.into_keys().collect()
    }
}

#[test]
fn each_key_is_held_against_its_fact() {
    let mut node = Node::new();
    node.links.insert(
        "eth1".to_owned(),
        LinkFacts {
            carrier: Some(true),
            ..LinkFacts::default()
        },
    );
    for (rules, expected) in [
        (json!({"name": "eth1"}), vec!["eth1"]),
        (json!({"name": "enp1*"}), vec!["eth1"]),
        (json!({"name": ["eth[2-3]", "v*"]}), vec!["eth2", "v1"]),
        (json!({"name": "lo"}), vec![]),
        // Ethernet is not veth.
        (json!({"type": "ethernet"}), vec!["eth1", "eth2"]),
        (json!({"type": ["ethernet", "veth"]}), vec!["eth1", "eth2", "v1"]),
        (json!({"state": "ignore"}), vec!["eth3"]),
        (json!({"mac-address": "52:54:00:aa:*"}), vec!["eth1"]),
        (json!({"driver": "virtio*"}), vec!["eth1"]),
        (json!({"carrier": true}), vec!["eth1"]),
        (json!({"type": "ethernet", "controller": "br0"}), vec!["eth2"]),
        (json!({"type": "ethernet", "controller": ""}), vec!["eth1"]),
        (
            json!({"lldp": {"system-name": "sw*", "port-id": "Eth1/?"}, "type": "veth"}),
            vec!["v1"],
        ),
        (
            json!({"lldp": {"chassis-id": "00:01:30:*", "pvid": 101}}),
            vec!["v1"],
        ),
        // All keys of one rule; one rule of the list.
        (
            json!([{"name": "eth1", "type": "veth"}, {"name": "br0"}]),
            vec!["br0"],
        ),
    ] {
        assert_eq!(node.matched(&rules), expected, "{rules}");
    }
}

#[test]
fn all_lldp_keys_are_held_against_one_neighbour() {
    let mut node = Node::new();
    let tlvs = |value: Value| value["neighbors"][0].clone();
    node.state["interfaces"][1]["lldp"]["neighbors"] =
        json!([tlvs(hears(&[101], None, "sw1")), tlvs(hears(&[102], None, "sw2"))]);
    assert_eq!(
        node.matched(&json!({"lldp": {"vlan-ids": [101], "system-name": "sw1"}})),
        ["eth1"]
    );
    assert_eq!(
        node.matched(&json!({"lldp": {"vlan-ids": [101], "system-name": "sw2"}})),
        Vec::<String>::new()
    );
}

#[test]
fn case_98_a_template_is_rendered_for_the_matched_interface_only() {
    let node = Node::new();
    let desired = json!({"interfaces": [{"ipv4": {"enabled": true, "dhcp": true}}]});
    let selection = node.select(&json!({"name": "eth1", "type": "ethernet"}));
    let matched = selection
        .matched
        .iter()
        .map(|(name, found)| (name.clone(), found.neighbour.clone()))
        .collect();
    let rendered = expand(&desired, &node.state, &matched, &Sources::default()).unwrap();
    assert_eq!(
        rendered,
        json!({"interfaces": [{"name": "eth1", "type": "ethernet", "ipv4": {"enabled": true, "dhcp": true}}]})
    );
    // A node without eth1: nothing matches, and every interface says why.
    let mut other = Node::new();
    other.state["interfaces"][1]["name"] = json!("eno1");
    let selection = other.select(&json!({"name": "eth1", "type": "ethernet"}));
    assert!(selection.matched.is_empty());
    assert_eq!(selection.others["eno1"], "name is eno1 or enp1s0");
}

#[test]
fn case_99_only_the_interface_that_hears_the_vlan() {
    assert_eq!(
        Node::new().matched(&json!({"type": "ethernet", "lldp": {"vlan-ids": [101]}})),
        ["eth1"]
    );
}

#[test]
fn case_100_the_port_vlan_counts_among_the_ids() {
    assert_eq!(
        Node::new().matched(&json!({"type": "veth", "lldp": {"vlan-ids": [101]}})),
        ["v1"]
    );
}

#[test]
fn case_101_facts_are_used_once_they_have_settled() {
    let mut node = Node::new();
    node.links.insert(
        "eth1".to_owned(),
        LinkFacts {
            heard: Some(at(1060)),
            ..LinkFacts::default()
        },
    );
    node.now = at(1094);
    let rules = json!({"lldp": {"vlan-ids": [101]}, "type": "ethernet"});
    let selection = node.select(&rules);
    assert_eq!(
        (selection.matched.len(), &selection.settling),
        (0, &BTreeMap::from([("eth1".to_owned(), at(1095))]))
    );
    node.now = at(1095);
    assert_eq!(node.matched(&rules), ["eth1"]);
}

#[test]
fn case_102_what_once_matched_is_held_until_the_policy_changes() {
    let mut node = Node::new();
    let rules = json!({"type": "ethernet", "lldp": {"vlan-ids": [101]}});
    let first = hold(&[], &node.select(&rules), false, at(1));
    assert_eq!(
        first
            .kept
            .iter()
            .map(|held| (held.name.as_str(), held.since.0))
            .collect::<Vec<_>>(),
        [("eth1", at(1))]
    );
    assert_eq!(first.kept[0].reason, "type ethernet, lldp vlan-ids 101");
    // The cable is pulled.
    node.state["interfaces"][1]["lldp"]["neighbors"] = json!([]);
    let silent = node.select(&rules);
    let second = hold(&first.kept, &silent, false, at(500));
    assert_eq!(
        (second.kept.clone(), second.released.len()),
        (first.kept.clone(), 0)
    );
    // A rematch lets it go, unless the facts are about to settle.
    let third = hold(&second.kept, &silent, true, at(600));
    assert_eq!((third.kept.len(), third.released), (0, first.kept.clone()));
    let mut settling = silent;
    settling.settling.insert("eth1".to_owned(), at(601));
    assert_eq!(hold(&second.kept, &settling, true, at(600)).kept, first.kept);
}

#[test]
fn templates_may_say_what_the_interface_and_its_switch_are() {
    let node = Node::new();
    let selection = node.select(&json!({"name": "eth1"}));
    let neighbour = selection.matched["eth1"].neighbour.clone();
    let captures = States::from([(
        "matched".to_owned(),
        json!({"interfaces": [node.state["interfaces"][1]]}),
    )]);
    let desired = json!({
        "interfaces": [
            {"description": "{{ interface.lldp.system-name }} {{ interface.lldp.port-id }} {{ interface.mac-address }}"},
            {"type": "veth", "mtu": 9000},
            {"mtu": 1400, "description": "first"},
            {"name": "eth1", "mtu": 1450},
            {"name": "{{ capture.matched.interfaces.0.name }}.7", "type": "vlan"},
        ],
        "hostname": {"config": "{{ capture.matched.interfaces.0.name }}"},
    });
    let matched = BTreeMap::from([("eth1".to_owned(), neighbour), ("gone".to_owned(), None)]);
    let sources = Sources {
        captures: Some(&captures),
        ..Sources::default()
    };
    let rendered = expand(&desired, &node.state, &matched, &sources).unwrap();
    assert_eq!(
        rendered,
        json!({
            // The named entry wins over templates, of which the later wins.
            "interfaces": [
                {"name": "eth1", "type": "ethernet", "mtu": 1450, "description": "first"},
                {"name": "eth1.7", "type": "vlan"},
            ],
            "hostname": {"config": "eth1"},
        })
    );
}

#[test]
fn what_a_switch_says_is_never_a_reference() {
    let node = Node::new();
    let neighbour = Neighbour {
        system_name: Some("{{ secret.psk }}".to_owned()),
        ..Neighbour::default()
    };
    let sources = Sources {
        secrets: [("psk", "s3cret")].into(),
        ..Sources::default()
    };
    let desired = json!({"interfaces": [{"description": "{{ interface.lldp.system-name }}"}]});
    let matched = BTreeMap::from([("eth1".to_owned(), Some(neighbour))]);
    let rendered = expand(&desired, &node.state, &matched, &sources).unwrap();
    assert_eq!(rendered["interfaces"][0]["description"], "{{ secret.psk }}");
}

#[test]
fn an_interface_no_template_is_meant_for_does_not_match() {
    let desired = json!({"interfaces": [{"type": "veth", "mtu": 9000}]});
    assert_eq!(wanted(&desired, &state(), ["eth1", "v1"]), ["v1"]);
}

#[test]
fn own_interfaces_are_no_candidates() {
    let mut node = Node::new();
    node.created.insert("br0".to_owned());
    assert_eq!(
        node.matched(&json!({"type": "linux-bridge"})),
        Vec::<String>::new()
    );
}

#[test]
fn every_wrong_key_and_value_is_named() {
    let problems = Rules::parse(&json!([
        {"nam": "eth1", "state": "absent"},
        {"lldp": {"vlan-ids": 101, "pvid": 4095, "system": "x"}},
        {"name": "eth[", "carrier": "yes", "type": []},
        {},
        "eth1",
    ]))
    .unwrap_err();
    let mut paths: Vec<&str> = problems
        .iter()
        .map(|p| p.path.trim_start_matches("spec.match.interfaces"))
        .collect();
    paths.sort_unstable();
    assert_eq!(
        paths,
        [
            "[0].nam",
            "[0].state",
            "[1].lldp.pvid",
            "[1].lldp.system",
            "[1].lldp.vlan-ids",
            "[2].carrier",
            "[2].name",
            "[2].type",
            "[3]",
            "[4]",
        ]
    );
    assert!(Rules::parse(&json!([])).is_err());
}

#[test]
fn match_template_and_auto_config_need_each_other() {
    let paths =
        |spec: Value| -> Vec<String> { check(&spec).into_iter().map(|problem| problem.path).collect() };
    let rules = json!({"interfaces": {"name": "eth1"}});
    let template = json!({"interfaces": [{"mtu": 1400}]});
    let named = json!({"interfaces": [{"name": "eth1"}]});
    let bonding = json!({"autoBonding": true});
    for (spec, expected) in [
        (json!({"match": rules, "desiredState": template}), vec![]),
        (json!({"desiredState": named}), vec![]),
        (json!({"match": rules, "autoConfig": bonding}), vec![]),
        (json!({"match": rules, "desiredState": named}), vec!["spec.match"]),
        (
            json!({"desiredState": template}),
            vec!["spec.desiredState.interfaces[0]"],
        ),
        (
            json!({"match": rules, "autoConfig": {"bond": {}}}),
            vec!["spec.autoConfig.autoBonding"],
        ),
        (json!({"autoConfig": bonding}), vec!["spec.autoConfig"]),
        (
            json!({"match": {"nodes": 1, "interfaces": {"name": "x"}}, "desiredState": template}),
            vec!["spec.match.nodes"],
        ),
    ] {
        assert_eq!(paths(spec.clone()), expected, "{spec}");
    }
}
