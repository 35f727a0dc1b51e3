//! Reviews of single documents; what the API server makes of them is tested in `tests/admission`.

use std::collections::BTreeMap;

use api::nmstate::Policy;
use serde_json::{Value, json};

use super::*;
use crate::plan::condition::enactment::Said;
use crate::plan::selector::Labels;

fn problems(spec: &Value) -> Vec<String> {
    let review = review("p", spec, Surroundings::default());
    review.problems.iter().map(ToString::to_string).collect()
}

fn refused(spec: &Value, words: &str) {
    let found = problems(spec);
    assert!(
        found.iter().any(|p| p.contains(words)),
        "{spec}: {words} not in {found:?}"
    );
}

#[test]
fn case_14_an_unknown_key_is_named() {
    assert_eq!(
        problems(&json!({"desiredState": {"interfaces": [{"name": "eth1", "type": "ethernet"}]}})),
        [""; 0]
    );
    refused(&json!({"desiredState": {"interfacez": []}}), "interfacez");
}

#[test]
fn case_15_expressions_are_parsed() {
    let with = |text: &str| json!({"capture": {"e": text}, "desiredState": {}});
    assert_eq!(problems(&with("interfaces.name=~\"foo\"")), [""; 0]);
    refused(&with("interfaces.name=~~foo"), "spec.capture.e");
}

#[test]
fn case_72_references_to_nothing_are_refused() {
    let spec = json!({"desiredState": {"interfaces": [{"name": "{{ capture.b.interfaces.0.name }}"}]}});
    refused(&spec, "b");
}

#[test]
fn a_match_needs_a_template_and_a_template_a_match() {
    refused(
        &json!({"match": {"interfaces": {"name": "eth1"}}, "desiredState": {}}),
        "spec.match",
    );
    refused(
        &json!({"desiredState": {"interfaces": [{"mtu": 1500}]}}),
        "spec.desiredState.interfaces[0]",
    );
    refused(&json!({"autoConfig": {"autoBonding": false}}), "autoConfig");
    let two = json!([{"name": "s", "secretRef": {"name": "a", "namespace": "b", "key": "c"}}, {"name": "s",
        "secretRef": {"name": "a", "namespace": "b", "key": "d"}}]);
    refused(&json!({"secrets": two}), "spec.secrets[1].name");
}

#[test]
fn probes_that_cannot_be_meant_are_refused() {
    let with = |probes: Value| json!({"desiredState": {}, "probes": probes});
    assert_eq!(
        problems(&with(json!({"timeoutSeconds": 5, "preflightSeconds": 0}))),
        [""; 0]
    );
    refused(
        &with(json!({"apiServer": {"mode": "Disabled"}})),
        "spec.probes.apiServer.mode",
    );
    refused(
        &with(json!({"tcp": [{"host": "db.example", "port": 22}]})),
        "spec.probes.tcp[0].host",
    );
}

fn policy(name: &str, spec: &Value) -> Policy {
    serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).expect("a policy")
}

fn warned(name: &str, spec: &Value, others: &[Policy]) -> Vec<String> {
    let labels = |zone: &str| Labels::from([("zone".to_owned(), zone.to_owned())]);
    let nodes = BTreeMap::from([("n1".to_owned(), labels("a")), ("n2".to_owned(), labels("b"))]);
    let others: Vec<&Policy> = others.iter().collect();
    let around = Surroundings {
        nodes: Some(&nodes),
        policies: Some(&others),
    };
    review(name, spec, around).warnings
}

#[test]
fn authors_are_warned_but_not_stopped() {
    let one = |warnings: Vec<String>, words: &str| {
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains(words), "{warnings:?}");
    };
    assert_eq!(warned("p", &json!({}), &[]), [""; 0]);
    one(warned("p", &json!({"maxUnavailable": "abc"}), &[]), "\"abc\"");
    one(
        warned("p", &json!({"nodeSelector": {"zone": "c"}}), &[]),
        "matches no node",
    );
    one(
        warned("p", &json!({"after": ["q"]}), &[]),
        "q, which does not exist",
    );
    let q = policy("q", &json!({"after": ["r"]}));
    let r = policy("r", &json!({"after": ["p"]}));
    one(
        warned("p", &json!({"after": ["q"]}), &[q, r]),
        "p after q after r after p",
    );
}

#[test]
fn two_policies_that_set_one_interface_on_a_common_node_are_named() {
    let eth1 = |zone: &str, priority: i32| {
        let wanted = json!({"interfaces": [{"name": "eth1", "type": "ethernet"}]});
        json!({"nodeSelector": {"zone": zone}, "priority": priority, "desiredState": wanted})
    };
    let warnings = warned("p", &eth1("a", 0), &[policy("q", &eth1("a", 0))]);
    assert_eq!(warnings.len(), 1);
    for word in ["policy q", "eth1", "n1"] {
        assert!(warnings[0].contains(word), "{warnings:?}");
    }
    assert_eq!(
        warned("p", &eth1("a", 0), &[policy("q", &eth1("a", 1))]),
        [""; 0],
        "another priority"
    );
    assert_eq!(
        warned("p", &eth1("a", 0), &[policy("q", &eth1("b", 0))]),
        [""; 0],
        "no common node"
    );
    assert_eq!(
        warned("q", &eth1("a", 0), &[policy("q", &eth1("a", 0))]),
        [""; 0],
        "itself"
    );
}

#[test]
fn a_nodes_own_state_waits_for_its_enactment() {
    let old = json!({"desiredState": {"interfaces": []}});
    let new = json!({"desiredState": {"interfaces": [{"name": "eth1"}]}});
    let text = |said| -> Vec<String> {
        review_state("n1", Some(&old), &new, said)
            .into_iter()
            .map(|p| p.message)
            .collect()
    };
    assert_eq!(
        text(Some(Said::Progressing)),
        ["node desired state of n1 is still in progress"]
    );
    assert_eq!(text(Some(Said::Available)), [""; 0]);
    assert!(
        review_state("n1", Some(&old), &old, Some(Said::Progressing)).is_empty(),
        "nothing changes"
    );
    let wrong = json!({"desiredState": {"interfacez": []}});
    assert!(!review_state("n1", None, &wrong, None).is_empty());
    assert!(review_state("n1", None, &json!({"desiredState": {"interfaces": null}}), None).is_empty());
}
