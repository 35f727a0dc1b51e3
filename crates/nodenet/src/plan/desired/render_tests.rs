//! Whole policies: the examples of the seed, and what must hold across the parts.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::plan::bonding::{Bond, Carries};
use crate::plan::capture::{Cause, Source};
use crate::plan::matching::{LinkFacts, SETTLE_SECONDS};

struct Node {
    state: Value,
    links: BTreeMap<String, LinkFacts>,
    kept: Kept,
    again: bool,
    secrets: BTreeMap<&'static str, &'static str>,
    carried: BTreeMap<String, Carries>,
    busy: BTreeMap<String, String>,
    now: Timestamp,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

fn hears(ids: &[u16]) -> Value {
    let vlans: Vec<Value> = ids
        .iter()
        .map(|id| json!({"vid": id, "name": format!("net{id}")}))
        .collect();
    json!({"enabled": true, "neighbors": [[
        {"type": 5, "system-name": "sw1"},
        {"type": 127, "oui": "00:80:c2", "subtype": 3, "ieee-802-1-vlans": vlans},
    ]]})
}

impl Node {
    fn new() -> Self {
        let port = |name: &str, ids: &[u16]| json!({"name": name, "type": "ethernet", "state": "up", "lldp": hears(ids)});
        Self {
            state: json!({"interfaces": [port("eth1", &[101]), port("eth2", &[101]), port("eth3", &[102])]}),
            links: BTreeMap::new(),
            kept: Kept::default(),
            again: false,
            secrets: BTreeMap::new(),
            carried: BTreeMap::new(),
            busy: BTreeMap::new(),
            now: at(1000),
        }
    }

    fn render(&self, spec: &Value) -> Result<Rendered, RenderError> {
        render(&Request {
            spec,
            state: &self.state,
            links: &self.links,
            node: None,
            secrets: self.secrets.clone(),
            addresses: BTreeMap::new(),
            kept: &self.kept,
            again: self.again,
            defaults: Defaults::default(),
            merge: None,
            busy: &self.busy,
            carried: &self.carried,
            settle_seconds: SETTLE_SECONDS,
            now: self.now,
        })
    }

    /// Renders and remembers, as the enactment does.
    fn document(&mut self, spec: &Value) -> Value {
        let rendered = self.render(spec).unwrap();
        self.kept = rendered.kept;
        match rendered.outcome {
            Outcome::Apply { document, .. } => document,
            other => panic!("{other:?}"),
        }
    }
}

/// `eth1-dhcp-policy.yaml` of the seed.
fn dhcp_policy() -> Value {
    json!({
        "match": {"interfaces": {"name": "eth1", "type": "ethernet"}},
        "desiredState": {"interfaces": [{"ipv4": {"enabled": true, "dhcp": true}}]},
    })
}

/// `auto-bonding-policy.yaml` of the seed.
fn bonding_policy() -> Value {
    json!({
        "priority": 99,
        "match": {"interfaces": {"type": "ethernet", "lldp": {"vlan-ids": [101]}}},
        "autoConfig": {"autoBonding": true},
    })
}

#[test]
fn case_98_the_seeds_match_policy_is_rendered() {
    let mut node = Node::new();
    assert_eq!(
        node.document(&dhcp_policy()),
        json!({"interfaces": [
            {"name": "eth1", "type": "ethernet", "state": "up", "ipv4": {"enabled": true, "dhcp": true}},
        ]})
    );
    assert_eq!(node.kept.matched[0].name, "eth1");
    let mut other = Node::new();
    other.state = json!({"interfaces": [{"name": "eno1", "type": "ethernet", "state": "up"}]});
    assert_eq!(
        other.render(&dhcp_policy()).unwrap().outcome,
        Outcome::NoMatchingInterface
    );
}

#[test]
fn case_105_the_seeds_bonding_policy_is_rendered_and_stays() {
    let mut node = Node::new();
    let first = node.document(&bonding_policy());
    let expected = json!({"interfaces": [{
        "name": "bond101", "type": "bond", "state": "up",
        "link-aggregation": {"mode": "active-backup", "port": ["eth1", "eth2"]},
    }]});
    assert_eq!(first, expected);
    assert_eq!(
        node.kept.bonds,
        [Bond {
            name: "bond101".into(),
            ports: vec!["eth1".into(), "eth2".into()],
            vlan_ids: vec![101]
        }]
    );
    // The bond is there, and the announcement is gone: nothing changes.
    node.state["interfaces"]
        .as_array_mut()
        .unwrap()
        .push(expected["interfaces"][0].clone());
    node.state["interfaces"][1]["lldp"] = json!({"enabled": true, "neighbors": []});
    assert_eq!(node.document(&bonding_policy()), expected);
    // eth3 moves to the VLAN and joins.
    node.state["interfaces"][2]["lldp"] = hears(&[101]);
    let third = node.document(&bonding_policy());
    assert_eq!(
        third["interfaces"][0]["link-aggregation"]["port"],
        json!(["eth1", "eth2", "eth3"])
    );
}

#[test]
fn case_107_a_carrying_port_leaves_nothing_to_bond() {
    let mut node = Node::new();
    node.carried.insert("eth1".to_owned(), Carries::NodeAddress);
    let outcome = node.render(&bonding_policy()).unwrap().outcome;
    assert!(
        matches!(&outcome, Outcome::NothingToBond(message) if message.contains("VLAN 101 has 1 of 2 ports")),
        "{outcome:?}"
    );
}

#[test]
fn case_101_unsettled_facts_say_when_to_look_again() {
    let mut node = Node::new();
    for name in ["eth1", "eth2"] {
        node.links.insert(
            name.to_owned(),
            LinkFacts {
                heard: Some(at(990)),
                ..LinkFacts::default()
            },
        );
    }
    let rendered = node.render(&bonding_policy()).unwrap();
    assert_eq!(
        (rendered.outcome, rendered.settles),
        (Outcome::NoMatchingInterface, Some(at(1025)))
    );
    node.now = at(1025);
    node.document(&bonding_policy());
}

#[test]
fn case_102_silence_changes_nothing_until_the_policy_does() {
    let mut node = Node::new();
    let spec = json!({
        "match": {"interfaces": {"lldp": {"vlan-ids": [102]}}},
        "desiredState": {"interfaces": [{"description": "on {{ capture.matched.interfaces.0.name }}"}]},
    });
    let first = node.document(&spec);
    assert_eq!(first["interfaces"][0]["description"], "on eth3");
    node.state["interfaces"][2]["lldp"] = hears(&[]);
    assert_eq!(node.document(&spec), first);
    node.again = true;
    let rendered = node.render(&spec).unwrap();
    assert_eq!(
        (rendered.outcome, rendered.released[0].name.as_str()),
        (Outcome::NoMatchingInterface, "eth3")
    );
}

#[test]
fn case_71_captures_are_kept_and_shown_without_secrets() {
    let mut node = Node::new();
    node.state["interfaces"][0]["802.1x"] = json!({"password": "pw-one"});
    node.state["routes"] = json!({"running": [{"destination": "0.0.0.0/0", "next-hop-interface": "eth1"}]});
    let spec = json!({
        "capture": {"gw": "routes.running.destination==\"0.0.0.0/0\"", "e": "interfaces.name==eth1"},
        "desiredState": {"interfaces": [{"name": "{{ capture.gw.routes.running.0.next-hop-interface }}", "type": "ethernet"}]},
    });
    let first = node.document(&spec);
    assert!(!json!(node.kept.captures).to_string().contains("pw-one"));
    node.state["routes"]["running"] = json!([]);
    assert_eq!(node.document(&spec), first);
    // Without what was kept, the route is missed.
    node.kept = Kept::default();
    let RenderError::Policy(error) = node.render(&spec).unwrap_err() else {
        panic!("a capture fails")
    };
    assert_eq!(error.cause(), Cause::NotFound);
}

#[test]
fn secrets_are_in_the_document_and_in_nothing_that_is_shown() {
    let mut node = Node::new();
    let spec = json!({"desiredState": {"interfaces": [{
        "name": "eth1", "type": "ethernet", "802.1x": {"password": "{{ secret.psk }}"}, "description": "is {{ secret.psk }}",
    }]}});
    let RenderError::Policy(error) = node.render(&spec).unwrap_err() else {
        panic!("the secret is missing")
    };
    assert_eq!(error.cause(), Cause::Unresolved(Source::Secret));
    node.secrets.insert("psk", "pw-one");
    let Outcome::Apply { document, shown, .. } = node.render(&spec).unwrap().outcome else {
        panic!("it applies")
    };
    assert_eq!(document["interfaces"][0]["802.1x"]["password"], "pw-one");
    assert_eq!(document["interfaces"][0]["description"], "is pw-one");
    assert!(!shown.to_string().contains("pw-one"), "{shown}");
    assert!(!format!("{:?}", node.render(&spec)).contains("pw-one"));
    assert_eq!(shown["interfaces"][0]["802.1x"]["password"], MASK);
}

#[test]
fn case_33_a_rendered_document_is_decoded_strictly() {
    let error = Node::new()
        .render(
            &json!({"desiredState": {"interfaces": [{"name": "eth1", "type": "ethernet", "mtuu": 1400}]}}),
        )
        .unwrap_err();
    assert!(error.to_string().contains("unknown field `mtuu`"), "{error}");
}

#[test]
fn case_30_case_31_nothing_desired_is_nothing_to_do() {
    for spec in [
        json!({}),
        json!({"desiredState": {}}),
        json!({"desiredState": {"interfaces": null}}),
    ] {
        assert_eq!(
            Node::new().render(&spec).unwrap().outcome,
            Outcome::Empty,
            "{spec}"
        );
    }
}
